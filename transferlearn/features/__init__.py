"""Stores the output of frozen layers, so that later epochs and fits need not compute it."""

from transferlearn.features.cache import Cache as Cache
from transferlearn.features.storage import Storage as Storage
