"""The output of frozen layers, computed once and stored."""

from .cache import Cache as Cache
