"""Defines the settings by which images are read: size, range of pixel values, and filter."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass

from transferlearn.edge.pictures import Resizing, check_pixels


@dataclass(frozen=True)
class ImageOptions:
    """Describes how images are read: to which size, from which range of values, by which filter.

    Args:
        image_size: The `(height, width)` in pixels to resize to. `None` keeps the size of arrays
            and streams, and resizes files to `default_image_size`.
        default_image_size: The `(height, width)` that files are resized to where `image_size` is
            `None`.
        value_range: The range of float pixels: `(0, 255)`; `(0, 1)`, which is multiplied by 255;
            or `None`, which finds out, and reports `(0, 1)`. Files and integers are always taken as
            (0, 255).
        interpolation: The name of Pillow's filter, such as `"bilinear"`; all but `"nearest"` are
            antialiased.
        fit: Whether photos fill the size, `"stretch"`, or keep their shape between two grey bars,
            `"letterbox"`.

    Raises:
        ValueError: A setting cannot work.
    """

    image_size: tuple[int, int] | None = None
    default_image_size: tuple[int, int] = (224, 224)
    value_range: tuple[int, int] | None = None
    interpolation: str = "bilinear"
    fit: str = "stretch"

    def __post_init__(self) -> None:
        for name in ("image_size", "default_image_size"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _checked_size(name, getattr(self, name)))
        if self.value_range is not None:
            object.__setattr__(self, "value_range", _checked_range(self.value_range))
        self.resizing.check()

    @property
    def resizing(self) -> Resizing:
        """Returns how images are brought to their size."""
        return Resizing(self.interpolation, self.fit)

    @property
    def size(self) -> tuple[int, int]:
        """The `(height, width)` in pixels that files are resized to."""
        return self.image_size or self.default_image_size


def _checked_size(name: str, size: Sequence[int]) -> tuple[int, int]:
    """Returns a size as `(height, width)`, and refuses anything else."""
    try:
        height, width = (operator.index(side) for side in size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(
            f"{name} must be (height, width) in pixels, such as (224, 224). "
            f"Received: {name}={size!r}"
        )
    check_pixels((height, width))
    return height, width


def _checked_range(value_range: Sequence[int]) -> tuple[int, int]:
    """Returns a range as two integers, and refuses any but (0, 1) and (0, 255)."""
    if tuple(value_range) not in ((0, 1), (0, 255)):
        raise ValueError(
            "value_range is (0, 255) for raw pixels, (0, 1) for pixels divided by 255, or None "
            f"to recognise it. Received: value_range={value_range!r}"
        )
    low, high = map(int, value_range)
    return low, high
