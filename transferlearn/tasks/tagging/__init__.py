"""Learns the tags of words: entities such as names, or parts of speech."""

from transferlearn.tasks.tagging.encoding import EntityEncoding as EntityEncoding
from transferlearn.tasks.tagging.encoding import TokenClassification as TokenClassification
from transferlearn.tasks.tagging.encoding import WordTagEncoding as WordTagEncoding
from transferlearn.tasks.tagging.figures import TagEvaluation as TagEvaluation
from transferlearn.tasks.tagging.losses import TagAccuracy as TagAccuracy
from transferlearn.tasks.tagging.losses import TagCrossEntropy as TagCrossEntropy
