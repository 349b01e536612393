"""Runs a model on items, for what its outputs mean, and finds those that are not finite."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.data.messages import indented
from transferlearn.fitted.trained import Trained

# One prediction at a time: on JAX a running one holds the model's state, and TensorFlow then
# compiles only once.
_predicting = threading.Lock()


@without_retracing_advice()
def of_batch(model: keras.Model, batch: Any) -> Any:
    """Gives a model's outputs for one batch, in the short way."""
    with _predicting:
        return model.predict_on_batch(batch)


@without_retracing_advice()
def of_rows(model: keras.Model, dataset: Dataset, batch_size: int) -> Any:
    """Gives a model's outputs for all rows of a dataset, in its order."""
    with _predicting:
        return dataset.run(model, batch_size=batch_size)


def with_targets(
    fitted: Trained,
    dataset: Dataset,
    model: keras.Model,
    values: Callable[[Any], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Reads a dataset once; gives a model's values for its rows, and its items' raw targets.

    Args:
        fitted: Says how the items are read.
        dataset: The items, with targets.
        model: The model to run, which takes the same inputs as `fitted.model`.
        values: A function that turns the model's outputs into values, row by row.
    """
    batch_size = fitted.outline.batch_size
    if isinstance(dataset, ItemDataset):
        outputs = of_rows(model, dataset, batch_size)
        return values(outputs), dataset.learnt[dataset.first_rows]
    batches = dataset.batches(batch_size=batch_size, encode=fitted.encoding.raw)
    pairs = [(values(of_batch(model, x)), np.asarray(y)) for x, y, *_ in iterate(batches)]
    rows, targets = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return rows, targets


def not_finite(values: np.ndarray, paths: Sequence[str | None]) -> list[str]:
    """Names the items with a value that is NaN or infinite."""
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return [paths[int(i)] or f"item {i}" for i in np.flatnonzero(~finite)]


def check_finite(values: np.ndarray, paths: Sequence[str | None]) -> None:
    """Refuses values that are NaN or infinite, of which figures would be wrong."""
    if lost := not_finite(values, paths):
        raise ValueError(
            f"The model gives NaN or infinity for {len(lost)} of {len(values)} items, so no "
            "figure would be right. If it is for all, the weights are lost: train again, with "
            f"a lower learning_rate. If it is for a few, look at these:{indented(lost)}"
        )
