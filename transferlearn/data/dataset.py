"""What every source becomes."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from .batches import ItemBatches
from .contents import Contents, ItemContents
from .items import ImageItems, RawItems
from .labels import check_request, encode, hold_out, weigh


class Request(NamedTuple):
    """The arguments of `Dataset.batches`, see there."""

    batch_size: int
    encoding: str | None
    class_weight: dict[int, float] | None
    shuffle: bool
    seed: int | None = None


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset(abc.ABC):
    """Raw items of one shape with their labels, whatever they came from.

    `load`, `load_pair` and `load_images` make one. It describes; `batches` gives what
    `model.fit`, `evaluate` and `predict` take.

    Attributes:
        class_names: Class `i` is called `class_names[i]`; `()` of `load_images`.
        shape: Of one item: `(height, width, 3)` of an image.
        interpolation: Of images, name of the resize: `"bilinear"` is ours, antialiased; of an
            `ImageDataGenerator` iterator its own, such as `"nearest"`.
        labels: int32 `(n,)` class ids; float32 `(n, classes)` of 0/1 for multi-label or
            probabilities for soft labels; `None` where a stream does not tell without being read.
            A stream that shuffles gives its batches in another order than these.
        sample_weight: float32 `(n,)` or `None`; streams bring theirs with each batch.
        multi_label: Whether an item has any number of classes.
        size: Number of items, `None` if unknown.
        names: Paths of the items, in order, where there are any.
        noun: What messages call an item.
        skipped: Files that were left out.
        ignored: How many files of a folder were not looked at: by ending, or `"hidden"`.
        held_out: Whether it was cut off from the data to train on.
    """

    noun: ClassVar[str] = "image"

    shape: tuple[int, ...]
    class_names: tuple[str, ...] = ()
    interpolation: str = "bilinear"
    labels: np.ndarray | None = None
    sample_weight: np.ndarray | None = None
    multi_label: bool = False
    size: int | None = None
    names: list[str] | None = None
    skipped: tuple[Skipped, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    held_out: bool = False

    @property
    def count(self) -> int | None:
        """How many examples there are: `size`, but a text in pieces counts once."""
        return self.size

    @property
    def image_size(self) -> tuple[int, int]:
        """`(height, width)` in pixels of the images that come out."""
        height, width, *_ = self.shape
        return height, width

    def batches(
        self,
        *,
        batch_size: int,
        encoding: str | None = None,
        class_weight: dict[int, float] | None = None,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> Any:
        """Batches for `model.fit`, `evaluate` and `predict`.

        Args:
            batch_size: Items a batch; streams that come in batches keep theirs.
            encoding: Of the labels: `None` as they are, `"index"` int32 `(batch,)`, `"one-hot"`
                float32 `(batch, classes)`, `"binary"` float32 `(batch, 1)` for two classes.
            class_weight: Class id to weight, multiplied into the sample weights. Do not pass it
                to `model.fit` again.
            shuffle: A new order each epoch, a function of `(seed, epoch)`, see `epoch_order`.
                Streams keep their own order. Pass `shuffle=False` to `model.fit`, which by
                default shuffles the batches of any `PyDataset` by Python's `random`.
            seed: Not negative; two calls with one seed give the same batches.

        Returns:
            A `keras.utils.PyDataset`, or a `tf.data.Dataset` for one. Its batches are `(x,)`,
            `(x, y)` or `(x, y, sample_weight)`; x of images is uint8 or float32
            `(batch, height, width, 3)`, raw pixels in [0, 255], and of texts int32
            `(batch, tokens)`.

        Raises:
            ValueError: An encoding or a class weight that these classes cannot have.

        Example:
        ```python
        train, validation = tl.data.load_pair("photos")
        model.fit(
            train.batches(batch_size=32, encoding="one-hot", shuffle=True, seed=0),
            shuffle=False,
            validation_data=validation.batches(batch_size=32, encoding="one-hot"),
        )
        ```
        """
        if self.class_names:
            check_request(encoding, class_weight, self.class_names, self.multi_label)
        return self._batches(Request(batch_size, encoding, class_weight, shuffle, seed))

    @abc.abstractmethod
    def _batches(self, request: Request) -> Any: ...

    def contents(
        self,
        *,
        batch_size: int,
        encoding: str | None = None,
        class_weight: dict[int, float] | None = None,
        shuffle: bool = False,
    ) -> Contents:
        """The items, to store something of each and train on that.

        The `seed` of `batches` goes to `Contents.batches`.

        - Files and arrays: what is known of them.
        - `ImageDataGenerator` iterators: read item by item; the order is that of the iterator,
          which is left as it is.
        - `tf.data` and other `PyDataset`s: read twice to see whether both give the same items with
          the same labels. In the same order, they keep it, and their batches. In another, their
          shuffling is replaced by `epoch_order` and batches of the size of their first.

        Args:
            batch_size: As in `batches`.
            encoding: As in `batches`.
            class_weight: As in `batches`.
            shuffle: As in `batches`.

        Raises:
            UnsteadyData: The items are not the same in each epoch.
            ValueError: As `batches`.

        Example:
        ```python
        contents = tl.data.load("photos").contents(batch_size=32, encoding="one-hot")
        for rows, images in contents.read(np.arange(len(contents.hashes)), batch_size=32):
            ...
        ```
        """
        if self.class_names:
            check_request(encoding, class_weight, self.class_names, self.multi_label)
        return self._contents(Request(batch_size, encoding, class_weight, shuffle))

    @abc.abstractmethod
    def _contents(self, request: Request) -> Contents: ...

    def content_hashes(self) -> list[str] | None:
        """SHA-256 of the content of each item; `None` if that is unknown."""
        return None


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemDataset(Dataset):
    """Files or arrays: any item at any time, so it shuffles and splits."""

    items: RawItems

    def content_hashes(self) -> list[str]:
        """SHA-256 of the content of each item: of an image's decoded pixels, before resizing."""
        return self.items.content_hashes()

    def split(self, fraction: float, seed: int | None) -> tuple[Self, Self]:
        """Cut into two, each class in the same proportion.

        Args:
            fraction: Share of the second part, between 0 and 1. Each class of two items or more
                has at least one on both sides; the one item of a class stays in the first part.
            seed: The same seed gives the same parts.

        Returns:
            The part to train on, and the part to validate on.
        """
        held_out = hold_out(self.labels, len(self.items), fraction, seed, self.multi_label)
        first, second = (self._subset(np.flatnonzero(part)) for part in (~held_out, held_out))
        return first, replace(second, held_out=True)

    def _subset(self, rows: np.ndarray) -> Self:
        def pick(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return replace(
            self,
            items=self.items.subset(rows),
            labels=pick(self.labels),
            sample_weight=pick(self.sample_weight),
            names=None if self.names is None else [self.names[i] for i in rows],
            size=len(rows),
        )

    def _batches(self, request: Request) -> ItemBatches:
        return ItemBatches(
            self.items,
            *self._targets(request),
            request.batch_size,
            shuffle=request.shuffle,
            seed=request.seed,
        )

    def _contents(self, request: Request) -> ItemContents:
        targets, weights = self._targets(request)
        return ItemContents(
            hashes=self.content_hashes(),
            reading=self.items.reading,
            items=self.items,
            targets=targets,
            weights=weights,
            batch_size=request.batch_size,
            shuffle=request.shuffle,
        )

    def _targets(self, request: Request) -> tuple[np.ndarray | None, np.ndarray | None]:
        if self.labels is None:
            return None, None
        targets = encode(self.labels, request.encoding, len(self.class_names))
        return targets, weigh(self.labels, self.sample_weight, request.class_weight)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageDataset(ItemDataset):
    """Images from files or arrays."""

    items: ImageItems

    def image(self, i: int) -> np.ndarray:
        """Image `i`, decoded and resized: `(height, width, 3)`, uint8 or float32, [0, 255]."""
        return self.items.image(i)

    def resized(self, image_size: tuple[int, int]) -> Self:
        """The same images, unread, for another `(height, width)` in pixels."""
        if image_size == self.image_size:
            return self
        return replace(self, items=self.items.resized(image_size), shape=(*image_size, 3))
