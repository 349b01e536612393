"""Computes the figures of detections: average precisions, confusions, and what was missed."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from transferlearn.edge.boxes.suppression import ious
from transferlearn.tasks.detection.matching import AREAS, IOUS, Matches, matches
from transferlearn.tasks.detection.precision import (
    average_precisions,
    draws_of,
    resampled_precisions,
)
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.intervals import Interval

MAP = "mean_average_precision"
SIZES = ("small", "medium", "large")
_SORTS = (*(f"{size} objects" for size in SIZES), "objects at the border")
FOUND = 0.5  # the IoU from which an object counts as found
_BORDER = 0.01  # of the frame's side: an object that begins nearer to the photo's edge is cut off


@dataclass(frozen=True, eq=False, repr=False)
class BoxEvaluation(Evaluation):
    """Holds the figures of detections, as COCO's evaluation computes them.

    `mean_average_precision` is the mean over classes and IoUs from .5 to .95; `map_50` and `map_75`
    are those at one IoU; `map_small`, `map_medium` and `map_large` those of objects of less than
    32 x 32 pixels of the photo, of more than 96 x 96, and between. `parts` has the objects of each
    class, of each size, and at the photo's border: how many there are, and which share is missed.

    Attributes:
        class_names: The names of the classes.
        thresholds: The least score of each class that is reported.
        matches: What became of the detections of each class.
    """

    class_names: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    matches: Sequence[Matches] = field(default=(), compare=False)

    @property
    def confusion(self) -> np.ndarray:
        """Returns what objects were taken for, int64 `(classes + 1, classes + 1)`.

        True classes are in rows, the last of which is the background; the last column is of objects
        that were not found. A detection above its class's threshold, the surest first, takes the
        object that it overlaps with most, of any class.
        """
        assert self.model_values is not None
        assert self.targets is not None
        count = len(self.class_names)
        found = np.zeros((count + 1, count + 1), np.int64)
        for said, rows in zip(self.model_values, self.targets, strict=True):
            reported, objects = self._reported(said), _objects(rows)
            free = np.ones(len(objects), bool)
            overlap = ious(reported, objects)
            for i, one in enumerate(reported):
                best = np.where(free, overlap[i], 0)
                crowded = (overlap_of_crowd(one, rows) >= FOUND) and not (best >= FOUND).any()
                if crowded:
                    continue
                row = count
                if best.size and best.max() >= FOUND:
                    free[place := int(best.argmax())] = False
                    row = int(objects[place, 4])
                found[row, int(one[5])] += 1
            for id_ in objects[free, 4].astype(int):
                found[id_, count] += 1
        return found

    def missed(self) -> list[list[str]]:
        """Returns a table of which objects are not found: by size, at the border, and by class.

        An object is found if a detection of its class above the threshold overlaps with it by an
        IoU of .5 or more.
        """
        lines = []
        for name, of in self.parts.items():
            share = f"{of['missed']:.1%}" if of["objects"] else "-"
            lines.append([name, f"{of['objects']:,}", f"{of['found']:,}", share])
        return [["objects", "count", "found", "missed"], *lines]

    def worst(self, count: int) -> list[tuple[int, float]]:
        """Returns the photos with the lowest F1 of objects, the worst first, with that F1."""
        assert self.model_values is not None
        assert self.targets is not None
        scores = f1_of_photos(self.model_values, self.targets, self.thresholds)
        order = np.argsort(scores, kind="stable")[:count]
        return [(int(i), float(scores[i])) for i in order if scores[i] < 1]

    def _reported(self, said: np.ndarray) -> np.ndarray:
        """Returns the detections of a photo that reach the threshold of their class."""
        return reported(said, self.thresholds)


def evaluation_of(
    values: np.ndarray,
    targets: np.ndarray,
    class_names: tuple[str, ...],
    thresholds: tuple[float, ...],
) -> BoxEvaluation:
    """Computes all figures.

    Args:
        values: Detections, `(photos, most, 6)`: box, score, class; a score of 0 is none.
        targets: Objects, `(photos, rows, 7)`, as `tl.data.BoxTargets` holds them.
        class_names: The names of the classes.
        thresholds: The least score of each class that is reported.
    """
    matched = matches(values, targets, len(class_names))
    each = average_precisions(matched)  # (classes, areas, ious)
    figures: dict[str, float] = {"count": len(values), MAP: _mean(each[:, 0])}
    for name, percent in (("map_50", 50), ("map_75", 75)):
        figures[name] = _mean(each[:, 0, _level(percent)])
    for area, name in enumerate(SIZES, start=1):
        figures[f"map_{name}"] = _mean(each[:, area])
    figures["objects"] = int(sum(one.objects[:, 0].sum() for one in matched))
    figures |= _found_by_sort(values, targets, class_names, thresholds)
    for i, name in enumerate(class_names):
        figures[f"average_precision: {name}"] = _mean(each[i, 0])
        figures[f"ap_50: {name}"] = float(each[i, 0, _level(50)])
        figures[f"threshold: {name}"] = thresholds[i]
    intervals = _intervals(matched, class_names)
    return BoxEvaluation(
        figures,
        intervals,
        interval_methods=dict.fromkeys(intervals, "bootstrap"),
        baseline=0.0,
        class_names=class_names,
        thresholds=thresholds,
        matches=matched,
        model_values=values,
        targets=targets,
    )


def best_thresholds(matched: Sequence[Matches], usual: float) -> tuple[float, ...]:
    """Returns for each class the score from which its detections have the best F1.

    Args:
        matched: What became of the detections of each class.
        usual: The threshold of a class without a right detection.
    """
    found = []
    for one in matched:
        order = np.argsort(-one.scores, kind="stable")
        right = np.cumsum(one.right[0, 0, order])
        said = np.cumsum(~one.ignored[0, 0, order])
        f1 = 2 * right / np.maximum(said + one.objects[:, 0].sum(), 1)
        best = int(f1.argmax()) if len(f1) else 0
        scores = one.scores[order]
        if not len(f1) or not right[best]:
            found.append(usual)
            continue
        # Midway to the next one, so that rounding changes no answer.
        below = scores[best + 1] if best + 1 < len(scores) else 0.0
        found.append(round(float((scores[best] + below) / 2), 6))
    return tuple(found)


def reported(said: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Returns the detections of a photo, `(n, 6)`, that reach the threshold of their class."""
    there = said[said[:, 4] > 0]
    least = np.asarray(thresholds)[np.rint(there[:, 5]).astype(int)]
    return np.asarray(there[there[:, 4] >= least])


