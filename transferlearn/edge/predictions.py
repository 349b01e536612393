"""Defines predictions, and what makes them of outputs; the same with and without Keras."""

import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from transferlearn.edge.description import TensorSpec
from transferlearn.edge.hearing import html_of_file
from transferlearn.edge.item_reader import Rows, Seen, means_of_rows
from transferlearn.edge.maps.tiling import Strip, Tiling
from transferlearn.edge.named import Named
from transferlearn.tables import as_html

_LEAST_SPREAD = 1e-3  # the least range of a number, as a share of its size
_NAMED = 5  # the most classes that a table shows; there may be thousands


class OutputReader(Named):
    """Makes predictions of a network's outputs.

    Attributes:
        is_of_numbers: Whether answers are the numbers themselves, in units of their own.
    """

    is_of_numbers: ClassVar[bool] = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each number in the output, such as the classes; by default none."""
        return ()

    def check_outputs(self, outputs: Mapping[str, TensorSpec]) -> None:
        """Raises `ValueError` where a model has no such output, or one with other numbers."""
        read = getattr(self, "output", None)
        if read is None:  # it takes whatever there is
            return
        if read not in outputs:
            raise ValueError(f"{self.name} are read of {read!r}, and there is {sorted(outputs)}.")
        shape = outputs[read].shape
        has_labels = type(self).labels is not OutputReader.labels
        if has_labels and (len(shape) < 2 or shape[-1] != len(self.labels)):
            raise ValueError(f"there are {len(self.labels)} names for {read} of shape {shape}.")

    @abc.abstractmethod
    def read(self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]) -> list[Any]:
        """Makes a prediction for each row of the outputs.

        Args:
            outputs: The outputs by name, `(rows, ...)`.
            seen: What is known of each row's item, such as the path of its file.
        """

    def of_items(self, outputs: Mapping[str, np.ndarray], rows: Rows) -> dict[str, np.ndarray]:
        """Returns the outputs for items, made of those for their rows; by default, their means."""
        return means_of_rows(outputs, rows)

    def without_thresholds(self) -> Self:
        """Returns a reader whose predictions are scored; by default, this one."""
        return self

    @property
    def scale(self) -> int:
        """How many times larger than its photo a map becomes that is put together."""
        return 1

    def joined(self, strips: Iterator[Strip], seen: Seen) -> Any:
        """Makes a prediction of a map in the size of its photo, which comes strip by strip.

        Raises:
            ValueError: The outputs are no maps, so a photo cannot be predicted on in tiles.
        """
        raise ValueError(
            "tile is for models that answer for each pixel, such as those of masks. Leave tile out."
        )

    def of_tiles(self, tiling: Tiling, made: Iterable[np.ndarray], seen: Seen) -> Any:
        """Makes a prediction of what was made of each row of tiles; by default, of blended maps."""
        return self.joined(tiling.blended(made), seen)

    def numbers(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the numbers of each row that logs and monitors keep; by default, all."""
        return np.asarray(next(iter(outputs.values())))

    def as_json(self, prediction: Any) -> dict[str, Any]:
        """Returns what a server answers: all that a prediction says, but its path."""
        shown = asdict(prediction) if is_dataclass(prediction) else {}  # type: ignore[arg-type]
        return {name: part for name, part in shown.items() if name != "path"}

    def as_facts(self, prediction: Any) -> dict[str, Any]:
        """Returns what the command line prints: all but the path and what is large."""
        shown = [part.name for part in fields(prediction) if part.repr and part.name != "path"]
        return {name: getattr(prediction, name) for name in shown}

    def as_png(self, prediction: Any, item: Any) -> bytes | None:
        """Returns a picture that shows a prediction of an item as a PNG; by default `None`."""
        return None

    def check_place(self, path: Path, count: int) -> None:
        """Refuses a place that `write_predictions` cannot write `count` predictions to.

        Raises:
            ValueError: These predictions are no pictures, so there is nothing to write.
            OSError: The place is taken.
        """
        raise ValueError(
            "Only predictions that are pictures, such as masks, are written into files. Print "
            "others, such as with --json."
        )

    def write_predictions(self, predictions: Sequence[Any], path: Path) -> None:
        """Writes predictions as files; `check_place` says where that can be."""
        self.check_place(path, len(predictions))

    def spread(self, rows: np.ndarray) -> np.ndarray:
        """Returns the range of an output's numbers, which differences are shares of."""
        return np.ptp(rows)

    def difference(
        self, expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
    ) -> float:
        """Returns the largest difference of two networks' outputs, as a share of their range."""
        return max(
            float(np.max(np.abs(found[name] - rows) / self.spread(rows)))
            for name, rows in expected.items()
        )

    def same(
        self,
        expected: Mapping[str, np.ndarray],
        found: Mapping[str, np.ndarray],
        tolerance: float,
    ) -> np.ndarray:
        """Returns whether two networks agree in each answer, by default one a row.

        Args:
            expected: The outputs of one network by name.
            found: The outputs of the other.
            tolerance: How close two answers may be in the first network to count as the same.
        """
        return np.ones(len(next(iter(expected.values()))), bool)


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
class ClassReader(OutputReader):
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
class NumberReader(OutputReader):
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
