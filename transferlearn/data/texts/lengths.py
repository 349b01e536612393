"""Fills the rows of texts up to one length."""

from collections.abc import Sequence
from dataclasses import replace

from transferlearn.data.dataset import Dataset
from transferlearn.data.excerpt import Sample
from transferlearn.data.texts.dataset import TextDataset


def of_one_length(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Returns datasets of texts with rows as long as the longest row in any of them."""
    longest = max(_texts_of(dataset).longest for dataset in datasets)
    return [_of_length(dataset, longest) for dataset in datasets]


def _texts_of(dataset: Dataset) -> TextDataset:
    """Returns a dataset of texts as it is; of a sample, the few texts that were opened."""
    texts = dataset.few if isinstance(dataset, Sample) else dataset
    assert isinstance(texts, TextDataset)
    return texts


def _of_length(dataset: Dataset, length: int) -> Dataset:
    """Returns a dataset of texts, or a sample of them, with rows filled up to this length."""
    texts = _texts_of(dataset).of_length(length)
    if isinstance(dataset, Sample):
        return replace(dataset, few=texts, items=texts.items, shape=texts.shape)
    return texts
