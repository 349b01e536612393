"""Reads good pictures as a kind of data whose items are worse pictures, made of the good ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import keras
import numpy as np

from transferlearn.data.dataset import Dataset
from transferlearn.data.images.dataset import ImageDataset
from transferlearn.data.images.items import ImageItems, Print
from transferlearn.data.images.kind import Images
from transferlearn.data.items import decoding_pool
from transferlearn.data.listed import Listed
from transferlearn.data.messages import indented, notice
from transferlearn.data.pictures.degradations import Degradation
from transferlearn.data.pictures.target import refuse_stream
from transferlearn.data.pictures.targets import PictureTargets
from transferlearn.data.targets.base import Target, Targets
from transferlearn.json_fields import Json
from transferlearn.monitoring.traits import Traits
from transferlearn.types import TfData
from transferlearn.wording import counted

_TRIED = 16  # pictures that a degradation is tried on


@dataclass(frozen=True)
class DegradedImages(Images):
    """Makes worse pictures of good ones, in training and in figures; `predict` takes worse ones.

    Its settings are those of `Images`, for the worse pictures, and the degradation, which must be
    named.
    """

    name: ClassVar[str] = "degraded_images"
    predicts_as_read: ClassVar[bool] = False

    degradation: Degradation | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.degradation, Degradation):
            raise TypeError(
                "A degradation is one of tl.data, such as tl.data.super_resolution(4), or a "
                f"tl.data.Degradation of your own. Received: degradation={self.degradation!r}"
            )

    @property
    def _worsens(self) -> Degradation:
        """The degradation, which is there."""
        assert self.degradation is not None
        return self.degradation

    def open(self, listed: Listed, targets: Targets, *, on_error: str) -> ImageDataset:
        """Opens the good pictures, and makes a dataset of the worse ones, with the good as targets.

        Raises:
            ValueError: No picture can be used, the size is no multiple of the scale, or the
                degradation changes nothing.
        """
        degradation = self._worsens
        scale = degradation.scale
        reader = Images(
            image_size=None if self.image_size is None else _times(self.image_size, scale),
            default_image_size=_times(self.default_image_size, scale),
            value_range=self.value_range,
            interpolation=self.interpolation,
            fit=self.fit,
        )
        whole = reader.open(listed, targets, on_error=on_error)
        height, width = whole.image_size
        if min(height, width) < scale:
            raise ValueError(
                f"The pictures are {height} x {width} pixels high and wide, fewer than the {scale} "
                "by which they are shrunk: pass larger ones, or a smaller factor."
            )
        if height % scale or width % scale:
            raise ValueError(
                f"The pictures are {height} x {width} pixels high and wide, no multiple of the "
                f"{scale} by which they are shrunk. Name the size of the small ones, such as "
                f"image_size={(height // scale, width // scale)}."
            )
        if scale > 1:
            _say_small(whole)
        items = DegradedItems(whole.items, degradation)
        items.check()
        if isinstance(whole.targets, PictureTargets):
            targets = whole.targets.of_items(whole.items, scale)
        shape = (height // scale, width // scale, 3)
        return replace(whole, items=items, shape=shape, targets=targets)

    def stream(
        self, source: TfData | keras.utils.PyDataset, target: Target | None, *, on_error: str
    ) -> Dataset:
        """Makes a dataset of a stream to predict on; one of good pictures is refused."""
        if target is not None:
            refuse_stream(type(source).__name__)
        return super().stream(source, target, on_error=on_error)

    def settings(self) -> Json:
        """Returns the settings that a save holds."""
        origin = {"name": self._worsens.name, "settings": self._worsens.settings()}
        return {**super().settings(), "degradation": origin}

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the kind that was saved with these settings."""
        degradation = Degradation.named(dict(settings["degradation"]), folder)
        return cls(**{**settings, "degradation": degradation})


class DegradedItems(ImageItems):
    """Makes worse pictures of good ones when they are read.

    Args:
        whole: The good pictures.
        degradation: Makes the worse ones.
    """

    def __init__(self, whole: ImageItems, degradation: Degradation) -> None:
        self._whole = whole
        self._degradation = degradation

    def __len__(self) -> int:
        return len(self._whole)

    @property
    def reading(self) -> str:
        """Returns how the good pictures are read, and what makes them worse."""
        return f"{self._whole.reading}, {self._degradation!r}"

    @property
    def prints(self) -> list[Print]:
        """The fingerprints of the good pictures."""
        return list(self._whole.prints)

    @property
    def held_bytes(self) -> int:
        """Counts the bytes of the good pictures that are in memory."""
        return self._whole.held_bytes

    def original_sizes(self) -> list[tuple[int, int]]:
        """Returns the size that each worse picture has where the good one is not resized."""
        scale = self._degradation.scale
        return [(height // scale, width // scale) for height, width in self._whole.original_sizes()]

    def check(self) -> None:
        """Refuses a degradation that leaves pictures as they are, or gives something else.

        Raises:
            ValueError: None of a few pictures becomes another, or a result has a wrong shape.
        """
        good = [self._whole.image(i) for i in range(min(_TRIED, len(self)))]
        worse = [self._degradation(picture) for picture in good]
        scale = self._degradation.scale
        for before, after in zip(good, worse, strict=True):
            wanted = (before.shape[0] // scale, before.shape[1] // scale, 3)
            if np.shape(after) != wanted or after.dtype != before.dtype:
                raise ValueError(
                    f"{self._degradation!r} must give {before.dtype} of shape {wanted}. "
                    f"Received: {getattr(after, 'dtype', type(after))}, {np.shape(after)}"
                )
        if all(np.array_equal(*pair) for pair in zip(good, worse, strict=True)):
            raise ValueError(
                f"There is nothing to learn: {self._degradation!r} leaves the pictures as they are."
            )

    def image(self, i: int) -> np.ndarray:
        """Makes the worse one of picture `i`."""
        return self._degradation(self._whole.image(i))

    def traits(self, rows: np.ndarray) -> Traits:
        """Measures the sizes that the good pictures have in their files."""
        return self._whole.traits(rows)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Begins to read pictures in threads, and gives a function that waits for them."""
        images = [decoding_pool().submit(self.image, int(i)) for i in rows]
        return lambda: np.stack([image.result() for image in images])

    def subset(self, rows: np.ndarray) -> Self:
        """Returns the pictures `rows`, in that order."""
        return type(self)(self._whole.subset(rows), self._degradation)

    def resized(self, size: tuple[int, int]) -> Self:
        """Returns the same pictures, so that the worse ones have another size."""
        return type(self)(
            self._whole.resized(_times(size, self._degradation.scale)), self._degradation
        )


def _say_small(whole: ImageDataset) -> None:
    """Warns of good pictures that are enlarged, since nothing sharp can be learnt of them."""
    sizes, (height, width) = whole.items.original_sizes(), whole.image_size
    small = [i for i, size in enumerate(sizes) if size[0] < height or size[1] < width]
    if small:
        notice(
            f"{len(small)} of {counted(len(sizes), 'picture')} have fewer than the {height} x "
            f"{width} pixels to learn, and are enlarged, so they show nothing sharp: take a "
            f"smaller image_size, or leave them out.{indented([whole.called(i) for i in small])}"
        )


def _times(size: tuple[int, int], scale: int) -> tuple[int, int]:
    """Returns a size that is so many times larger in height and in width."""
    return size[0] * scale, size[1] * scale
