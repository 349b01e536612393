"""Reads texts as a kind of data: strings and files become rows of token ids."""

from transferlearn.data.texts.dataset import TextDataset as TextDataset
from transferlearn.data.texts.json_tokenizer import JsonTokenizer as JsonTokenizer
from transferlearn.data.texts.kind import Texts as Texts
from transferlearn.data.texts.tokenizer import Characters as Characters
from transferlearn.data.texts.tokenizer import Tokenizer as Tokenizer
