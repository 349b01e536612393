"""Sources with an order and batches of their own: what they have in common."""

import abc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .contents import Contents
from .dataset import Dataset, Request
from .labels import class_labels, encode, sample_weights, weigh
from .options import Options
from .pixels import check_numbers, check_range, fit_size, is_divided, raw_rgb, undo_rescale
from .rereading import patiently, read_twice


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamDataset(Dataset):
    """`tf.data`, generators and `PyDataset`: their own order and batches, converted as they come.

    Attributes:
        rescale: What the pixels were multiplied by; `None` if they come raw.
        positions: Whether numeric labels are positions in `class_names`.
        resampling: The resize for batches of another size than `image_size`.
    """

    source: Any
    rescale: float | None = None
    positions: bool = False
    resampling: str = "bilinear"

    def convert(
        self,
        encoding: str | None,
        class_weight: dict[int, float] | None,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
    ) -> tuple[np.ndarray, ...]:
        """One batch of the source as `Dataset.batches` promises it; checks it on the way."""
        return self._pixels(np.asarray(x)), *self._rest(encoding, class_weight, y, sample_weight)

    def _rest(
        self,
        encoding: str | None,
        class_weight: dict[int, float] | None,
        y: Any,
        sample_weight: Any,
    ) -> tuple[np.ndarray, ...]:
        if not self.class_names:
            return ()
        targets = np.column_stack(y) if isinstance(y, (list, tuple)) else np.asarray(y)
        options = Options(class_names=self.class_names, multi_label=self.multi_label)
        labels, _ = class_labels(targets, options, positions=self.positions)
        if sample_weight is not None:
            sample_weight = sample_weights(sample_weight, len(labels))
        if encoding is not None:
            targets = encode(labels, encoding, len(self.class_names))
        weights = weigh(labels, sample_weight, class_weight)
        return (targets,) if weights is None else (targets, weights)

    def _pixels(self, x: np.ndarray) -> np.ndarray:
        check_shape(x)
        check_numbers(x, "A batch")
        raw = x if self.rescale is None else undo_rescale(x, self.rescale)
        check_range(raw, "A batch")
        return fit_size(raw_rgb(raw, divided=False), self.image_size, self.resampling)

    def _contents(self, request: Request) -> Contents:
        batches = self._batches(request)
        return read_twice(lambda: self._epoch(batches), may_be_endless=self._may_be_endless)

    @abc.abstractmethod
    def _epoch(self, batches: Any) -> Iterator[tuple[np.ndarray, ...]]:
        """One epoch of what `_batches` gave, as arrays."""

    @property
    def _may_be_endless(self) -> bool:
        return False


def check_shape(x: np.ndarray) -> None:
    """Refuse what is no batch of images."""
    if x.ndim != 4 or x.shape[-1] not in (1, 3, 4):
        raise ValueError(
            "A batch of images must have shape (batch, height, width, 3), with 1 or 4 "
            f"channels. Received: shape={x.shape}"
        )


def peeked_rescale(batches: Sequence[np.ndarray], options: Options, what: str) -> float | None:
    """What the first batches say about the range: `1 / 255`, or `None` for raw pixels."""
    for batch in batches:
        check_numbers(batch, what)
        check_shape(batch)
    extremes = np.array([extreme for batch in batches for extreme in (batch.min(), batch.max())])
    return 1 / 255 if is_divided(extremes, options, what) else None


def stream_classes(
    first: np.ndarray,
    options: Options,
    read: Callable[[], Iterable[np.ndarray]],
    *,
    positions: bool,
) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Class names of a stream, and its labels if they had to be read to know.

    Args:
        first: Labels of the first batch.
        options: `class_names`, if known, and `multi_label`.
        read: All labels, batch by batch.
        positions: See `StreamDataset`.
    """
    rows = first.ndim == 2 and first.shape[1] > 1
    if rows or options.multi_label or options.class_names:
        labels, class_names = class_labels(first, options, positions=positions)
        if labels.ndim == 1 or options.multi_label:
            return class_names, None
    # Ids must all be read to know the classes; soft labels, so that all know them to be soft.
    labels, class_names = class_labels(np.concatenate(list(patiently(read()))), options)
    return class_names, labels


def own_names(names: Sequence[str], options: Options, what: str) -> tuple[str, ...]:
    """The class names that a source brings; others in `options` contradict them."""
    if options.class_names and tuple(options.class_names) != tuple(names):
        raise ValueError(
            f"{what} has its own class names {list(names)}, in this order. Leave class_names out "
            f"or make them agree. Received: class_names={list(options.class_names)}"
        )
    return tuple(names)
