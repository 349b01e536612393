"""Holds what was measured of some items, and the numbers of them that are watched."""

from typing import NamedTuple

import numpy as np

from transferlearn.monitoring.traits import Traits

NOVELTY, CONFIDENCE = "novelty", "confidence"


class Measured(NamedTuple):
    """Holds what was measured of some items, one row each.

    Attributes:
        features: What the last layer reads, float `(items, features)`; `None` where that is not
            known, as in a server.
        values: The model's values, such as probabilities, float `(items, outputs)`.
        traits: Plain properties of the items by name, float `(items,)` each.
        errors: How wrong each answer is, float `(items,)`; `None` without targets.
    """

    features: np.ndarray | None
    values: np.ndarray
    traits: Traits
    errors: np.ndarray | None = None

    def rows(self, rows: np.ndarray) -> "Measured":
        """Returns what was measured of the items `rows`."""
        return Measured(
            None if self.features is None else self.features[rows],
            self.values[rows],
            {name: trait[rows] for name, trait in self.traits.items()},
            None if self.errors is None else self.errors[rows],
        )


class Signals(NamedTuple):
    """Holds the numbers that are watched, for some items.

    Attributes:
        names: The name of each column of `table`.
        table: The numbers, float32 `(items, names)`.
        answers: The number of each item's answer, int `(items,)`; `None` where it is no number.
        errors: How wrong each answer is, float `(items,)`; NaN or `None` where no target is known.
    """

    names: tuple[str, ...]
    table: np.ndarray
    answers: np.ndarray | None
    errors: np.ndarray | None

    def column(self, name: str) -> np.ndarray | None:
        """Returns the column with a name, or `None`."""
        return self.table[:, self.names.index(name)] if name in self.names else None


def is_axis(name: str) -> bool:
    """Returns whether a signal is an item's place along one of the axes."""
    return name.startswith("axis ")


def is_prediction(name: str) -> bool:
    """Returns whether a signal is one of the model's outputs."""
    return name.startswith(("output ", "classes"))
