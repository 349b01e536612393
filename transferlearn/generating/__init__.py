"""Reads texts token by token, so that a language model can go on with them."""

from transferlearn.generating.reading import Reading as Reading
from transferlearn.generating.steps import reading_of as reading_of
