"""Reads iterators of `ImageDataGenerator` item by item, and keeps their own order."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import ArrayLike

from transferlearn import keras_internals
from transferlearn.data.batches import Beside, ItemBatches, arrays_beside
from transferlearn.data.contents import Contents, UnsteadyData, read_ahead
from transferlearn.data.images.pixels import fingerprint
from transferlearn.data.items import Items, decoding_pool
from transferlearn.hashing import hash_of_file

# Settings of `ImageDataGenerator` that change images at random wherever they are not 0 or False.
_RANDOM = (
    "rotation_range",
    "width_shift_range",
    "height_shift_range",
    "shear_range",
    "channel_shift_range",
    "horizontal_flip",
    "vertical_flip",
)


def is_known(source: object) -> bool:
    """Returns whether a source and its `ImageDataGenerator` are Keras's own, not of a subclass."""
    settings = getattr(source, "image_data_generator", None)
    return all(type(part).__module__.startswith("keras.") for part in (source, settings))


def check_steady(source: keras.utils.PyDataset) -> None:
    """Raises `UnsteadyData` for an iterator that changes its images, or saves them as files."""
    settings = source.image_data_generator
    used = [name for name in _RANDOM if getattr(settings, name)]
    used += ["zoom_range"] if tuple(settings.zoom_range) != (1, 1) else []
    used += ["brightness_range"] if settings.brightness_range is not None else []
    if used:
        raise UnsteadyData(f"the ImageDataGenerator changes images at random, by {', '.join(used)}")
    if source.save_to_dir:
        raise UnsteadyData("the generator writes images down in each epoch, by save_to_dir")


def hashes(source: keras.utils.PyDataset) -> list[str]:
    """Returns the hash of each whole file, or of the pixels of each image of an array."""
    # Keras does not turn pictures upright or put them on white, so `decode` gives other pixels.
    if hasattr(source, "filepaths"):
        return list(decoding_pool().map(hash_of_file, source.filepaths))
    return [fingerprint(image) for image in source.x]


def reading(source: keras.utils.PyDataset) -> str:
    """Returns the settings by which Keras turns what `hashes` hashes into pixels, as text."""
    how = [source.dtype, source.image_data_generator.rescale]
    if hasattr(source, "filepaths"):
        how += [source.target_size, source.interpolation, source.keep_aspect_ratio]
    return f"{type(source).__name__} {how}"


def labels(source: keras.utils.PyDataset) -> tuple[ArrayLike | None, np.ndarray | None]:
    """Returns `(y, sample_weight)` of all images, unshuffled, as the iterator gives them."""
    if not hasattr(source, "filepaths"):
        return source.y, source.sample_weight
    if source.class_mode == "categorical":
        y = np.zeros((source.n, len(source.class_indices)), source.dtype)
        for row, ids in zip(y, source.classes, strict=True):
            row[ids] = 1
        return y, source.sample_weight
    has_ids = source.class_mode in ("binary", "sparse")
    y = np.asarray(source.classes, source.dtype) if has_ids else source.labels
    return y, source.sample_weight


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowContents(Contents):
    """Reads the items of an iterator by number, and makes batches in the iterator's order.

    Attributes:
        source: The iterator, which is left as it is.
        order: A copy of the iterator that gives the order alone, and goes on from one `batches` to
            the next, as the iterator itself would.
        pixels: Turns the iterator's images into those that `Dataset.batches` gives.
        rest: The targets and weights of all items, if any.
    """

    source: keras.utils.PyDataset
    order: keras.utils.PyDataset
    pixels: Callable[[np.ndarray], np.ndarray]
    rest: tuple[np.ndarray, ...]

    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Reads the items in the order of `rows`; NumPy's random state stays as it is."""
        reader = copy.copy(self.source)
        reader.image_data_generator = copy.copy(self.source.image_data_generator)
        # Keras draws random numbers for each image, even where the settings change nothing.
        reader.image_data_generator.get_random_transform = lambda *_: {}

        def load(part: np.ndarray) -> np.ndarray:
            batch = keras_internals.transformed_samples(reader, part)
            return self.pixels(batch[0] if isinstance(batch, tuple) else batch)

        def start(part: np.ndarray) -> Callable[[], np.ndarray]:
            return decoding_pool().submit(load, part).result

        return read_ahead(start, rows, batch_size)

    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        """Makes batches in the iterator's own order, which does not depend on `seed`."""
        return FlowBatches(items, arrays_beside(self.rest), self.order)


def order_of(source: keras.utils.PyDataset) -> keras.utils.PyDataset:
    """Copies an iterator, to follow its order without images but with the same random draws."""
    order = copy.copy(source)
    draw = source.image_data_generator.get_random_transform
    keras_internals.replace_samples(order, lambda rows: [draw((1, 1, 3)) for _ in rows])
    return order


class FlowBatches(ItemBatches):
    """Yields items in the order of an iterator, which is asked for each batch as in training."""

    by_epoch = False

    def __init__(self, items: Items, beside: Beside, order: keras.utils.PyDataset) -> None:
        super().__init__(items, beside, order.batch_size)
        self._order = order

    def __getitem__(self, index: int) -> tuple[object, ...]:
        self._order.__getitem__(index)
        return super().__getitem__(index)

    def _rows(self, epoch: int, index: int) -> np.ndarray:
        size = self._order.batch_size
        return self._order.index_array[index * size : (index + 1) * size]

    def on_epoch_end(self) -> None:
        """Hands Keras's hook on to the iterator, which chooses the order of its next epoch."""
        super().on_epoch_end()
        with self._lock:
            self._order.on_epoch_end()
            self._pending = {}  # loaded ahead in the order of the epoch that is over
