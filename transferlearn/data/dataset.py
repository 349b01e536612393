"""Defines the datasets that all sources become: items of one shape, with their targets."""

import abc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any, Self

import keras
import numpy as np

from transferlearn.data.batches import Beside, ItemBatches, joined_weights
from transferlearn.data.batches import Request as Request
from transferlearn.data.contents import Contents, ItemContents
from transferlearn.data.grouping import group_items, say_lone
from transferlearn.data.holding_out import hold_out
from transferlearn.data.items import RawItems
from transferlearn.data.iterating import without_autotune
from transferlearn.data.messages import Skipped
from transferlearn.data.targets.base import Encoded, Encoder, Targets, Weigh
from transferlearn.data.transforms import varied
from transferlearn.distributing import divided_batches
from transferlearn.edge import Seen
from transferlearn.progress import stage, working
from transferlearn.progress.counting import Counting
from transferlearn.types import TfData


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset(abc.ABC):
    """Describes raw items of one shape with their targets, whatever they came from.

    `load`, `load_pair` and `Kind.unlabelled` make one; `batches` gives what Keras takes.

    Attributes:
        shape: The shape of one item, `(height, width, 3)` for an image.
        noun: What messages call an item.
        targets: What is to be learnt of each item; `None` for items to predict on.
        sample_weight: The weight of each item, float32 `(n,)`; `None` where batches bring theirs.
        groups: The name of the group that each row was given, or `None`.
        together: The number of the group that each row stays with in a split, int64 `(n,)`: the
            given group, and duplicates. `None`: it is not known.
        size: The number of items, or of rows where a text has several; `None` if unknown.
        names: The paths of the items, in order; `None` for items that are not files.
        skipped: The items that were left out.
        ignored: How many files of a folder were not looked at: by ending, or `"hidden"`.
        held_out: Whether these items were cut off from the data to train on.
    """

    shape: tuple[int, ...]
    noun: str = "item"
    targets: Targets | None = None
    sample_weight: np.ndarray | None = None
    groups: list[str] | None = None
    together: np.ndarray | None = None
    size: int | None = None
    names: list[str] | None = None
    skipped: tuple[Skipped, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    held_out: bool = False

    @property
    def count(self) -> int | None:
        """The number of items, if known; a text that has several rows counts once."""
        return self.size

    @property
    def learnt(self) -> Targets:
        """`targets`, and asserts that there are some: data to predict on has none."""
        assert self.targets is not None
        return self.targets

    @property
    def paths(self) -> list[str] | None:
        """The path of each item in the order of the batches; `None`: there are none."""
        return self.names

    def seen(self) -> Iterator[Seen]:
        """Yields what is known of each item, in order; without an end where nothing is."""
        return map(Seen, self.paths or repeat(None), self.original_sizes or repeat(None))

    @property
    def original_sizes(self) -> Sequence[tuple[int, int] | None] | None:
        """The `(height, width)` of each image before resizing; `None` where unknown."""
        return None

    def batches(
        self,
        *,
        batch_size: int,
        encode: Encoder | None = None,
        weigh: Weigh | None = None,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> Any:
        """Returns batches for `model.fit`, `evaluate` and `predict`.

        Args:
            batch_size: The number of items in a batch; streams that come in batches keep theirs.
            encode: Turns raw targets into what a loss reads, such as `tl.data.ClassIds(10)`;
                `None` leaves them as they are.
            weigh: Gives each item a weight by its raw targets, multiplied into the sample weights.
            shuffle: Whether each epoch has a new order, a function of `(seed, epoch)`, see
                `epoch_order`. Streams keep their own order. Pass `shuffle=False` to `model.fit`,
                which by default shuffles the batches of any `PyDataset` by Python's `random`.
            seed: A whole number from 0 on; the same seed gives the same batches.

        Returns:
            A `keras.utils.PyDataset`; a `tf.data.Dataset` where the source is one. Its batches are
            `(x,)`, `(x, y)` or `(x, y, sample_weight)`; x of images is uint8 or float32
            `(batch, height, width, 3)`, raw pixels in [0, 255], and of texts int32
            `(batch, tokens)`.

        Example:
            train = tl.data.load("photos")
            one_hot = tl.data.OneHot(len(train.targets.class_names))
            batches = train.batches(batch_size=32, encode=one_hot, shuffle=True, seed=0)
            model.fit(batches, shuffle=False)
        """
        return self.requested(Request(batch_size, encode, weigh, shuffle, seed))

    @abc.abstractmethod
    def requested(self, request: Request) -> keras.utils.PyDataset | TfData:
        """Makes the batches that `request` describes; `batches` calls this."""

    @abc.abstractmethod
    def contents(self, request: Request) -> Contents:
        """Returns the items, for storing features of each and training on those in their place.

        The `seed` is not used here: it goes to `Contents.batches`. Files and arrays are used as
        they are, and `ImageDataGenerator` iterators are read item by item, in their own order.
        `tf.data` and other `PyDataset`s are read twice to see whether both give the same items with
        the same targets. Their order is kept if it is the same, with the sizes of the batches; else
        `epoch_order` shuffles them, in batches of the size of their first.

        Raises:
            UnsteadyData: The items are not the same in each epoch.
        """

    def content_hashes(self) -> list[str] | None:
        """Returns the SHA-256 of the content of each item; `None` if that is unknown."""
        return None

    def called(self, row: int) -> str:
        """Returns the path of a row's item, or words such as "image 3" where items are no files."""
        return self.names[row] if self.names else f"{self.noun} {row}"

    @divided_batches()
    def run(self, model: keras.Model, *, batch_size: int) -> Any:
        """Runs a model on all rows, in their order, and gives its outputs as NumPy arrays."""
        batches = without_autotune(self.batches(batch_size=batch_size))
        with working(), stage("predicting", self.size, self.noun, cost=1.0) as predicted:
            return model.predict(batches, callbacks=[Counting(predicted, batch_size)], verbose=0)

    def of_items(self, values: np.ndarray) -> np.ndarray:
        """Turns outputs for rows into outputs for items; here, each item is one row."""
        return values


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemDataset(Dataset):
    """Holds items that can be read at any time, such as files or arrays, and so can be split."""

    items: RawItems

    def content_hashes(self) -> list[str]:
        """Returns the SHA-256 of each item; for an image, of its decoded pixels before resizing."""
        return self.items.content_hashes()

    def item_hashes(self) -> list[str]:
        """Returns the hash of each item by which it is held out or not; of a text, of all of it."""
        return self.content_hashes()

    @property
    def item_of(self) -> np.ndarray:
        """The number of the item that each row is of, int64 `(rows,)`."""
        return np.arange(len(self.items))

    @property
    def first_rows(self) -> np.ndarray:
        """The number of the first row of each item, int64 `(count,)`."""
        return np.unique(self.item_of, return_index=True)[1]

    @property
    def paths(self) -> list[str] | None:
        """The path of each item; `None` for items that are no files."""
        return None if self.names is None else [self.names[row] for row in self.first_rows]

    def as_given(self, numbers: np.ndarray) -> Sequence[object]:
        """The items with these numbers as `predict` takes them: paths of files, or arrays."""
        if self.paths is not None:
            return [self.paths[i] for i in numbers]
        return list(self.items.start(self.first_rows[numbers])()) if len(numbers) else []

    @property
    def strata(self) -> np.ndarray | None:
        """The stratum of each item, such as its class; `None` where all are alike."""
        return None if self.targets is None else self.targets.take(self.first_rows).strata()

    def grouped(self) -> Self:
        """Returns these items, and knows which stay `together`: given groups and duplicates.

        Duplicates have the same content; images are also duplicates where they look alike, such as
        a photo and a smaller copy of it.
        """
        if self.together is not None:
            return self
        first, looks = self.first_rows, self.items.likenesses()
        found = group_items(
            self.item_hashes(),
            None if looks is None else [looks[row] for row in first],
            None if self.groups is None else [self.groups[row] for row in first],
            self.strata,
            lambda item: self.called(first[item]),
        )
        return replace(self, together=found[self.item_of])

    def split(self, fraction: float, seed: int | None) -> tuple[Self, Self]:
        """Splits the items by their content, with the same share of each class in both parts.

        Neither the order of the items nor their paths matter, and where items are added few others
        change sides. Given groups and duplicates stay on one side, see `grouped`.

        Args:
            fraction: The share of the second part, between 0 and 1. Both parts get at least one
                group of each stratum that has two or more; a single one stays in the first part. A
                stratum is a class, or what else `Targets.strata` says.
            seed: Another seed holds out others; `None` counts as 0.

        Returns:
            The part to train on, and the part to validate on.
        """
        whole = self.grouped()
        assert whole.together is not None
        groups, strata = whole.together[whole.first_rows], whole.strata
        held_out = hold_out(whole.item_hashes(), groups, strata, fraction, seed)
        say_lone(groups, strata, whole.noun, lambda item: whole.called(whole.first_rows[item]))
        first, second = (whole.of(np.flatnonzero(part)) for part in (~held_out, held_out))
        return first, replace(second, held_out=True)

    def chosen(self, count: int, seed: int) -> np.ndarray:
        """Returns the numbers of at most so many items, of each class in proportion."""
        if count >= (known := len(self.first_rows)):
            return np.arange(known)
        return np.flatnonzero(hold_out(self.item_hashes(), None, self.strata, count / known, seed))

    def at_most(self, count: int) -> "ItemDataset":
        """Returns a sample of so many items, or all where there are no more."""
        return self.of(self.chosen(count, 0))

    def of(self, numbers: np.ndarray) -> Self:
        """A dataset of the items with these numbers; here, of the rows with these numbers."""
        return self.rows(numbers)

    def rows(self, rows: np.ndarray) -> Self:
        """Returns a dataset of these rows, in that order."""
        return replace(
            self,
            items=self.items.subset(rows),
            targets=None if self.targets is None else self.targets.take(rows),
            sample_weight=None if self.sample_weight is None else self.sample_weight[rows],
            groups=None if self.groups is None else [self.groups[i] for i in rows],
            together=None if self.together is None else self.together[rows],
            names=None if self.names is None else [self.names[i] for i in rows],
            size=len(rows),
        )

    def requested(self, request: Request) -> ItemBatches:
        """Makes batches of the items, in the order that is asked for."""
        beside = self.beside(request)
        items = varied(self.items, request.transform, self.shape, request.seed, beside)
        size, seed = request.batch_size, request.seed
        return ItemBatches(items, beside, size, shuffle=request.shuffle, seed=seed)

    def contents(self, request: Request) -> ItemContents:
        """Returns the items with the hashes of their content."""
        return ItemContents(
            hashes=self.content_hashes(),
            reading=self.items.reading,
            items=self.items,
            beside=self.beside(request),
            batch_size=request.batch_size,
            shuffle=request.shuffle,
        )

    def beside(self, request: Request) -> Beside | None:
        """Makes the function that gives a batch's targets and weights; `None` without targets."""
        targets = self.targets
        if targets is None:
            return None
        encode, weigh, sample_weight = request.encode, request.weigh, self.sample_weight

        # Read batch by batch: targets such as masks need not fit into memory.
        def beside(rows: np.ndarray) -> Encoded:
            raw = targets[rows]
            encoded = Encoded(raw) if encode is None else encode(raw)
            given = None if sample_weight is None else sample_weight[rows]
            return encoded._replace(weights=joined_weights(raw, given, weigh, encoded.weights))

        return beside
