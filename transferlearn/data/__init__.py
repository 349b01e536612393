"""Folders, tables, arrays, `tf.data` and generators -> `Dataset`: raw pixels, checked."""

from .batches import epoch_order
from .dataset import Dataset, ItemDataset, Skipped
from .load import is_one_image, load, load_images, load_pair
from .notices import DataWarning
from .streams import StreamDataset

__all__ = [
    "DataWarning",
    "Dataset",
    "ItemDataset",
    "Skipped",
    "StreamDataset",
    "epoch_order",
    "is_one_image",
    "load",
    "load_images",
    "load_pair",
]
