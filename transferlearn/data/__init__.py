"""Folders, tables, arrays, `tf.data` and generators -> `Dataset`: raw pixels, checked."""

from .batches import ItemBatches, epoch_order
from .contents import Contents, UnsteadyData
from .dataset import Dataset, ItemDataset, Skipped
from .excerpt import Excerpt, Observer, Sample
from .items import Items, decoding_pool
from .labels import weigh
from .load import is_one_image, load, load_images
from .notices import DataWarning
from .pairs import LoadedOnce, load_pair
from .steady import iterate, without_autotune
from .streams import StreamDataset

__all__ = [
    "Contents",
    "DataWarning",
    "Dataset",
    "Excerpt",
    "ItemBatches",
    "ItemDataset",
    "Items",
    "LoadedOnce",
    "Observer",
    "Sample",
    "Skipped",
    "StreamDataset",
    "UnsteadyData",
    "decoding_pool",
    "epoch_order",
    "is_one_image",
    "iterate",
    "load",
    "load_images",
    "load_pair",
    "weigh",
    "without_autotune",
]
