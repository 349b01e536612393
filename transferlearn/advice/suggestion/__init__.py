"""What to start from: backbone, image size and freeze depth, from one pass over some images."""

from transferlearn.advice.suggestion.suggesting import suggest as suggest
from transferlearn.advice.suggestion.table import Suggestion as Suggestion
from transferlearn.advice.suggestion.table import Suggestions as Suggestions
