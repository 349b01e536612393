"""Images, as a kind of data."""

from collections import Counter
from dataclasses import replace
from typing import Any

import keras

from .arrays import as_paths, pixel_dataset
from .dataset import Dataset, ImageDataset
from .generators import load_generator
from .images import ENDINGS
from .kinds import Kind
from .listing import Listing
from .options import Options
from .tf_data import is_tf_data, load_tf_data
from .verify import file_dataset, open_files


class ImageKind(Kind):
    """Files or arrays of pixels."""

    noun = "image"
    endings = tuple(ENDINGS)
    columns = ("path", "filename", "file", "image")
    in_cells = False

    def as_paths(self, x: Any) -> list[str] | None:
        """The paths in `x`, or `None` if it holds pictures."""
        return as_paths(x)

    def open(self, listing: Listing, options: Options, share: float) -> ImageDataset:
        """Decodes every file once, or looks at the arrays."""
        if not listing.in_files:
            return pixel_dataset(
                listing.items,
                options,
                labels=listing.labels,
                class_names=listing.class_names,
                sample_weight=listing.sample_weight,
            )
        files = open_files(listing.items, options, listing.what, listing.ignored, share=share)
        weights = listing.sample_weight
        return file_dataset(
            files,
            options,
            labels=listing.labels[files.rows],
            class_names=listing.class_names,
            sample_weight=None if weights is None else weights[files.rows],
            ignored=+Counter(listing.ignored),
        )

    def is_stream(self, source: Any) -> bool:
        """`tf.data`, `ImageDataGenerator` iterators and other `PyDataset`s."""
        return isinstance(source, keras.utils.PyDataset) or is_tf_data(source)

    def stream(self, source: Any, options: Options, *, labelled: bool = True) -> Dataset:
        """Reads a stream, with its labels or without."""
        is_generator = isinstance(source, keras.utils.PyDataset)
        return (load_generator if is_generator else load_tf_data)(
            source, options, labelled=labelled
        )

    def like(self, first: Dataset, options: Options) -> Options:
        """In the same size."""
        return replace(options, image_size=first.image_size)


IMAGES = ImageKind()
