"""What to start from: backbone, image size and freeze depth, from one pass over some images."""

from transferlearn.suggestion.suggesting import suggest as suggest
from transferlearn.suggestion.table import Suggestion as Suggestion
from transferlearn.suggestion.table import Suggestions as Suggestions
