"""Computes the figures of masks from pixels that are counted item by item."""

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from transferlearn.tasks.figures import Evaluation, Tally
from transferlearn.tasks.intervals import bootstrap, group_sums
from transferlearn.tasks.pairs import PairedTest, paired_bootstrap

_ROWS = 512  # of a mask that are counted at a time


@dataclass(frozen=True, eq=False, repr=False)
class MaskEvaluation(Evaluation):
    """Holds the figures of masks: `mean_iou`, `mean_dice`, `pixel_accuracy`, and those of classes.

    Of two classes there is `foreground_iou`, too: that of the second.

    Attributes:
        class_names: The names of the classes.
        confusion: The pixels of each class (rows) that were taken for each class (columns), int64
            `(classes, classes)`; void is left out. `None` where a pixel may have several classes:
            then there are neither `pixel_accuracy` nor `foreground_iou`.
        overlaps: For each item and class the pixels that are of the class and were taken for it,
            those that are of the class, and those that were taken for it, int64
            `(items, 3, classes)`.
    """

    class_names: tuple[str, ...] = ()
    confusion: np.ndarray | None = None
    overlaps: np.ndarray | None = None

    @property
    def mean_ious(self) -> np.ndarray:
        """The mean IoU of each item, over the classes that its mask or answer shows."""
        assert self.overlaps is not None
        return _mean_iou(self.overlaps)


@dataclass(frozen=True, eq=False)
class OverlapTally(Tally):
    """Holds for each of some items and each class how many pixels are of it, and taken for it.

    Attributes:
        class_names: The names of the classes.
        overlaps: As in `MaskEvaluation`.
    """

    class_names: tuple[str, ...]
    overlaps: np.ndarray

    @property
    def mean_ious(self) -> np.ndarray:
        """The mean IoU of each item."""
        return _mean_iou(self.overlaps)

    @abc.abstractmethod
    def evaluation(self) -> MaskEvaluation:
        """Computes all figures."""

    def of_sums(self, figures: Callable[..., Mapping[str, np.ndarray]]) -> MaskEvaluation:
        """Computes figures of summed overlaps, with the intervals that resampling items gives."""
        names, sums = self.class_names, group_sums(self.overlaps.reshape(len(self.overlaps), -1))
        intervals = bootstrap(sums, lambda drawn: figures(drawn, names))
        total = figures(sums.sum(axis=0), names)
        return MaskEvaluation(
            {"count": len(self.overlaps), **{name: float(x) for name, x in total.items()}},
            intervals,
            interval_methods=dict.fromkeys(intervals, "bootstrap"),
            class_names=names,
            overlaps=self.overlaps,
        )


@dataclass(frozen=True, eq=False)
class LayerTally(OverlapTally):
    """Holds how many pixels of some items have each class, of which a pixel may have several."""

    @classmethod
    def of(cls, said: np.ndarray, marks: np.ndarray, names: Sequence[str]) -> Self:
        """Counts pixels.

        Args:
            said: Whether each pixel was taken for each class, bool `(items, height, width,
                classes)`.
            marks: 1 where a pixel has a class, 0, and -1 for void, of the same shape.
            names: The names of the classes.
        """
        shown, said = marks > 0, said & (marks >= 0)
        counts = [part.sum(axis=(1, 2)) for part in (shown & said, shown, said)]
        return cls(tuple(names), np.stack(counts, axis=1).astype(np.int64))

    @classmethod
    def joined(cls, tallies: Sequence[Self]) -> Self:
        """Puts the counts of several batches together."""
        overlaps = np.concatenate([one.overlaps for one in tallies])
        return cls(tallies[0].class_names, overlaps)

    def evaluation(self) -> MaskEvaluation:
        """Computes mean IoU, mean Dice, and both of each class."""
        return self.of_sums(_of_layers)


