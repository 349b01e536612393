"""Computes the figures of masks from pixels that are counted item by item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.intervals import bootstrap, group_sums


@dataclass(frozen=True, eq=False, repr=False)
class MaskEvaluation(Evaluation):
    """Holds the figures of masks: `mean_iou`, `mean_dice`, `pixel_accuracy`, and those of classes.

    Attributes:
        confusion: For each item the pixels of each class (rows) that were taken for each class
            (columns), int64 `(items, classes, classes)`; void is left out.
    """

    confusion: np.ndarray | None = None


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


def mask_figures(confusion: np.ndarray, names: Sequence[str]) -> MaskEvaluation:
    """Computes all figures, with the intervals that resampling items gives.

    Args:
        confusion: What `count_pairs` gives for each item, `(items, classes, classes)`.
        names: The names of the classes.
    """
    sums = group_sums(confusion.reshape(len(confusion), -1))
    figures = _figures(sums.sum(axis=0), names)
    intervals = bootstrap(sums, lambda drawn: _figures(drawn, names))
    pixels = confusion.sum(axis=(0, 2))
    commonest = pixels.max() / max(1, pixels.sum())
    return MaskEvaluation(
        {"count": len(confusion), **{name: float(value) for name, value in figures.items()}},
        intervals,
        interval_methods=dict.fromkeys(intervals, "bootstrap"),
        baseline=float(commonest / max(1, np.count_nonzero(pixels))),
        confusion=confusion,
    )


def _figures(sums: np.ndarray, names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Computes figures of sums `(..., classes * classes)`; NaN for a class that is not there."""
    pairs = sums.reshape(*sums.shape[:-1], len(names), len(names))
    both = np.diagonal(pairs, axis1=-2, axis2=-1)
    shown, said = pairs.sum(axis=-1), pairs.sum(axis=-2)
    seen = shown + said > 0
    iou = np.where(seen, both / np.maximum(shown + said - both, 1), np.nan)
    dice = np.where(seen, 2 * both / np.maximum(shown + said, 1), np.nan)
    count, total = np.maximum(seen.sum(axis=-1), 1), np.maximum(pairs.sum(axis=(-2, -1)), 1)
    figures = {
        # A class that neither masks nor predictions have is not in the means.
        "mean_iou": np.nansum(iou, axis=-1) / count,
        "mean_dice": np.nansum(dice, axis=-1) / count,
        "pixel_accuracy": both.sum(axis=-1) / total,
    }
    for i, name in enumerate(names):
        figures[f"iou: {name}"] = iou[..., i]
        figures[f"dice: {name}"] = dice[..., i]
        figures[f"pixels: {name}"] = shown[..., i] / total
    return figures
