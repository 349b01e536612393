"""Finds one or several numbers of each item in tables, arrays, streams and names of folders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed
from transferlearn.data.messages import indented, notice
from transferlearn.data.targets.base import ByBatch, Target, Targets
from transferlearn.data.targets.columns import find_column, number_rows
from transferlearn.wording import counted

_USUAL = ("target", "value", "number", "y", "score", "label")  # columns, the likeliest first
_LARGEST, _SMALLEST = 1e38, 1e-37  # about the ends of float32, for values and for their deviation
_COARSE = 2e-5  # deviation / mean; below this, float32 keeps under three digits of the deviation


@dataclass(frozen=True, kw_only=True, eq=False)
class NumberTargets(Targets):
    """Holds one or several numbers for each item, or a way to read them from a stream.

    Attributes:
        names: The names of the numbers, in the order of the columns of `given`.
        given: The numbers, float64 `(n, numbers)`, NaN where one is missing; for a stream, a
            function that reads the numbers of all batches.
    """

    names: tuple[str, ...]
    given: np.ndarray | Callable[[], Iterable[np.ndarray]]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Returns the numbers of the items `rows`, float64 `(n, numbers)`."""
        return self.all[rows]

    @cached_property
    def all(self) -> np.ndarray:
        """All items' numbers; reads a stream once, and leaves out items without a number."""
        if isinstance(self.given, np.ndarray):
            return self.given
        found = np.concatenate([self.parse(batch) for batch in self.given()])
        missing = np.flatnonzero(np.isnan(found).any(axis=1))
        if len(missing):
            places = indented([f"item {i}" for i in missing])
            notice(f"{len(missing)} of {len(found)} items have no number and are left out:{places}")
        return np.delete(found, missing, axis=0)

    @property
    def count(self) -> int | None:
        """Counts the items; gives `None` for a stream."""
        return len(self.given) if isinstance(self.given, np.ndarray) else None

    @property
    def absent(self) -> Mapping[int, str]:
        """Names, by item number, the first number that an item lacks; of a stream, nothing."""
        missing = np.isnan(self.given) if isinstance(self.given, np.ndarray) else np.empty((0, 1))
        items = np.flatnonzero(missing.any(axis=1))
        return {int(i): f"no {self.names[missing[i].argmax()]}" for i in items}

    def present(self, given: np.ndarray) -> np.ndarray:
        """Returns which items of a stream's batch have all numbers."""
        return ~np.isnan(self.parse(given)).any(axis=1)

    def take(self, rows: np.ndarray) -> Self:
        """Returns the numbers of the items `rows`."""
        return type(self)(names=self.names, given=self.all[rows])

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Turns what a stream gives with a batch into float64 `(batch, numbers)`."""
        return number_rows(given, lambda i: f"item {i} of a batch", self.names)

    def summary(self) -> str:
        """Names the numbers, with the smallest and the largest value of each."""
        ends = zip(self.names, self.all.min(axis=0), self.all.max(axis=0), strict=True)
        return ", ".join(f"{name} from {low:g} to {high:g}" for name, low, high in ends)

    def table(self) -> list[list[str]]:
        """Returns the least, the middle and the largest value of each number."""
        ends = np.quantile(self.all, [0, 0.5, 1], axis=0)
        rows = [[name, *(f"{x:.6g}" for x in ends[:, i])] for i, name in enumerate(self.names)]
        return [["number", "least", "median", "largest"], *rows]

    def identity(self) -> tuple[object, ...]:
        """Returns the names of the numbers, and the numbers."""
        return self.names, self.all

    def check(self, noun: str, left_out: str) -> None:
        """Refuses numbers that cannot be learnt; warns where float32 is too coarse for them."""
        if not self.names:
            raise ValueError(f"There is no number of any {noun}.{left_out}")
        for name, column in zip(self.names, self.all.T, strict=True):
            if len(column) < 2 or np.ptp(column) == 0:
                raise ValueError(
                    f"There is nothing to learn of {name}: it is the same for all of "
                    f"{len(column)} {noun}s.{left_out}"
                )
            if np.abs(column).max() > _LARGEST or column.std() < _SMALLEST:
                raise ValueError(
                    f"{name} lies between {column.min():g} and {column.max():g}, which float32 "
                    f"does not hold. Give it in another unit."
                )
            if column.std() < _COARSE * abs(column.mean()):
                notice(
                    f"{name} lies within {column.std():.3g} of {column.mean():.9g}, where float32 "
                    f"tells few numbers apart. Subtract {column.mean():.6g} from it."
                )

    def check_pair(self, other: Self, noun: str, left_out: str, *, split: bool) -> None:
        """Refuses items with more or fewer numbers, and a split that leaves nothing to learn."""
        if len(self.names) != len(other.names):
            raise ValueError(
                "Train and validation must have the same numbers for each item. "
                f"Train has {', '.join(self.names)}, and validation {', '.join(other.names)}."
            )
        if split:
            advice = " Others were held out: take another seed, or validation_split=0."
            self.check(noun, f"{advice}{left_out}")


@dataclass(frozen=True)
class Numbers(Target):
    """Learns one number for each item, or several.

    Args:
        names: The names of the numbers, in the order of the outputs; in a table, the columns. By
            default a table's column `target`, `value`, `number`, `y`, `score` or `label`, or the
            only one that is left.

    Arrays hold numbers `(n,)` or `(n, numbers)`; a folder's name may be the number to learn of the
    files in it. A missing number (an empty cell, NaN, `None`) leaves its item out.
    """

    names: Sequence[str] | str | None = None

    def __post_init__(self) -> None:
        if self.names is not None:
            names = (self.names,) if isinstance(self.names, str) else tuple(map(str, self.names))
            object.__setattr__(self, "names", names)
            if not names or len(set(names)) < len(names):
                raise ValueError(f"The names of numbers must differ. Received: {list(names)}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that were asked for, or the usual names of a column of numbers."""
        return tuple(self.names or _USUAL)

    def of_folders(self, origin: ByFolder, listed: Listed) -> NumberTargets:
        """Reads the names of the folders as numbers."""
        if not origin.names:
            raise ValueError(
                f"{origin.folder} has no folders that are called by a number, such as "
                f"{origin.folder}/23/{origin.expected}. A table names the {listed.noun}s and their "
                "numbers, too."
            )
        return self._targets(
            origin.of_item, lambda i: f"the folder of {listed.called(i)}", "folder's name"
        )

    def of_columns(self, origin: ByColumn, listed: Listed) -> NumberTargets:
        """Reads the columns that were asked for, or else the column of numbers."""
        wanted = [self.columns] if self.names is None else [(name,) for name in self.names]
        fix = "call it target, or name it (target_names=..., in a shell --target)"
        if self.names is not None:
            fix = f"there is none of the name {', '.join(self.names)}"
        alone = self.names is None
        found = [find_column(origin, listed, names, "number", fix, alone) for names in wanted]
        if len(set(found)) < len(found):
            raise ValueError(f"A column was named twice. Received: {list(self.columns)}")
        rows = [self._of_column(name, origin, listed) for name in found]
        return NumberTargets(names=tuple(found), given=np.concatenate(rows, axis=1))

    def _of_column(self, name: str, origin: ByColumn, listed: Listed) -> np.ndarray:
        """Reads a column of numbers, float64 `(n, 1)`."""
        return number_rows(origin.columns[name], listed.called, what=f"cell of the column {name!r}")

    def of_rows(self, origin: ByRow) -> NumberTargets:
        """Takes the numbers, `(n,)` or `(n, numbers)`, that were passed beside the items."""
        return self._targets(origin.rows, lambda i: f"item {i}")

    def of_stream(self, origin: ByBatch) -> NumberTargets:
        """Looks at the first numbers of a stream; all are read once they are asked for."""
        first = origin.first if origin.rows is None else origin.rows
        found = self._targets(first, lambda i: f"item {i} of {origin.what}")
        if origin.rows is None:
            return NumberTargets(names=found.names, given=origin.read)
        if found.absent:
            raise ValueError(
                f"{origin.what} has {counted(len(found.absent), 'item')} without a number, the "
                f"first at {min(found.absent)}. Leave them out of its table: frame.dropna()."
            )
        return found

    def _targets(
        self, values: ArrayLike, called: Callable[[int], str], what: str = "target"
    ) -> NumberTargets:
        """Makes targets of numbers, and names the numbers if they have no names."""
        rows = number_rows(values, called, self.names, what)
        usual = ["number"] if rows.shape[1] == 1 else [f"number {i}" for i in range(rows.shape[1])]
        return NumberTargets(names=tuple(self.names or usual), given=rows)
