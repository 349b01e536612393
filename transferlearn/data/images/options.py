"""Holds the settings by which images are read: size, range of pixel values, and resize."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class ImageOptions:
    """Says how images are read: their size, the range of their pixel values, and the resize.

    Args:
        image_size: The `(height, width)` in pixels to resize to. `None`: arrays and streams keep
            their size, files get `default_image_size`.
        default_image_size: The `(height, width)` in pixels of files without an `image_size`.
        value_range: The range of pixels that are floats: `(0, 255)` is raw; `(0, 1)` is divided by
            255, which is undone; `None` recognises the range, and says so where it is `(0, 1)`.
            Files and integers are raw.
        interpolation: Pillow's name of the resize, which is antialiased.

    Raises:
        ValueError: A setting cannot work.
    """

    image_size: tuple[int, int] | None = None
    default_image_size: tuple[int, int] = (224, 224)
    value_range: tuple[int, int] | None = None
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        for name in ("image_size", "default_image_size"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _size(name, getattr(self, name)))
        if self.value_range is not None:
            object.__setattr__(self, "value_range", _range(self.value_range))
        if self.interpolation.upper() not in Image.Resampling.__members__:
            choices = ", ".join(repr(name.lower()) for name in Image.Resampling.__members__)
            raise ValueError(
                f"interpolation must be one of {choices}. "
                f"Received: interpolation={self.interpolation!r}"
            )

    @property
    def size(self) -> tuple[int, int]:
        """Gives the `(height, width)` in pixels that files are resized to."""
        return self.image_size or self.default_image_size


def _size(name: str, size: Sequence[int]) -> tuple[int, int]:
    try:
        height, width = (operator.index(side) for side in size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(
            f"{name} must be (height, width) in pixels, such as (224, 224). "
            f"Received: {name}={size!r}"
        )
    return height, width


def _range(value_range: Sequence[int]) -> tuple[int, int]:
    if tuple(value_range) not in ((0, 1), (0, 255)):
        raise ValueError(
            "value_range is (0, 255) for raw pixels, (0, 1) for pixels divided by 255, or None "
            f"to recognise it. Received: value_range={value_range!r}"
        )
    low, high = map(int, value_range)
    return low, high
