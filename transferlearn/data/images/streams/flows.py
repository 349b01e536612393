"""Iterators of `ImageDataGenerator`, read item by item and in their own order."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from transferlearn import keras_internals
from transferlearn.data.batches import Beside, ItemBatches, arrays_beside
from transferlearn.data.contents import Contents, UnsteadyData, read_ahead
from transferlearn.data.images.pixels import fingerprint
from transferlearn.data.items import Items, decoding_pool
from transferlearn.hashing import hash_of_file

_RANDOM = (
    "rotation_range",
    "width_shift_range",
    "height_shift_range",
    "shear_range",
    "channel_shift_range",
    "horizontal_flip",
    "vertical_flip",
)


def is_known(source: Any) -> bool:
    """Whether it is one of Keras's own iterators, with no subclass's changes."""
    settings = getattr(source, "image_data_generator", None)
    return all(type(part).__module__.startswith("keras.") for part in (source, settings))


def check_steady(source: Any) -> None:
    """Raise `UnsteadyData` for an iterator that changes its images, or writes them down."""
    settings = source.image_data_generator
    used = [name for name in _RANDOM if getattr(settings, name)]
    used += ["zoom_range"] if tuple(settings.zoom_range) != (1, 1) else []
    used += ["brightness_range"] if settings.brightness_range is not None else []
    if used:
        raise UnsteadyData(f"the ImageDataGenerator changes images at random, by {', '.join(used)}")
    if source.save_to_dir:
        raise UnsteadyData("the generator writes images down in each epoch, by save_to_dir")


def hashes(source: Any) -> list[str]:
    """Of whole files, for Keras ignores what `decode` does for upright and opaque pictures."""
    if hasattr(source, "filepaths"):
        return list(decoding_pool().map(hash_of_file, source.filepaths))
    return [fingerprint(image) for image in source.x]


def reading(source: Any) -> str:
    """How Keras makes pixels of what is hashed."""
    how = [source.dtype, source.image_data_generator.rescale]
    if hasattr(source, "filepaths"):
        how += [source.target_size, source.interpolation, source.keep_aspect_ratio]
    return f"{type(source).__name__} {how}"


def labels(source: Any) -> tuple[Any, Any]:
    """What the iterator gives beside all images in order: `(y, sample_weight)`."""
    if not hasattr(source, "filepaths"):
        return source.y, source.sample_weight
    if source.class_mode == "categorical":
        y = np.zeros((source.n, len(source.class_indices)), source.dtype)
        for row, ids in zip(y, source.classes, strict=True):
            row[ids] = 1
        return y, source.sample_weight
    ids = source.class_mode in ("binary", "sparse")
    return np.asarray(source.classes, source.dtype) if ids else source.labels, source.sample_weight


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowContents(Contents):
    """What an iterator reads.

    Attributes:
        source: The iterator, left as it is.
        order: A copy that gives the order alone, and goes on from one `batches` to the next, as
            the iterator itself would.
        pixels: Makes of its images what `Dataset.batches` gives.
        rest: Targets and weights, if any.
    """

    source: Any
    order: Any
    pixels: Callable[[np.ndarray], np.ndarray]
    rest: tuple[np.ndarray, ...]

    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """In the order of `rows`; NumPy's random state stays as it is."""
        reader = copy.copy(self.source)
        reader.image_data_generator = copy.copy(self.source.image_data_generator)
        reader.image_data_generator.get_random_transform = lambda *_: {}

        def load(part: np.ndarray) -> np.ndarray:
            batch = keras_internals.transformed_samples(reader, part)
            return self.pixels(batch[0] if isinstance(batch, tuple) else batch)

        def start(part: np.ndarray) -> Callable[[], np.ndarray]:
            return decoding_pool().submit(load, part).result

        return read_ahead(start, rows, batch_size)

    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        """In the order that the iterator would have; `seed` is the iterator's own."""
        return FlowBatches(items, arrays_beside(self.rest), self.order)


def order_of(source: Any) -> Any:
    """A copy that gives no images, but draws from NumPy's random state as if it did."""
    order = copy.copy(source)
    draw = source.image_data_generator.get_random_transform
    keras_internals.replace_samples(order, lambda rows: [draw((1, 1, 3)) for _ in rows])
    return order


class FlowBatches(ItemBatches):
    """Items in the order of an iterator, which is asked for each batch as training would ask it."""

    by_epoch = False

    def __init__(self, items: Items, beside: Beside, order: Any) -> None:
        super().__init__(items, beside, order.batch_size)
        self._order = order

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        self._order.__getitem__(index)
        return super().__getitem__(index)

    def _rows(self, epoch: int, index: int) -> np.ndarray:
        size = self._order.batch_size
        return self._order.index_array[index * size : (index + 1) * size]

    def on_epoch_end(self) -> None:
        """Keras's hook."""
        super().on_epoch_end()
        with self._lock:
            self._order.on_epoch_end()
            self._pending = {}
