"""Turns the weights of classes that a user names into weights of pixels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transferlearn.checks import is_number
from transferlearn.data import Dataset
from transferlearn.data.targets import MaskTargets, Weigh


def weights_of_classes(given: object, names: Sequence[str]) -> tuple[float, ...]:
    """Returns the weight of each class, in the order of the names; those not named have 1.

    Args:
        given: A mapping from names or ids of classes to weights of at least 0.
        names: The names of the classes.

    Raises:
        ValueError: A weight is no number of at least 0, or there is no such class.
    """
    if not isinstance(given, Mapping) or not all(
        is_number(weight) and 0 <= weight < math.inf for weight in given.values()
    ):
        raise ValueError(
            "class_weight is 'balanced', or goes from class names or ids to weights of at least 0. "
            f"Received: class_weight={given!r}"
        )
    ids: dict[object, int] = {i: i for i in range(len(names))}
    ids |= {name: i for i, name in enumerate(names)}
    if unknown := [key for key in given if key not in ids]:
        raise ValueError(
            f"class_weight names classes that are not in the data: {unknown}. "
            f"There are: {', '.join(names)}."
        )
    by_id = {ids[key]: float(weight) for key, weight in given.items()}
    return tuple(by_id.get(i, 1.0) for i in range(len(names)))


@dataclass(frozen=True)
class PixelWeights:
    """Returns the weight of each pixel's class, float32 `(batch, height, width)`.

    Args:
        values: The value that the pixels of each class have in a mask.
        weights: The weight of each class.
    """

    values: tuple[int, ...]
    weights: tuple[float, ...]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Looks up the weights; what is void has 1, and counts in no loss."""
        table = np.ones(256, np.float32)
        table[list(self.values)] = self.weights
        return np.asarray(table[rows])


def pixel_weights(given: Mapping[object, float] | str | None, train: Dataset) -> Weigh | None:
    """Makes what weighs the pixels of masks.

    Args:
        given: `"balanced"`: all classes count alike; or a mapping from names or ids of classes to
            weights of at least 0, where other classes have 1; `None`: there are no weights.
        train: The dataset to train on.

    Raises:
        ValueError: A weight is no number of at least 0, or a class is not in the data.
    """
    if given is None:
        return None
    targets = train.learnt
    assert isinstance(targets, MaskTargets)
    if targets.several:
        raise ValueError("class_weight has no meaning where a pixel may have several classes.")
    if given == "balanced":
        shares = targets.shares
        weights = [1 / (len(shares) * share) if share else 1.0 for share in shares.tolist()]
        return PixelWeights(targets.values, tuple(weights))
    return PixelWeights(targets.values, weights_of_classes(given, targets.class_names))
