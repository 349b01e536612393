"""Holds the outputs of models whose task has no reader of its own, as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transferlearn.edge.item_reader import Seen
from transferlearn.edge.output_reader import OutputReader


@dataclass(frozen=True, kw_only=True)
class RawPrediction:
    """Holds what a network gives for one item, where nothing is known of its meaning.

    Attributes:
        values: The outputs by name.
        path: The path of the item's file, if it has one.
    """

    values: dict[str, np.ndarray]
    path: str | None = None


@dataclass(frozen=True)
class RawReader(OutputReader[RawPrediction]):
    """Returns the outputs as they are, for tasks that bring no reader of their own."""

    name: ClassVar[str] = "raw"

    def read(self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]) -> list[RawPrediction]:
        """Returns each item's row of every output."""
        return [
            RawPrediction(values={name: rows[i] for name, rows in outputs.items()}, path=one.path)
            for i, one in enumerate(seen)
        ]

    def numbers(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the first of the outputs."""
        return next(iter(outputs.values()))
