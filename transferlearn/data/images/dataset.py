"""Defines the dataset of images that come from files or arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from transferlearn.data.dataset import ItemDataset
from transferlearn.data.images.items import ImageItems


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageDataset(ItemDataset):
    """Holds images from files or arrays.

    Attributes:
        interpolation: The name of the filter that resizes, such as `"bilinear"`.
    """

    noun: str = "image"
    items: ImageItems
    interpolation: str = "bilinear"

    @property
    def image_size(self) -> tuple[int, int]:
        """The `(height, width)` in pixels of the images that come out."""
        height, width, *_ = self.shape
        return height, width

    @property
    def original_sizes(self) -> Sequence[tuple[int, int] | None]:
        """The `(height, width)` in pixels of each image before resizing."""
        return self.items.original_sizes()

    def image(self, i: int) -> np.ndarray:
        """Returns image `i`, decoded and resized: `(height, width, 3)`, in [0, 255]."""
        return self.items.image(i)

    def resized(self, image_size: tuple[int, int]) -> Self:
        """Returns the same images at another `(height, width)`, to which they are resized later."""
        if image_size == self.image_size:
            return self
        shape = (*image_size, 3)
        targets = None if self.targets is None else self.targets.of_shape(shape)
        return replace(self, items=self.items.resized(image_size), shape=shape, targets=targets)
