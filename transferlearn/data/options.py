"""How a source is to be read; checked once, handed to every loader."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

DIVIDED = (0, 1)
RAW = (0, 255)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments of `load`, see there."""

    image_size: tuple[int, int] | None = None
    default_image_size: tuple[int, int] = (224, 224)
    class_names: Sequence[str] | None = None
    multi_label: bool = False
    value_range: tuple[int, int] | None = None
    interpolation: str = "bilinear"
    on_error: str = "skip"

    def __post_init__(self) -> None:
        for name in ("image_size", "default_image_size"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _size(name, getattr(self, name)))
        if self.class_names is not None:
            object.__setattr__(self, "class_names", _names(self.class_names))
        if self.value_range is not None and tuple(self.value_range) not in (DIVIDED, RAW):
            raise ValueError(
                "value_range is (0, 255) for raw pixels, (0, 1) for pixels divided by 255, or None "
                f"to recognise it. Received: value_range={self.value_range!r}"
            )
        if self.interpolation.upper() not in Image.Resampling.__members__:
            choices = ", ".join(repr(name.lower()) for name in Image.Resampling.__members__)
            raise ValueError(
                f"interpolation must be one of {choices}. "
                f"Received: interpolation={self.interpolation!r}"
            )
        if self.on_error not in ("skip", "raise"):
            raise ValueError(
                'on_error must be "skip" (leave bad files out and say so) or "raise". '
                f"Received: on_error={self.on_error!r}"
            )

    @property
    def divided(self) -> bool:
        """Whether the user said that pixels are divided by 255."""
        return self.value_range is not None and tuple(self.value_range) == DIVIDED


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


def _names(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise ValueError(
            f"class_names must be a list of names. Received: class_names={names!r}; "
            f"write [{names!r}, ...]"
        )
    result = tuple(str(name) for name in names)
    twice = sorted({name for name in result if result.count(name) > 1})
    if twice:
        raise ValueError(f"class_names must differ from each other. Received twice: {twice}")
    return result
