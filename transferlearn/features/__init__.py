"""The output of frozen layers, computed once and stored."""

from transferlearn.features.cache import Cache as Cache
from transferlearn.features.storage import Storage as Storage
