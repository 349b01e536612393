"""Computes the figures of masks from pixels that are counted item by item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from transferlearn.tasks.figures import Evaluation, Tally
from transferlearn.tasks.intervals import bootstrap, group_sums
from transferlearn.tasks.pairs import PairedTest, paired_bootstrap


@dataclass(frozen=True, eq=False, repr=False)
class MaskEvaluation(Evaluation):
    """Holds the figures of masks: `mean_iou`, `mean_dice`, `pixel_accuracy`, and those of classes.

    Of two classes there is `foreground_iou`, too: that of the second.

    Attributes:
        class_names: The names of the classes.
        confusion: The pixels of each class (rows) that were taken for each class (columns), int64
            `(classes, classes)`; void is left out.
        overlaps: For each item and class the pixels that are of the class and were taken for it,
            those that are of the class, and those that were taken for it, int64
            `(items, 3, classes)`.
    """

    class_names: tuple[str, ...] = ()
    confusion: np.ndarray | None = None
    overlaps: np.ndarray | None = None

    @property
    def mean_ious(self) -> np.ndarray:
        """Gives the mean IoU of each item, over the classes that its mask or answer shows."""
        assert self.overlaps is not None
        return _mean_iou(self.overlaps)


@dataclass(frozen=True, eq=False)
class MaskTally(Tally):
    """Holds how many pixels of some items are of each class, and were taken for each.

    Attributes:
        class_names: The names of the classes.
        confusion: As in `MaskEvaluation`, over these items.
        overlaps: As in `MaskEvaluation`.
    """

    class_names: tuple[str, ...]
    confusion: np.ndarray
    overlaps: np.ndarray

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
        return cls(tuple(names), total, np.array(overlaps, np.int64).reshape(-1, 3, count))

    @property
    def mean_ious(self) -> np.ndarray:
        """Gives the mean IoU of each item."""
        return _mean_iou(self.overlaps)

    @classmethod
    def joined(cls, tallies: Sequence[Self]) -> Self:
        """Puts the counts of several batches together."""
        confusion = np.sum([one.confusion for one in tallies], axis=0)
        overlaps = np.concatenate([one.overlaps for one in tallies])
        return cls(tallies[0].class_names, confusion, overlaps)

    def evaluation(self) -> MaskEvaluation:
        """Computes all figures, with the intervals that resampling items gives."""
        names, sums = self.class_names, group_sums(self.overlaps.reshape(len(self.overlaps), -1))
        figures = _figures(sums.sum(axis=0), names)
        intervals = bootstrap(sums, lambda drawn: _figures(drawn, names))
        pixels = self.confusion.sum(axis=1)
        commonest = pixels.max() / max(1, pixels.sum())
        return MaskEvaluation(
            {"count": len(self.overlaps), **{name: float(x) for name, x in figures.items()}},
            intervals,
            interval_methods=dict.fromkeys(intervals, "bootstrap"),
            baseline=float(commonest / max(1, np.count_nonzero(pixels))),
            class_names=names,
            confusion=self.confusion,
            overlaps=self.overlaps,
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
    seen = truth >= 0
    pairs = truth[seen].astype(np.int64) * classes + said[seen]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


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
    """Gives the mean IoU over the classes that are there, of overlaps `(..., 3, classes)`."""
    iou = _ious(overlaps)
    return np.nansum(iou, axis=-1) / np.maximum((~np.isnan(iou)).sum(axis=-1), 1)


def _ious(overlaps: np.ndarray) -> np.ndarray:
    """Gives the IoU of each class; NaN for one that neither masks nor predictions have."""
    both, shown, said = np.moveaxis(overlaps, -2, 0)
    return np.where(shown + said > 0, both / np.maximum(shown + said - both, 1), np.nan)


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