def found_objects(said: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Returns whether each object is found by a detection of its class, bool `(objects,)`.

    Args:
        said: Detections, the surest first, `(n, 6)`.
        objects: Rows of targets, `(objects, 7)`.
    """
    overlap = np.where(said[:, 5:6] == objects[:, 4], ious(said, objects), 0)
    free = np.ones(len(objects), bool)
    for row in overlap:
        best = np.where(free, row, 0)
        if best.size and best.max() >= FOUND:
            free[best.argmax()] = False
    return ~free


def f1_of_photos(
    values: np.ndarray, targets: np.ndarray, thresholds: Sequence[float]
) -> np.ndarray:
    """Returns the F1 of the objects of each photo, float `(photos,)`; 1 where all is right."""
    found = []
    for said, rows in zip(values, targets, strict=True):
        chosen, objects = reported(said, thresholds), _objects(rows)
        crowded = sum(overlap_of_crowd(one, rows) >= FOUND for one in chosen)
        right = int(found_objects(chosen, objects).sum())
        total = max(right, len(chosen) - crowded) + len(objects)
        found.append(2 * right / total if total else 1.0)
    return np.array(found)


def _found_by_sort(
    values: np.ndarray,
    targets: np.ndarray,
    class_names: Sequence[str],
    thresholds: Sequence[float],
) -> dict[str, float]:
    """Counts the objects, and those found, of each size, at the border, and of each class."""
    totals = np.zeros((len(_SORTS) + len(class_names), 2), np.int64)
    for said, rows in zip(values, targets, strict=True):
        objects = _objects(rows)
        marks = found_objects(reported(said, thresholds), objects)
        for is_found, one in zip(marks, objects, strict=True):
            size = int(np.searchsorted(AREAS[2:, 0], one[5], side="right"))
            sorts = [size, len(_SORTS) + int(one[4])]
            if _at_border(one, rows[-1]):
                sorts.append(len(SIZES))
            totals[sorts] += (1, int(is_found))
    figures: dict[str, float] = {}
    named = [f"{sort} of any class" if sort in class_names else sort for sort in _SORTS]
    for name, (there, right) in zip((*named, *class_names), totals.tolist(), strict=True):
        figures[f"objects: {name}"] = there
        figures[f"found: {name}"] = right
        figures[f"missed: {name}"] = 1 - right / there if there else np.nan
    return figures


def overlap_of_crowd(one: np.ndarray, rows: np.ndarray) -> float:
    """Returns the largest share of a detection that lies in a crowd of its class."""
    crowd = rows[(rows[:, 4] == one[5]) & is_crowd(rows)]
    if not len(crowd):
        return 0.0
    low, high = np.maximum(one[:2], crowd[:, :2]), np.minimum(one[2:4], crowd[:, 2:4])
    both = np.maximum(high - low, 0).prod(axis=1)
    return float(both.max() / max((one[2:4] - one[:2]).prod(), 1e-12))


def is_crowd(rows: np.ndarray) -> np.ndarray:
    """Returns whether each row of targets, `(n, 7)`, is a box around a crowd, bool `(n,)`."""
    return np.asarray(rows[:, 6] > 0.5)


def _objects(rows: np.ndarray) -> np.ndarray:
    """Returns the objects of a photo without padding and crowds."""
    return np.asarray(rows[(rows[:, 4] >= 0) & ~is_crowd(rows)])


def _at_border(one: np.ndarray, photo: np.ndarray) -> bool:
    """Returns whether an object begins at the edge of its photo, at `photo` in the frame."""
    return bool((one[:2] - photo[:2] < _BORDER).any() or (photo[2:4] - one[2:4] < _BORDER).any())


def _level(percent: int) -> int:
    """Returns the place of an IoU in `IOUS`."""
    return int(np.abs(IOUS - percent / 100).argmin())


def _mean(values: np.ndarray) -> float:
    """Returns the mean over classes that have objects; NaN where none has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a mean of nothing
        return float(np.nanmean(values))


def _intervals(matched: Sequence[Matches], names: Sequence[str]) -> dict[str, Interval]:
    """Computes the 95% intervals that drawing photos again and again gives."""
    if not (draws := draws_of(matched)):
        return {}
    drawn = resampled_precisions(matched, draws)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        by_draw = {
            MAP: np.nanmean(drawn, axis=(1, 2)),
            "map_50": np.nanmean(drawn[..., _level(50)], axis=1),
            "map_75": np.nanmean(drawn[..., _level(75)], axis=1),
            **{
                f"average_precision: {n}": np.nanmean(drawn[:, i], axis=1)
                for i, n in enumerate(names)
            },
        }
    ends = {
        name: np.nanquantile(values, (0.025, 0.975))
        for name, values in by_draw.items()
        if not np.isnan(values).all()
    }
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}
