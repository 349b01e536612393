"""Describes images as a kind of data, and how files, arrays and streams of them are read."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np
from PIL import Image

from transferlearn.data.dataset import Dataset
from transferlearn.data.images.arrays import pixel_dataset
from transferlearn.data.images.checking import file_dataset, open_files
from transferlearn.data.images.dataset import ImageDataset
from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.streams import load_generator, load_tf_data
from transferlearn.data.iterating import is_tf_data
from transferlearn.data.kind import Kind, One, Spec
from transferlearn.data.listed import Listed, as_paths
from transferlearn.data.sources.folders import files_of
from transferlearn.data.targets.base import Target, Targets
from transferlearn.edge import ImageReader
from transferlearn.edge.pictures import ENDINGS, ImageFileError, decode, resize
from transferlearn.json_fields import Json
from transferlearn.monitoring.traits import Traits, of_pixels
from transferlearn.types import TfData


@dataclass(frozen=True)
class Images(ImageOptions, Kind):
    """Reads images as raw RGB pixels in [0, 255]; its settings are those of `ImageOptions`."""

    name: ClassVar[str] = "images"
    noun: ClassVar[str] = "image"
    endings: ClassVar[tuple[str, ...]] = tuple(ENDINGS)
    columns: ClassVar[tuple[str, ...]] = ("path", "filename", "file", "image")
    in_cells: ClassVar[bool] = False
    fed: ClassVar[str] = (
        "It takes raw RGB pixels in [0, 255], resized to its size; preprocessing is inside."
    )

    def inputs(self, shape: tuple[int, ...] | None = None) -> dict[str, Spec]:
        """Returns the shape and dtype of the one input, `image`, of a network for images."""
        return {"image": Spec(shape or (*self.size, 3), "float32")}

    def as_paths(self, items: Any) -> list[str] | None:
        """Returns `items` as a list of paths if it holds paths only, else `None`."""
        return as_paths(items)

    def open(self, listed: Listed, targets: Targets, *, on_error: str) -> ImageDataset:
        """Decodes every file once, or checks the arrays, and makes a dataset of the good images."""
        if listed.in_files:
            files = open_files(listed, self, on_error=on_error)
            dataset, rows = file_dataset(files, self), files.rows
            listed, targets = listed.take(rows), targets.take(rows)
        else:
            dataset = pixel_dataset(listed.items, self)
        targets = targets.of_shape(dataset.shape, letterboxed=self.fit == "letterbox")
        return replace(
            dataset, targets=targets, sample_weight=listed.sample_weight, groups=listed.groups
        )

    def is_stream(self, source: object) -> bool:
        """Returns whether a source is `tf.data`, an `ImageDataGenerator` or a `PyDataset`."""
        return isinstance(source, keras.utils.PyDataset) or is_tf_data(source)

    def stream(
        self, source: TfData | keras.utils.PyDataset, target: Target | None, *, on_error: str
    ) -> Dataset:
        """Makes a dataset of a stream; without a `target`, of images to predict on."""
        is_generator = isinstance(source, keras.utils.PyDataset)
        return (load_generator if is_generator else load_tf_data)(source, self, target)

    def is_one(self, source: object) -> bool:
        """Returns whether a source is a single image: a file, a Pillow image or one array."""
        if isinstance(source, (str, Path)):
            return not Path(source).expanduser().is_dir()
        shape: tuple[int, ...] = getattr(source, "shape", ())
        is_one_array = len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3, 4))
        return isinstance(source, Image.Image) or is_one_array

    def unlabelled(self, source: object, *, on_error: str = "skip") -> Dataset:
        """Makes a dataset of images to predict on.

        Args:
            source: A path, a list of paths, of folders too (all images below), a Pillow image or a
                list of them, an array `(height, width, channels)` or
                `(n, height, width, channels)`, a list of arrays, a `tf.data.Dataset` or a
                `keras.utils.PyDataset`, whose targets are ignored.
            on_error: What is done about bad files: `"skip"` leaves them out, `"raise"` raises. It
                is not used for streams.
        """
        if self.is_stream(source):
            return self.stream(source, None, on_error=on_error)
        if isinstance(source, (str, Path)):
            return self._files([str(source)], on_error)
        if self.is_one(source):
            source = [source] if isinstance(source, Image.Image) else np.asarray(source)[None]
        elif not isinstance(source, (list, tuple)):
            source = np.asarray(source)
            if not source.ndim:
                raise TypeError(
                    "Images are a path, a folder, a Pillow image, an array, a list of those, a "
                    "tf.data.Dataset or a keras.utils.PyDataset (of a Python generator make a "
                    f"list). Received: {source.dtype.name} {source!s:.80}"
                )
        paths = as_paths(source)
        if paths is not None:
            return self._files(paths, on_error)
        return pixel_dataset(source, self)

    def one(self, item: object) -> One | None:
        """Reads one file, Pillow image or array: `(1, height, width, 3)`; `None` for a bad file."""
        if not isinstance(item, (str, Path)):
            pixels = item if isinstance(item, Image.Image) else np.asarray(item)
            dataset = pixel_dataset([pixels], self)
            return One(dataset.image(0)[None], None, dataset.original_sizes[0])
        path = str(Path(item).expanduser())
        try:
            whole = decode(path)
        except ImageFileError:
            return None
        image = resize(whole, self.size, self.resizing)
        return One(np.asarray(image)[None], path, (whole.height, whole.width))

    def traits(self, batch: np.ndarray) -> Traits:
        """Measures brightness, contrast, colour and sharpness."""
        return of_pixels(batch)

    def size_in_words(self, shape: tuple[int, ...]) -> str:
        """Returns the height and width in pixels."""
        return f"{shape[0]}x{shape[1]} px"

    def like(self, dataset: Dataset) -> Self:
        """Returns the settings that read other images at this dataset's size, by its filter."""
        height, width, *_ = dataset.shape
        how = getattr(dataset, "interpolation", self.interpolation)
        return replace(self, image_size=(height, width), interpolation=how)

    def settings(self) -> Json:
        """Returns the settings that a save holds: size, range of values, filter and fit."""
        return {
            "image_size": self.image_size and list(self.image_size),
            "value_range": self.value_range and list(self.value_range),
            "interpolation": self.interpolation,
            "fit": self.fit,
        }

    def item_reader(self) -> ImageReader:
        """Returns what reads photos at this size, by this filter."""
        return ImageReader(self.size, self.interpolation, self.value_range, fit=self.fit)

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the kind that was saved with these settings."""
        return cls(**settings)

    def _files(self, paths: list[str], on_error: str) -> ImageDataset:
        """Makes a dataset of files, and of all images below folders."""
        listed = files_of(paths, self)
        return file_dataset(open_files(listed, self, on_error=on_error), self)
