"""Defines what makes predictions of outputs; the same with and without Keras."""

import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar

import numpy as np

from transferlearn.edge.description import TensorSpec
from transferlearn.edge.item_reader import Rows, Seen, means_of_rows
from transferlearn.edge.maps.tiling import Strip, Tiling
from transferlearn.edge.named import Named
from transferlearn.json_fields import Json

Prediction = TypeVar("Prediction")


class OutputReader(Named, Generic[Prediction]):
    """Makes predictions of a network's outputs.

    Attributes:
        output: The name of the array that it reads; empty: it takes whatever there is.
        is_of_numbers: Whether answers are the numbers themselves, in units of their own.
    """

    output: ClassVar[str] = ""
    is_of_numbers: ClassVar[bool] = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each number in the output, such as the classes; by default none."""
        return ()

    def check_outputs(self, outputs: Mapping[str, TensorSpec]) -> None:
        """Raises `ValueError` where a model has no such output, or one with other numbers."""
        read = self.output
        if not read:
            return
        if read not in outputs:
            raise ValueError(f"{self.name} are read of {read!r}, and there is {sorted(outputs)}.")
        shape = outputs[read].shape
        has_labels = type(self).labels is not OutputReader.labels
        if has_labels and (len(shape) < 2 or shape[-1] != len(self.labels)):
            raise ValueError(f"there are {len(self.labels)} names for {read} of shape {shape}.")

    @abc.abstractmethod
    def read(self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]) -> list[Prediction]:
        """Makes a prediction for each row of the outputs.

        Args:
            outputs: The outputs by name, `(rows, ...)`.
            seen: What is known of each row's item, such as the path of its file.
        """

    def as_values(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns outputs as the one array that figures are computed of; by default, the only one.

        Returns:
            The values, `(rows, ...)`.
        """
        (values,) = outputs.values()
        return values

    def as_outputs(self, values: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the outputs that `as_values` made these values of, as `read` takes them."""
        return {self.output or "values": values}

    def of_items(self, outputs: Mapping[str, np.ndarray], rows: Rows) -> dict[str, np.ndarray]:
        """Returns the outputs for items, made of those for their rows; by default, their means."""
        return means_of_rows(outputs, rows)

    def without_thresholds(self) -> Self:
        """Returns a reader whose predictions are scored; by default, this one."""
        return self

    @property
    def scale(self) -> int:
        """Returns how many times larger than its photo a map becomes that is put together."""
        return 1

    def joined(self, strips: Iterator[Strip], seen: Seen) -> Prediction:
        """Makes a prediction of a map in the size of its photo, which comes strip by strip.

        Raises:
            ValueError: The outputs are no maps, so a photo cannot be predicted on in tiles.
        """
        raise ValueError(
            "tile is for models that answer for each pixel, such as those of masks. Leave tile out."
        )

    def of_tiles(self, tiling: Tiling, made: Iterable[np.ndarray], seen: Seen) -> Prediction:
        """Makes a prediction of what was made of each row of tiles; by default, of blended maps."""
        return self.joined(tiling.blended(made), seen)

    def numbers(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the numbers of each row that logs and monitors keep; by default, all."""
        return self.as_values(outputs)

    def as_json(self, prediction: Prediction) -> Json:
        """Returns what a server answers: all that a prediction says, but its path."""
        shown = asdict(prediction) if is_dataclass(prediction) else {}  # type: ignore[arg-type]
        return {name: part for name, part in shown.items() if name != "path"}

    def as_facts(self, prediction: Prediction) -> Json:
        """Returns what the command line prints: all but the path and what is large."""
        parts = fields(prediction)  # type: ignore[arg-type]  # they are dataclasses
        shown = [part.name for part in parts if part.repr and part.name != "path"]
        return {name: getattr(prediction, name) for name in shown}

    def as_png(self, prediction: Prediction, item: object) -> bytes | None:
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

    def write_predictions(self, predictions: Sequence[Prediction], path: Path) -> None:
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
