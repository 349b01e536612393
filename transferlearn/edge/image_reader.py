"""Reads photos as training did: decoded, turned upright and resized."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from transferlearn.edge.description import TensorSpec
from transferlearn.edge.item_reader import ItemReader, Rows, Seen, check_input
from transferlearn.edge.pictures import (
    ENDINGS,
    ImageFileError,
    Resizing,
    check_pixels,
    decode,
    decode_bytes,
    pixels_in,
    resize,
    resize_array,
    to_rgb,
)
from transferlearn.monitoring.traits import Traits, of_pixels


@dataclass(frozen=True)
class ImageReader(ItemReader):
    """Reads photos as raw RGB pixels in [0, 255] of one size.

    Args:
        image_size: The `(height, width)` in pixels that photos are resized to.
        interpolation: The name of Pillow's filter, such as `"bilinear"`.
        value_range: The range of float pixels in arrays: `(0, 255)`; `(0, 1)`, which is multiplied
            by 255; `None`: raw, and arrays that look divided are refused.
        input: The name of the network's input.
        fit: Whether photos fill that size, `"stretch"`, or keep their shape, `"letterbox"`.
    """

    name: ClassVar[str] = "images"
    takes: ClassVar[str | None] = "photos"
    whole: ClassVar[str | None] = "uint8"
    endings: ClassVar[tuple[str, ...]] = tuple(ENDINGS)

    image_size: tuple[int, int]
    interpolation: str = "bilinear"
    value_range: tuple[int, int] | None = None
    input: str = "image"
    fit: str = "stretch"

    def __post_init__(self) -> None:
        if len(self.image_size) != 2 or not all(
            isinstance(side, int) and side > 0 for side in self.image_size
        ):
            raise ValueError(f"image_size is (height, width). Received: {self.image_size!r:.99}")
        check_pixels(self.image_size)
        self._how.check()

    def check_inputs(self, inputs: Mapping[str, TensorSpec]) -> None:
        """Compares the size of photos with the size that the model takes."""
        check_input(inputs, self.input, (None, *self.image_size, 3))

    def is_one(self, items: object) -> bool:
        """Returns whether this is one photo: a path, bytes of a file, a picture or one array."""
        if isinstance(items, np.ndarray):
            return items.ndim == 2 or (items.ndim == 3 and items.shape[-1] in (1, 3, 4))
        is_item = isinstance(items, (str, Path, bytes, Image.Image))
        return is_item and not self.is_folder(items)

    def is_folder(self, item: object) -> bool:
        """Returns whether something is the path of a folder of photos, maybe a string."""
        return isinstance(item, (str, Path)) and Path(item).is_dir()

    def read(self, items: Sequence[object]) -> Rows:
        """Reads photos: paths, contents of files as bytes, Pillow's pictures, or arrays.

        Raises:
            ValueError: A photo cannot be read, or an array does not hold pixels.
        """
        pixels, seen = [], []
        for item in items:
            picture, one = self._opened(item)
            pixels.append(self._fitted(picture))
            seen.append(one)
        return Rows({self.input: np.stack(pixels)}, np.arange(len(pixels)), seen)

    def photo(self, item: object) -> tuple[np.ndarray, Seen]:
        """Reads one photo in its own size: `(height, width, 3)`, uint8, or float32 of floats.

        Raises:
            ValueError: The photo cannot be read, or an array does not hold pixels.
        """
        picture, one = self._opened(item)
        return np.asarray(picture), one

    def tiles(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Makes of some parts of a photo what the network takes, `(parts, height, width, 3)`."""
        return np.stack([self._fitted(part) for part in parts])

    def check_size(self, content: bytes, most: int) -> None:
        """Refuses a photo of more than `most` pixels, before it is decoded."""
        if (pixels := pixels_in(content)) > most:
            raise ValueError(f"A photo may have {most:,} pixels. Received: {pixels:,}")

    def traits(self, arrays: Mapping[str, np.ndarray]) -> Traits:
        """Measures brightness, contrast, colour and sharpness."""
        return of_pixels(arrays[self.input])

    def _opened(self, item: object) -> tuple[Image.Image | np.ndarray, Seen]:
        """Reads one photo in its own size: a picture of a file, or the checked array."""
        if not isinstance(item, (str, Path, bytes, Image.Image)):
            pixels = self._of_array(np.asarray(item))
            return pixels, Seen(None, (pixels.shape[0], pixels.shape[1]))
        path = str(item) if isinstance(item, (str, Path)) else None
        try:
            if isinstance(item, Image.Image):
                picture = to_rgb(item)
            else:
                picture = decode(path) if path else decode_bytes(item)  # type: ignore[arg-type]
        except ImageFileError as error:
            raise ValueError(f"{path or 'The picture'} cannot be read: {error}") from error
        return picture, Seen(path, (picture.height, picture.width))

    def _fitted(self, photo: Image.Image | np.ndarray) -> np.ndarray:
        """Resizes one photo, or a part of it, to the size that the network takes."""
        if isinstance(photo, Image.Image):
            return np.asarray(resize(photo, self.image_size, self._how))
        if photo.shape[:2] == self.image_size:
            return photo
        return resize_array(photo, self.image_size, self._how)

    @property
    def _how(self) -> Resizing:
        """Returns how photos are resized."""
        return Resizing(self.interpolation, self.fit)

    def _of_array(self, pixels: np.ndarray) -> np.ndarray:
        """Checks one array of raw pixels."""
        if pixels.ndim != 3 or pixels.shape[-1] != 3 or pixels.dtype.kind not in "iuf":
            raise ValueError(
                "A photo as an array has the shape (height, width, 3). "
                f"Received: shape {pixels.shape}, {pixels.dtype}"
            )
        if pixels.dtype.kind == "f":
            pixels = pixels.astype(np.float32, copy=False)
            divided = pixels.size > 0 and pixels.max() <= 1
            if self.value_range == (0, 1):
                pixels = pixels * np.float32(255)
            elif divided and self.value_range is None:
                raise ValueError(
                    "All pixels are within [0, 1], and raw ones are within [0, 255]: pass "
                    "pixels * 255, or as uint8 where the photo is black."
                )
        if not pixels.size or not (pixels.min() >= 0 and pixels.max() <= 255):  # NaN is neither
            raise ValueError("Pixels are within [0, 255], and finite.")
        return pixels if pixels.dtype == np.float32 else pixels.astype(np.uint8)
