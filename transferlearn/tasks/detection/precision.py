"""Computes the average precision of detections, and the intervals that resampling photos gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transferlearn.tasks.detection.matching import AREAS, IOUS, RECALLS, Matches

_RESAMPLES = 400
_WORK = (
    2e8  # numbers that are computed for intervals, at most; of many photos there are fewer draws
)
_LEAST_RESAMPLES = 50


@dataclass(frozen=True, eq=False)
class Curves:
    """Holds precision by recall, NaN for a class without objects.

    Attributes:
        precision: `(draws, classes, areas, ious, 101)` at `RECALLS`.
        recall: The largest recall, `(draws, classes, areas, ious)`.
    """

    precision: np.ndarray
    recall: np.ndarray


def curve(one: Matches, area: int, times: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Computes precision and recall of a class in a range of areas.

    Args:
        one: The matches of the class.
        area: The number of the range in `AREAS`.
        times: How often each photo counts, `(photos,)`; `None`: once.

    Returns:
        Precision at `RECALLS`, `(ious, 101)`, and the largest recall, `(ious,)`; NaN where there is
        no object.
    """
    weights = np.ones(len(one.objects)) if times is None else times
    count = weights @ one.objects[:, area]
    if not count:
        return np.full((len(IOUS), len(RECALLS)), np.nan), np.full(len(IOUS), np.nan)
    order = np.argsort(-one.scores, kind="stable")
    each = weights[one.photos[order]]
    right, ignored = one.right[area][:, order], one.ignored[area][:, order]
    hits = np.cumsum(right * each, axis=1)
    said = np.cumsum(~ignored * each, axis=1)
    recall = hits / count
    precision = hits / np.maximum(said, np.spacing(1))
    # From the right: the best precision at this recall or a larger one.
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    found = np.zeros((len(IOUS), len(RECALLS)))
    for row, (recalls, values) in enumerate(zip(recall, precision, strict=True)):
        places = np.searchsorted(recalls, RECALLS, side="left")
        reached = places < len(recalls)
        found[row, reached] = values[places[reached]]
    return found, recall[:, -1] if recall.shape[1] else np.zeros(len(IOUS))


def average_precisions(classes: Sequence[Matches], times: np.ndarray | None = None) -> np.ndarray:
    """Computes the average precision of each class, range of areas and IoU.

    Returns:
        `(classes, areas, ious)`, NaN for a class without objects there.
    """
    areas = range(len(AREAS))
    return np.array([[curve(one, a, times)[0].mean(axis=-1) for a in areas] for one in classes])


def draws_of(classes: Sequence[Matches]) -> int:
    """Returns how often photos are drawn again; 0 where one photo says nothing of chance."""
    if len(classes[0].objects) < 2:
        return 0
    work = len(IOUS) * sum(len(one.scores) + 500 for one in classes)
    return int(np.clip(_WORK / work, _LEAST_RESAMPLES, _RESAMPLES))


def resampled_precisions(classes: Sequence[Matches], draws: int) -> np.ndarray:
    """Computes average precisions of photos that are drawn again and again.

    The same photos are drawn for all detectors.

    Returns:
        `(draws, classes, ious)`, over all areas.
    """
    photos = len(classes[0].objects)
    random = np.random.default_rng(0)
    shares = np.full(photos, 1 / max(1, photos))
    found = np.empty((draws, len(classes), len(IOUS)))
    for draw in range(draws):
        times = random.multinomial(photos, shares).astype(float)
        found[draw] = [curve(one, 0, times)[0].mean(axis=-1) for one in classes]
    return found
