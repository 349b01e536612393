"""Folders, tables, arrays, `tf.data` and generators -> `Dataset`: raw pixels, checked."""

from .batches import ItemBatches, epoch_order
from .contents import Contents, UnsteadyData
from .dataset import Dataset, ImageDataset, ItemDataset, Skipped
from .excerpt import Excerpt, Observer, Sample
from .items import Items, decoding_pool
from .kinds import Kind
from .labels import weigh
from .load import is_one_image, load, load_images, load_with
from .notices import DataWarning, listing, notice
from .options import Options
from .pairs import LoadedOnce, load_pair
from .steady import iterate, without_autotune, without_retracing_advice
from .streams import StreamDataset
from .texts import TextDataset, TextKind, load_texts, of_one_length
from .tokens import Characters, TokenItems, Tokenizer, load_tokenizer, save_tokenizer

__all__ = [
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
    "listing",
    "load",
    "load_images",
    "load_pair",
    "load_texts",
    "load_tokenizer",
    "load_with",
    "notice",
    "of_one_length",
    "save_tokenizer",
    "weigh",
    "without_autotune",
    "without_retracing_advice",
]
