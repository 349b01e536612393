"""Sources with an order and batches of their own, and what they have in common."""

import abc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transferlearn.data.contents import Contents
from transferlearn.data.dataset import Dataset, Request, joined_weights
from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.pixels import (
    check_numbers,
    check_range,
    fit_size,
    is_divided,
    raw_rgb,
    undo_rescale,
)
from transferlearn.data.images.streams.rereading import read_twice
from transferlearn.data.listed import sample_weights
from transferlearn.data.targets.base import Encoded


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamDataset(Dataset):
    """Gives the batches of `tf.data`, generators and `PyDataset`s, converted as they come.

    Attributes:
        source: The stream.
        rescale: What the pixels were multiplied by; `None` if they come raw.
        interpolation: Of an `ImageDataGenerator` iterator its own resize, such as `"nearest"`.
        resampling: The resize for batches of another size than `shape` says.
    """

    noun: str = "image"
    source: Any
    rescale: float | None = None
    interpolation: str = "bilinear"
    resampling: str = "bilinear"

    @property
    def image_size(self) -> tuple[int, int]:
        """Gives the `(height, width)` in pixels of the images that come out."""
        height, width, *_ = self.shape
        return height, width

    def convert(
        self, request: Request, images: Any, targets: Any = None, sample_weight: Any = None
    ) -> tuple[np.ndarray, ...]:
        """Makes of one batch of the source what `Dataset.batches` promises, and checks it."""
        if self.targets is None:
            return (self.pixels(np.asarray(images)),)
        targets = _in_rows(targets)
        present = self.targets.present(targets)
        if not present.all():
            images, targets = np.asarray(images)[present], targets[present]
            sample_weight = None if sample_weight is None else np.asarray(sample_weight)[present]
        return self.pixels(np.asarray(images)), *self.rest(request, targets, sample_weight)

    def rest(self, request: Request, targets: Any, sample_weight: Any) -> tuple[np.ndarray, ...]:
        """Gives targets and weights of a batch, in the form that was asked for."""
        if self.targets is None:
            return ()
        given = _in_rows(targets)
        rows = self.targets.parse(given)
        if sample_weight is not None:
            sample_weight = sample_weights(sample_weight, len(rows))
        encoded = Encoded(given) if request.encode is None else request.encode(rows)
        weights = joined_weights(rows, sample_weight, request.weigh, encoded.weights)
        return (encoded.targets,) if weights is None else (encoded.targets, weights)

    def pixels(self, images: np.ndarray) -> np.ndarray:
        """Makes raw RGB pixels of the dataset's shape of a batch, and checks them."""
        check_shape(images)
        check_numbers(images, "A batch")
        raw = images if self.rescale is None else undo_rescale(images, self.rescale)
        check_range(raw, "A batch")
        return fit_size(raw_rgb(raw, divided=False), self.image_size, self.resampling)

    def contents(self, request: Request) -> Contents:
        """Reads the stream twice to see whether it gives the same items again."""
        batches = self.requested(request)
        return read_twice(lambda: self.epoch(batches), may_be_endless=self.may_be_endless)

    @abc.abstractmethod
    def epoch(self, batches: Any) -> Iterator[tuple[np.ndarray, ...]]:
        """Reads one epoch of what `batches` gave, as arrays."""

    @property
    def may_be_endless(self) -> bool:
        """Says whether it is unknown how long an epoch is."""
        return False


def _in_rows(targets: Any) -> np.ndarray:
    """Gives targets with a row for each item; generators may give a list of columns."""
    return np.column_stack(targets) if isinstance(targets, (list, tuple)) else np.asarray(targets)


def check_shape(images: np.ndarray) -> None:
    """Raises `ValueError` for what is no batch of images."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            "A batch of images must have shape (batch, height, width, 3), with 1 or 4 "
            f"channels. Received: shape={images.shape}"
        )


def peeked_rescale(batches: Sequence[np.ndarray], options: ImageOptions, what: str) -> float | None:
    """Says by what the first batches were rescaled: `1 / 255`, or `None` for raw pixels."""
    for batch in batches:
        check_numbers(batch, what)
        check_shape(batch)
    extremes = np.array([extreme for batch in batches for extreme in (batch.min(), batch.max())])
    return 1 / 255 if is_divided(extremes, options, what) else None
