"""Defines what all datasets of image streams share: checking and converting their batches."""

import abc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from transferlearn.data.batches import joined_weights
from transferlearn.data.contents import Contents
from transferlearn.data.dataset import Dataset, Request
from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.pixels import (
    check_numbers,
    check_range,
    check_shape,
    fit_size,
    is_divided,
    raw_rgb,
    undo_rescale,
)
from transferlearn.data.images.streams.rereading import read_twice
from transferlearn.data.listed import sample_weights
from transferlearn.data.targets.base import Encoded
from transferlearn.edge.pictures import Resizing

_BILINEAR = Resizing()


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamDataset(Dataset):
    """Yields the batches of `tf.data`, generators and `PyDataset`s, converted as they come.

    Attributes:
        source: The stream that gives the batches.
        rescale: What the stream multiplied the pixels by; `None` where they come raw.
        interpolation: The name of the filter by which other images are to be resized; of an
            iterator over files it is the iterator's own, such as `"nearest"`.
        resampling: Says how batches of another size than `shape` says are resized.
    """

    noun: str = "image"
    source: Any
    rescale: float | None = None
    interpolation: str = "bilinear"
    resampling: Resizing = _BILINEAR

    @property
    def image_size(self) -> tuple[int, int]:
        """The `(height, width)` in pixels of the images that come out."""
        height, width, *_ = self.shape
        return height, width

    def convert(
        self,
        request: Request,
        images: ArrayLike,
        targets: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[np.ndarray, ...]:
        """Checks a batch of the source, leaves out items without targets, and converts the rest."""
        if self.targets is None:
            return (self.pixels(np.asarray(images)),)
        targets = _in_rows(targets)
        self.targets.check_beside(np.asarray(images), targets)
        present = self.targets.present(targets)
        if not present.any():
            raise ValueError(
                "No item of a batch has what is to be learnt. Leave such items out of the stream."
            )
        if not present.all():
            images, targets = np.asarray(images)[present], targets[present]
            sample_weight = None if sample_weight is None else np.asarray(sample_weight)[present]
        return self.pixels(np.asarray(images)), *self.rest(request, targets, sample_weight)

    def rest(
        self, request: Request, targets: ArrayLike | None, sample_weight: ArrayLike | None
    ) -> tuple[np.ndarray, ...]:
        """Returns the targets and weights of a batch, encoded and weighed as `request` says."""
        if self.targets is None:
            return ()
        targets = _in_rows(targets)
        rows = self.targets.parse(targets)
        if sample_weight is not None:
            sample_weight = sample_weights(sample_weight, len(rows))
        encoded = Encoded(targets) if request.encode is None else request.encode(rows)
        if encoded.inputs:
            raise ValueError("Images of a stream go into networks without further inputs only.")
        weights = joined_weights(rows, sample_weight, request.weigh, encoded.weights)
        return (encoded.targets,) if weights is None else (encoded.targets, weights)

    def pixels(self, images: np.ndarray) -> np.ndarray:
        """Checks the images of a batch, and turns them into raw RGB of the dataset's size."""
        check_shape(images)
        check_numbers(images, "A batch")
        raw = images if self.rescale is None else undo_rescale(images, self.rescale)
        check_range(raw, "A batch")
        return fit_size(raw_rgb(raw, divided=False), self.image_size, self.resampling)

    def contents(self, request: Request) -> Contents:
        """Reads the stream twice; raises `UnsteadyData` unless it gives the same items again."""
        batches = self.requested(request)
        return read_twice(lambda: self.epoch(batches), may_be_endless=self.may_be_endless)

    @abc.abstractmethod
    def epoch(self, batches: Any) -> Iterator[tuple[np.ndarray, ...]]:
        """Reads one epoch of what `batches` gave, as arrays."""

    @property
    def may_be_endless(self) -> bool:
        """Returns whether it is unknown how long an epoch is, so that it may never end."""
        return False


def _in_rows(targets: ArrayLike | None) -> np.ndarray:
    """Returns an array of one row an item; generators may give targets as a list of columns."""
    return np.column_stack(targets) if isinstance(targets, (list, tuple)) else np.asarray(targets)


def peeked_rescale(batches: Sequence[np.ndarray], options: ImageOptions, what: str) -> float | None:
    """Returns what the first batches were multiplied by: `1 / 255`, or `None` for raw pixels."""
    for batch in batches:
        check_numbers(batch, what)
        check_shape(batch)
    extremes = np.array([extreme for batch in batches for extreme in (batch.min(), batch.max())])
    return 1 / 255 if is_divided(extremes, options, what) else None
