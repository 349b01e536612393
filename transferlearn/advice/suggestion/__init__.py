"""Suggests a backbone, an image size and a freeze depth, from one pass over some items."""

from transferlearn.advice.suggestion.suggesting import suggest as suggest
from transferlearn.advice.suggestion.table import Suggestion as Suggestion
from transferlearn.advice.suggestion.table import Suggestions as Suggestions
