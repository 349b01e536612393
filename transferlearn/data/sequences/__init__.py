"""Reads texts word by word, with a tag for each, or token by token, with the one that follows."""

from transferlearn.data.sequences.corpus import Corpus as Corpus
from transferlearn.data.sequences.corpus import CorpusDataset as CorpusDataset
from transferlearn.data.sequences.dataset import WordDataset as WordDataset
from transferlearn.data.sequences.kind import Words as Words
from transferlearn.data.sequences.next_tokens import NextTokens as NextTokens
from transferlearn.data.sequences.next_tokens import NextTokenTargets as NextTokenTargets
from transferlearn.data.sequences.pairs import SourceTexts as SourceTexts
from transferlearn.data.sequences.speech import Speech as Speech
from transferlearn.data.sequences.tags import WordTags as WordTags
from transferlearn.data.sequences.targets import WordTagTargets as WordTagTargets
from transferlearn.data.sequences.writer import Writer as Writer
from transferlearn.data.sequences.writer import WrittenTokens as WrittenTokens
from transferlearn.data.sequences.written import Written as Written
from transferlearn.data.sequences.written import WrittenTargets as WrittenTargets
