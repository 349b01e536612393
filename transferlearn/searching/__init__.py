"""Searches for the settings of a builder that score best."""

from transferlearn.searching.entrance import search as search
from transferlearn.searching.results import Search as Search
from transferlearn.searching.results import Trial as Trial
from transferlearn.searching.space import Range as Range
