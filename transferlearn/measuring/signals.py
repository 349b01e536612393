"""Measures the items of a dataset: features, values, traits and, with targets, errors."""

from collections.abc import Sequence
from functools import singledispatch

import keras
import numpy as np

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.data.sequences import CorpusDataset, WordDataset
from transferlearn.fitted import FittedModel
from transferlearn.monitoring import Measured
from transferlearn.tasks import Encoding, NextTokenEncoding, WritingEncoding, scorer

TRAINING_ITEMS = 500  # of those that were trained on, are measured
LEAST = 40  # items; of fewer no reference is made


@without_retracing_advice()
def measure(fitted: FittedModel, dataset: Dataset) -> Measured:
    """Measures all rows of a dataset in its order, with their errors where it has targets."""
    encoding = fitted.encoding
    answerer = scorer(encoding, fitted.model, fitted.kind)
    parts = []
    raw = encoding.scoring.raw if dataset.targets is not None else None
    batches = dataset.batches(batch_size=fitted.outline.batch_size, encode=raw)
    begun = 0
    for x, *y in iterate(batches):
        features, values = answerer.with_features(x)
        rows = np.arange(begun, begun + len(features))
        begun += len(features)
        traits = {**fitted.kind.traits(first_input(x))}
        if isinstance(dataset, ItemDataset):
            traits.update(dataset.items.traits(rows))
        errors = encoding.scoring.errors(values, np.asarray(y[0])) if y else None
        numbers = numbers_of(encoding, answers_of(dataset, rows, values))
        parts.append(Measured(features, numbers, traits, errors))
    if not parts:
        raise ValueError("There are no items.")
    return joined(parts)


@singledispatch
def numbers_of(encoding: Encoding, values: np.ndarray) -> np.ndarray:
    """Returns the numbers of each item that monitors keep."""
    reader = encoding.output_reader()
    return reader.numbers(reader.as_outputs(values))


@numbers_of.register
def _(encoding: NextTokenEncoding, values: np.ndarray) -> np.ndarray:
    """Returns the bits a token, as `answers_of` made them."""
    return values


@numbers_of.register
def _(encoding: WritingEncoding, values: np.ndarray) -> np.ndarray:
    """Returns the bits a token of `packed` texts, float64 `(rows, 1)`."""
    return (values[:, 0] / np.log(2) / np.maximum(values[:, 1], 1))[:, None]


@singledispatch
def answers_of(dataset: Dataset, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the values of some rows of a dataset without what is no answer; by default, all.

    Args:
        dataset: The dataset.
        rows: The numbers of the rows.
        values: What the model gives for them.
    """
    return values


@answers_of.register
def _(dataset: WordDataset, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the values of the words of each row, without ends and padding."""
    return dataset.of_words(rows, values)


@answers_of.register
def _(dataset: CorpusDataset, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns how many bits a token of each row takes on the mean, float64 `(rows, 1)`."""
    nats, tokens = dataset.of_rows(rows, values).T
    return (nats / np.log(2) / np.maximum(tokens, 1))[:, None]


def first_input(x: object) -> np.ndarray:
    """Returns the items of a batch: the first of several inputs."""
    return np.asarray(keras.tree.flatten(x)[0])


def joined(parts: Sequence[Measured]) -> Measured:
    """Puts what was measured of several batches together."""
    given = [part.errors for part in parts if part.errors is not None]
    errors = [] if all(np.isnan(one).all() for one in given) else given  # of texts none is known
    return Measured(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.values for part in parts]),
        {name: np.concatenate([part.traits[name] for part in parts]) for name in parts[0].traits},
        np.concatenate(errors) if errors else None,
    )
