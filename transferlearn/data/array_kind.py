"""Defines the base class for your own kinds of data, whose items are arrays of one shape."""

import abc
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.items import RawItems, decoding_pool
from transferlearn.data.kind import Kind, One, Spec
from transferlearn.data.listed import ByRow, Listed, as_paths
from transferlearn.data.messages import Skipped, report_skipped
from transferlearn.data.sources.folders import files_of
from transferlearn.data.targets.base import Target, Targets
from transferlearn.json_fields import Json
from transferlearn.monitoring.traits import Traits, of_numbers

_UNREADABLE = (OSError, ValueError, EOFError)  # NumPy raises the last of an empty file


class ArrayKind(Kind):
    """Reads items that are arrays of one shape: spectra, sensor readings, volumes, clips.

    When to use it: for data that is neither images nor texts. A subclass is a frozen dataclass of
    settings. It says what items are called (`name`, `noun`, to which messages add an s), how their
    files end (`endings`), what the network takes (`inputs`, one of them), and reads one item
    (`read`); all else is done here.

    Example:
        @dataclass(frozen=True)
        class Spectra(tl.data.ArrayKind):
            name, noun, endings = "spectra", "spectrum", (".npy",)
            length: int = 128

            def inputs(self, shape=None):
                return {"spectrum": tl.data.Spec((self.length,), "float32")}

            def read(self, item):
                return np.load(item) if isinstance(item, str) else item
    """

    endings: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = ("path", "file", "filename")
    in_cells: ClassVar[bool] = False

    @abc.abstractmethod
    def read(self, item: object) -> ArrayLike:
        """Reads one item as an array of the shape that `inputs` says.

        Args:
            item: The path of a file as a string, or an element of x where the source is `(x, y)`.

        Raises:
            ValueError: The item cannot be used, for the reason that the message gives. It is then
                left out and named in a warning, as it also is after an `OSError` or `EOFError`.
        """

    def as_paths(self, items: Any) -> list[str] | None:
        """Returns the items as paths if all are strings or `Path`s, else `None`."""
        return as_paths(items)

    def open(self, listed: Listed, targets: Targets, *, on_error: str) -> ItemDataset:
        """Reads every item once, and makes a dataset of those that can be used."""
        dataset, kept = self._opened(listed, on_error)
        good = listed.take(kept)
        return replace(
            dataset,
            targets=targets.take(kept),
            sample_weight=good.sample_weight,
            groups=good.groups,
        )

    def is_stream(self, source: object) -> bool:
        """Returns `False`: no source is a stream."""
        return False

    def stream(self, source: object, target: Target, *, on_error: str) -> Dataset:
        """Refuses every source with a `TypeError`, since this kind has no streams."""
        raise TypeError(f"{self.noun}s do not come as a stream. Received: {source!r:.60}")

    def is_one(self, source: object) -> bool:
        """Returns whether a source is a path of no folder, or an array with the axes of an item."""
        if isinstance(source, (str, Path)):
            return not Path(source).expanduser().is_dir()
        try:
            array = np.asarray(source)
        except ValueError:  # items of different shapes
            return False
        is_number = array.dtype.kind in "biuf"
        return is_number and array.size > 0 and array.ndim == len(self._spec.shape)

    def unlabelled(self, source: Any, *, on_error: str = "skip") -> ItemDataset:
        """Makes a dataset to predict on, of files, folders, one item or a list of items."""
        single = isinstance(source, (str, Path)) or self.is_one(source)
        items = [source] if single else list(source)
        if not items:
            raise ValueError(f"There are no {self.noun}s. Received: {source!r}")
        paths = self.as_paths(items)
        if paths is not None:
            return self._opened(files_of(paths, self), on_error)[0]
        listed = Listed(items=items, origin=ByRow(()), noun=self.noun, in_files=False)
        return self._opened(listed, on_error)[0]

    def one(self, item: Any) -> One | None:
        """Reads a single item; gives `None` for a broken one, and `unlabelled` says why it is."""
        is_path = isinstance(item, (str, Path))
        source = str(Path(item).expanduser()) if is_path else item
        try:
            return One(self.checked(source)[None], source if is_path else None)
        except _UNREADABLE:
            return None

    def traits(self, batch: np.ndarray) -> Traits:
        """Measures the mean and the spread of each item's numbers."""
        return of_numbers(batch)

    def settings(self) -> Json:
        """Returns the fields of the dataclass, which must be values that JSON can hold."""
        return {f.name: getattr(self, f.name) for f in fields(self)} if is_dataclass(self) else {}

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the kind with these settings; lists, which JSON makes of tuples, become tuples."""
        return cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in settings.items()})

    def checked(self, item: object) -> np.ndarray:
        """Reads one item, checks its shape and numbers, and gives it in the dtype of `inputs`.

        Raises:
            ValueError: The item has another shape, or holds something else.
            OSError: There is no such file.
        """
        spec, array = self._spec, np.asarray(self.read(item))
        if array.shape != spec.shape or array.dtype.kind not in "biuf":
            raise ValueError(f"shape {array.shape}, {array.dtype}, where {spec.shape} was expected")
        with np.errstate(over="ignore", invalid="ignore"):  # refused in the next lines
            cast = array.astype(spec.dtype)
        if not np.isfinite(array).all() or not np.isfinite(cast).all():
            raise ValueError(f"numbers that are not finite, or too large for {spec.dtype}")
        if cast.dtype.kind in "biu" and not np.array_equal(cast, array):
            raise ValueError(f"numbers that {spec.dtype} does not hold")
        return cast

    @property
    def _spec(self) -> Spec:
        """The shape and dtype of the one input that the network takes."""
        (spec,) = self.inputs().values()
        return spec

    def _opened(self, listed: Listed, on_error: str) -> tuple[ItemDataset, np.ndarray]:
        """Reads every item once, in threads; gives a dataset of the good ones, and their places."""
        # Before training, so that broken items are known early, and each has its hash.
        looks = list(decoding_pool().map(self._look_at, listed.items))
        kept, skipped = self._sorted_out(listed, [look.problem for look in looks], on_error)
        items = [listed.items[i] for i in kept]
        dataset = ItemDataset(
            items=ReadItems(self.checked, items, [looks[i].content_hash for i in kept]),
            shape=self.checked(items[0]).shape,
            noun=self.noun,
            size=len(kept),
            names=items if listed.in_files else None,
            skipped=skipped,
            ignored=+Counter(listed.ignored),  # + leaves out counts of 0
        )
        return dataset, kept

    def _sorted_out(
        self, listed: Listed, problems: Sequence[str], on_error: str
    ) -> tuple[np.ndarray, tuple[Skipped, ...]]:
        """Names the items that have a problem; returns the places of the others, and these.

        Args:
            listed: The items.
            problems: What is wrong with each; empty if nothing is.
            on_error: What is done about them, as for `open`.
        """
        skipped = tuple(Skipped(listed.called(i), text) for i, text in enumerate(problems) if text)
        report_skipped(
            listed.what if listed.in_files else f"The {self.noun}s",
            skipped,
            count=len(listed),
            noun=self.noun,
            on_error=on_error,
            ignored=listed.ignored,
        )
        return np.array([i for i, text in enumerate(problems) if not text], int), skipped

    def _look_at(self, item: object) -> "_Look":
        """Reads one item, and gives its hash or what is wrong with it."""
        try:
            return _Look(hashlib.sha256(self.checked(item).tobytes()).hexdigest(), "")
        except _UNREADABLE as error:
            return _Look("", str(error) or type(error).__name__)


class _Look(NamedTuple):
    """Holds the hash of a good item, or says what is wrong with a bad one."""

    content_hash: str
    problem: str


class ReadItems(RawItems):
    """Holds items that are read anew whenever they are needed.

    Args:
        read: Reads one item.
        items: The paths of the items, or the items themselves.
        hashes: The SHA-256 of the content of each item.
    """

    reading = "as it is"
    held_bytes = 0

    def __init__(
        self, read: Callable[[object], np.ndarray], items: Sequence[object], hashes: list[str]
    ) -> None:
        self._read = read
        self._items = items
        self._hashes = hashes

    def __len__(self) -> int:
        return len(self._items)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Begins to read the items in threads, and gives a function that waits for them."""
        begun = [decoding_pool().submit(self._read, self._items[row]) for row in rows]
        return lambda: np.stack([item.result() for item in begun])

    def content_hashes(self) -> list[str]:
        """Returns the hashes that were made when the items were checked."""
        return self._hashes

    def subset(self, rows: np.ndarray) -> Self:
        """Returns the items `rows`, in that order."""
        items, hashes = [self._items[i] for i in rows], [self._hashes[i] for i in rows]
        return type(self)(self._read, items, hashes)
