"""Makes datasets of pictures in memory: arrays, and lists of pictures of any size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from transferlearn.data.images.dataset import ImageDataset
from transferlearn.data.images.items import ArrayItems
from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.pixels import (
    check_numbers,
    check_range,
    fit_size,
    is_divided,
    raw_rgb,
)
from transferlearn.data.messages import quiet
from transferlearn.edge.pictures import to_rgb


def pixel_dataset(x: np.ndarray | Sequence[Any], options: ImageOptions) -> ImageDataset:
    """Makes a dataset of pictures that are in memory."""
    pixels, divided, sizes = _pixels(x, options)
    size = options.image_size or pixels.shape[1:3]
    rows = np.arange(len(pixels))
    return ImageDataset(
        items=ArrayItems(pixels, rows, size, options.resizing, divided=divided, sizes=sizes),
        size=len(pixels),
        shape=(*size, 3),
        interpolation=options.interpolation,
    )


def _pixels(
    x: np.ndarray | Sequence[Any], options: ImageOptions
) -> tuple[np.ndarray, bool, list[tuple[int, int]] | None]:
    """Puts pictures into one checked array, and says whether it was divided by 255.

    Where they had several sizes, it gives the `(height, width)` of each besides, else `None`.
    """
    if isinstance(x, (list, tuple)):
        pictures = [_picture(item, f"x[{i}]") for i, item in enumerate(x)]
        if len({(picture.shape, picture.dtype) for picture in pictures}) > 1:
            raw = _all_raw(pictures, options)
            sizes = [(picture.shape[0], picture.shape[1]) for picture in raw]
            size, how = options.size, options.resizing
            return np.stack([fit_size(one[None], size, how)[0] for one in raw]), False, sizes
        x = np.stack(pictures) if pictures else np.empty(0)
    pixels = np.asarray(x)
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    check_numbers(pixels, "x")
    if pixels.ndim != 4 or pixels.shape[-1] not in (1, 3, 4):
        raise ValueError(
            "x must have shape (n, height, width, 3), with 1 or 4 channels, or "
            f"(n, height, width). Received: shape={np.shape(x)}"
        )
    return pixels, is_divided(pixels, options, "x"), None


def raw_pictures(given: Sequence[Any], options: ImageOptions, what: str) -> list[np.ndarray]:
    """Each picture of a list, called `what`, as raw RGB `(height, width, 3)` of any size."""
    pictures = [_picture(item, f"{what}[{i}]") for i, item in enumerate(given)]
    return _all_raw(pictures, options, what)


def _all_raw(
    pictures: Sequence[np.ndarray], options: ImageOptions, what: str = "x"
) -> list[np.ndarray]:
    """Makes raw RGB of pictures that differ in shape or type."""
    flat = [picture.ravel() for picture in pictures]
    floats = [values for values in flat if values.dtype.kind == "f"]
    # The range is judged for the whole list: a black picture alone looks divided by 255.
    extremes = [extreme for v in floats for extreme in (v.min(), v.max())]
    divided = is_divided(np.array(extremes), options, what) if floats else False
    return [raw_rgb(picture, divided=divided) for picture in pictures]


def _picture(item: Image.Image | ArrayLike, what: str) -> np.ndarray:
    """Checks one picture, and gives it as an array `(height, width, channels)`."""
    if isinstance(item, Image.Image):
        try:
            with quiet():
                return np.asarray(to_rgb(item))
        except Exception as error:
            raise ValueError(f"{what} cannot be decoded: {error}") from error
    picture = np.asarray(item)
    if picture.ndim == 2:
        picture = picture[..., None]
    check_numbers(picture, what)
    if picture.dtype.kind != "f":  # floats may be divided by 255, which the whole list tells
        check_range(picture, what)
    if picture.ndim != 3 or picture.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"{what} must have shape (height, width, 3), with 1 or 4 channels, or "
            f"(height, width). Received: shape={np.shape(item)}"
        )
    return picture
