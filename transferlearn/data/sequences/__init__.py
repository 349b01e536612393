"""Reads texts word by word, with a tag for each word."""

from transferlearn.data.sequences.dataset import WordDataset as WordDataset
from transferlearn.data.sequences.kind import Words as Words
from transferlearn.data.sequences.tags import WordTags as WordTags
from transferlearn.data.sequences.targets import WordTagTargets as WordTagTargets
