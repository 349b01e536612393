"""Computes what a head is solved on: the inputs of its layer, with targets and weights."""

from typing import NamedTuple

import keras
import numpy as np

from transferlearn.backbones.graph import walk
from transferlearn.data.batches import ItemBatches, joined_weights
from transferlearn.data.dataset import Dataset
from transferlearn.data.iterating import iterate
from transferlearn.training.inputs import TrainingData
from transferlearn.types import TfData

_MOST_BYTES = 2**30  # of features; solving holds about four times as many


class Gathered(NamedTuple):
    """Holds the inputs of a head's layer, with the targets and weights of the items.

    Attributes:
        features: The inputs of the layer, float32 `(items, features)`.
        targets: The targets of these items, as the loss reads them.
        weights: The weights of these items, or `None`.
        rows: The numbers of these items in their dataset; `None`: those of a stream have none.
        seen: The number of items that were read; some are left out where there are too many.
    """

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    rows: np.ndarray | None
    seen: int


def gather(
    model: keras.Model,
    layer: keras.layers.Dense,
    batches: keras.utils.PyDataset | TfData,
) -> Gathered:
    """Computes the inputs of a layer; if they are too large, only for every 2nd, 4th, ... batch."""
    (inside,) = next(step.inputs for step in walk(model) if step.operation is layer)
    # Stored features may be the layer's inputs already.
    before = None if inside is model.inputs[0] else keras.Model(model.inputs, inside)
    parts: list[tuple[np.ndarray, ...]] = []
    rows: list[np.ndarray] = []
    seen, stride = 0, 1
    for index, (x, y, *weight) in enumerate(iterate(batches)):
        seen += len(y)
        if index % stride:
            continue
        features = np.asarray(x if before is None else before.predict_on_batch(x), "float32")
        of_rows = batches.rows(index) if isinstance(batches, ItemBatches) else None
        if features.ndim == 3:  # of tokens, of which those count that have an answer
            row, place = np.nonzero(y >= 0)
            features, y = features[row, place], y[row, place]
            weight = [np.ravel(part)[row] for part in weight]
            of_rows = None if of_rows is None else of_rows[row]
        parts.append((features, np.asarray(y), *map(np.ravel, weight)))
        if of_rows is not None:
            rows.append(of_rows)
        if len(parts) > 1 and sum(part[0].nbytes for part in parts) > _MOST_BYTES:
            # as if only these had been read
            parts, rows, stride = parts[::2], rows[::2], 2 * stride
    features, targets, *weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    weight_of = weights[0] if weights else None
    row_of = np.concatenate(rows) if rows else None
    return Gathered(features, targets, weight_of, row_of, seen)


def fits_beside(features: np.ndarray, held: Dataset | None) -> bool:
    """Returns whether a head may be solved on held-out items too, and memory is enough."""
    # Data that the user gave to validate on is never trained on.
    if held is None or not held.held_out or held.learnt.count is None:
        return False
    return features[0].nbytes * (len(features) + (held.size or 0)) <= _MOST_BYTES


def joined(
    train: Gathered, held_out: Gathered, data: TrainingData
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Joins features, targets and weights; held-out items get weights like the others."""
    held = data.validation
    assert held is not None
    weights = train.weights
    rows = held.learnt[np.arange(held.size or 0)]
    more_weights = joined_weights(rows, held.sample_weight, data.weigh, None)
    if weights is not None and more_weights is not None:
        weights = np.append(weights, more_weights)
    return (
        np.concatenate([train.features, held_out.features]),
        np.concatenate([train.targets, held_out.targets]),
        weights,
    )
