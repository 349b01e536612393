"""Defines predictions of classes and of numbers, and their readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transferlearn.edge.hearing import html_of_file
from transferlearn.edge.item_reader import Seen
from transferlearn.edge.output_reader import OutputReader
from transferlearn.tables import as_html

_LEAST_SPREAD = 1e-3  # the least range of a number, as a share of its size
_NAMED = 5  # the most classes that a table shows; there may be thousands


@dataclass(frozen=True, kw_only=True)
class ClassPrediction:
    """Holds what a classifier says of one item.

    Attributes:
        class_name: The likeliest class.
        probability: The probability of that class, in [0, 1].
        probabilities: The probability of every class, by its name.
        labels: The classes that the item has: the likeliest one; where an item can have several,
            all with a probability of at least 0.5.
        path: The path of the item's file, if it has one.
    """

    class_name: str
    probability: float
    probabilities: dict[str, float]
    labels: tuple[str, ...]
    path: str | None = None

    def __str__(self) -> str:
        return f"{', '.join(self.labels) or '-'}\t{self.probability:.4f}"

    def _repr_html_(self) -> str:
        """Returns a table of the likeliest classes for notebooks; a recording can be heard."""
        likeliest = sorted(self.probabilities.items(), key=lambda item: -item[1])[:_NAMED]
        rows = [(name, f"{probability:.4f}") for name, probability in likeliest]
        head = ("class", "probability")
        shown = as_html([head, *rows], right=[1], caption=self.path or "")
        return shown + html_of_file(self.path)


@dataclass(frozen=True)
class ClassReader(OutputReader[ClassPrediction]):
    """Makes predictions of probabilities, one for each class.

    Args:
        class_names: The names of the classes, in the order of the outputs.
        several: Whether an item can have several classes.
    """

    name: ClassVar[str] = "classes"
    output: ClassVar[str] = "probabilities"

    class_names: tuple[str, ...]
    several: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.class_names

    def read(
        self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]
    ) -> list[ClassPrediction]:
        """Makes a prediction for each item: its likeliest class, and the probabilities of all."""
        rows = outputs[self.output]
        return [self._prediction(row, one.path) for row, one in zip(rows, seen, strict=True)]

    def same(
        self,
        expected: Mapping[str, np.ndarray],
        found: Mapping[str, np.ndarray],
        tolerance: float,
    ) -> np.ndarray:
        """Compares the likeliest classes, or the classes with a probability of at least 0.5."""
        first, second = expected[self.output], found[self.output]
        if self.several:
            close = np.abs(first - 0.5) <= tolerance
            return np.asarray((((first >= 0.5) == (second >= 0.5)) | close).all(axis=1))
        chosen = np.take_along_axis(first, second.argmax(axis=1)[:, None], axis=1)[:, 0]
        return np.asarray(first.max(axis=1) - chosen <= tolerance)

    def _prediction(self, row: np.ndarray, path: str | None) -> ClassPrediction:
        """Makes a prediction of an item's probabilities, one for each class."""
        best = int(row.argmax())
        chosen = np.flatnonzero(row >= 0.5) if self.several else [best]
        return ClassPrediction(
            class_name=self.class_names[best],
            probability=float(row[best]),
            probabilities=dict(zip(self.class_names, map(float, row), strict=True)),
            labels=tuple(self.class_names[i] for i in chosen),
            path=path,
        )


@dataclass(frozen=True, kw_only=True)
class NumberPrediction:
    """Holds what a regressor says of one item.

    Attributes:
        values: The numbers, in their own units, by name.
        path: The path of the item's file, if it has one.
    """

    values: dict[str, float]
    path: str | None = None

    @property
    def value(self) -> float:
        """The number, where there is only one for each item.

        Raises:
            ValueError: There are several numbers.
        """
        if len(self.values) > 1:
            raise ValueError(
                f"There are several numbers: take values[{next(iter(self.values))!r}]."
            )
        return next(iter(self.values.values()))

    def __str__(self) -> str:
        return "\t".join(f"{name} {value:.6g}" for name, value in self.values.items())

    def _repr_html_(self) -> str:
        """Returns a table of the numbers for notebooks; a recording can be heard."""
        rows = [(name, f"{value:.6g}") for name, value in self.values.items()]
        shown = as_html([("number", "predicted"), *rows], right=[1], caption=self.path or "")
        return shown + html_of_file(self.path)


@dataclass(frozen=True)
class NumberReader(OutputReader[NumberPrediction]):
    """Makes predictions of numbers in their own units.

    Args:
        names: The names of the numbers, in the order of the outputs.
    """

    name: ClassVar[str] = "numbers"
    output: ClassVar[str] = "numbers"
    is_of_numbers: ClassVar[bool] = True

    names: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the numbers."""
        return self.names

    def spread(self, rows: np.ndarray) -> np.ndarray:
        """Returns the range of each number, since each has its own unit."""
        least = _LEAST_SPREAD * np.abs(rows).max(axis=0)  # of numbers that hardly change
        return np.maximum(np.ptp(rows, axis=0), np.maximum(least, np.finfo(float).tiny))

    def read(
        self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]
    ) -> list[NumberPrediction]:
        """Makes a prediction for each item: its numbers, by name."""
        return [
            NumberPrediction(
                values=dict(zip(self.names, map(float, row), strict=True)), path=one.path
            )
            for row, one in zip(outputs[self.output], seen, strict=True)
        ]