@dataclass(frozen=True, eq=False)
class MaskTally(OverlapTally):
    """Holds how many pixels of some items are of each class, and were taken for each.

    Attributes:
        confusion: As in `MaskEvaluation`, over these items.
    """

    confusion: np.ndarray

    @classmethod
    def of(
        cls, said: Sequence[np.ndarray], truth: Sequence[np.ndarray], names: Sequence[str]
    ) -> Self:
        """Counts pixels.

        Args:
            said: For each item the class id that was predicted for each pixel.
            truth: The true class id of each pixel; below 0 is void.
            names: The names of the classes.
        """
        count = len(names)
        total, overlaps = np.zeros((count, count), np.int64), []
        for answers, ids in zip(said, truth, strict=True):
            pairs = count_pairs(answers, ids, count)
            overlaps.append([np.diagonal(pairs), pairs.sum(axis=1), pairs.sum(axis=0)])
            total += pairs
        return cls(tuple(names), np.array(overlaps, np.int64).reshape(-1, 3, count), total)

    @classmethod
    def joined(cls, tallies: Sequence[Self]) -> Self:
        """Puts the counts of several batches together."""
        confusion = np.sum([one.confusion for one in tallies], axis=0)
        overlaps = np.concatenate([one.overlaps for one in tallies])
        return cls(tallies[0].class_names, overlaps, confusion)

    def evaluation(self) -> MaskEvaluation:
        """Computes all figures, with the intervals that resampling items gives."""
        pixels = self.confusion.sum(axis=1)
        commonest = pixels.max() / max(1, pixels.sum())
        return replace(
            self.of_sums(_figures),
            baseline=float(commonest / max(1, np.count_nonzero(pixels))),
            confusion=self.confusion,
        )


def count_pairs(said: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Counts for one item the pixels of each class that were taken for each class.

    Args:
        said: The class id that was predicted for each pixel.
        truth: The true class id of each pixel; below 0 is void.
        classes: How many classes there are.

    Returns:
        Counts, int64 `(classes, classes)`, true classes in rows.
    """
    found = np.zeros(classes**2, np.int64)
    for begin in range(0, len(truth), _ROWS):  # int64 of all pixels of a large photo is much
        some, answers = truth[begin : begin + _ROWS], said[begin : begin + _ROWS]
        seen = some >= 0
        pairs = some[seen].astype(np.int64) * classes + answers[seen]
        found += np.bincount(pairs, minlength=classes**2)
    return found.reshape(classes, classes)


def paired_masks(first: MaskEvaluation, second: MaskEvaluation) -> PairedTest | None:
    """Tests by how much the second mean IoU of the same items is above the first."""
    assert first.overlaps is not None
    assert second.overlaps is not None
    both = np.concatenate([first.overlaps, second.overlaps], axis=1)
    sums = group_sums(both.reshape(len(both), -1))

    def difference(drawn: np.ndarray) -> np.ndarray:
        parts = drawn.reshape(*drawn.shape[:-1], *both.shape[1:])
        return _mean_iou(parts[..., 3:, :]) - _mean_iou(parts[..., :3, :])

    return paired_bootstrap(sums, difference)


def _mean_iou(overlaps: np.ndarray) -> np.ndarray:
    """Returns the mean IoU over the classes that are there, of overlaps `(..., 3, classes)`."""
    iou = _ious(overlaps)
    return np.nansum(iou, axis=-1) / np.maximum((~np.isnan(iou)).sum(axis=-1), 1)


def _ious(overlaps: np.ndarray) -> np.ndarray:
    """Returns the IoU of each class; NaN for one that neither masks nor predictions have."""
    both, shown, said = np.moveaxis(overlaps, -2, 0)
    return np.where(shown + said > 0, both / np.maximum(shown + said - both, 1), np.nan)


def _of_layers(sums: np.ndarray, names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Computes those figures of sums `(..., 3 * classes)` that need no single class a pixel."""
    found = _figures(sums, names)
    kept = ("mean_iou", "mean_dice", "iou: ", "dice: ")
    return {name: values for name, values in found.items() if name.startswith(kept)}


def _figures(sums: np.ndarray, names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Computes figures of sums `(..., 3 * classes)`; NaN for a class that is not there."""
    overlaps = sums.reshape(*sums.shape[:-1], 3, len(names))
    both, shown, said = np.moveaxis(overlaps, -2, 0)
    iou, seen = _ious(overlaps), shown + said > 0
    dice = np.where(seen, 2 * both / np.maximum(shown + said, 1), np.nan)
    count, total = np.maximum(seen.sum(axis=-1), 1), np.maximum(shown.sum(axis=-1), 1)
    figures = {
        # A class that neither masks nor predictions have is not in the means.
        "mean_iou": _mean_iou(overlaps),
        "mean_dice": np.nansum(dice, axis=-1) / count,
        "pixel_accuracy": both.sum(axis=-1) / total,
    }
    if len(names) == 2:
        figures["foreground_iou"] = iou[..., 1]
    for i, name in enumerate(names):
        figures[f"iou: {name}"] = iou[..., i]
        figures[f"dice: {name}"] = dice[..., i]
        figures[f"pixels: {name}"] = shown[..., i] / total
    return figures
