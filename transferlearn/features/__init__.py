"""Stores the output of frozen layers, which is computed once for each item."""

from transferlearn.features.cache import Cache as Cache
from transferlearn.features.storage import Storage as Storage
