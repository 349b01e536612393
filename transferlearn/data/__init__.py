"""Folders, tables, arrays, `tf.data` and generators -> `Dataset`: raw pixels, checked."""

from .batches import ItemBatches, epoch_order
from .contents import Contents, UnsteadyData
from .dataset import Dataset, ImageDataset, ItemDataset, Skipped
from .excerpt import Excerpt, Observer, Sample
from .items import Items, decoding_pool
from .kinds import Kind
from .labels import weigh
from .load import is_one_image, load, load_images, load_with
from .notices import DataWarning
from .options import Options
from .pairs import LoadedOnce, load_pair
from .steady import iterate, without_autotune, without_retracing_advice
from .streams import StreamDataset
from .texts import TextDataset, TextKind, load_texts, of_one_length
from .tokens import CHARACTERS, Characters, TokenItems, Tokenizer

__all__ = [
    "CHARACTERS",
    "Characters",
    "Contents",
    "DataWarning",
    "Dataset",
    "Excerpt",
    "ImageDataset",
    "ItemBatches",
    "ItemDataset",
    "Items",
    "Kind",
    "LoadedOnce",
    "Observer",
    "Options",
    "Sample",
    "Skipped",
    "StreamDataset",
    "TextDataset",
    "TextKind",
    "TokenItems",
    "Tokenizer",
    "UnsteadyData",
    "decoding_pool",
    "epoch_order",
    "is_one_image",
    "iterate",
    "load",
    "load_images",
    "load_pair",
    "load_texts",
    "load_with",
    "of_one_length",
    "weigh",
    "without_autotune",
    "without_retracing_advice",
]
