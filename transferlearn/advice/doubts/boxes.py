"""Ranks photos by how surely a detector finds objects in them that have no box of their class."""

import numpy as np

from transferlearn.edge.boxes.suppression import ious
from transferlearn.tasks import BoxEvaluation
from transferlearn.tasks.detection.figures import FOUND, overlap_of_crowd

_BESIDE = 0.3  # the IoU below which a detection is of no object that has a box


def doubts_of_photos(evaluation: BoxEvaluation) -> tuple[np.ndarray, list[str], list[str]]:
    """Returns how much speaks against the boxes of each photo, and which.

    An object that has no box, or one of another class, is found without a partner. How sure the
    detector is of it is compared with how sure it usually is of objects of that class, and counts
    as far as it is right where it is so sure.

    Returns:
        The doubts, float `(photos,)`; the boxes that a photo has, and what is found besides, in
        words.
    """
    values, targets, names = evaluation.model_values, evaluation.targets, evaluation.class_names
    assert values is not None
    assert targets is not None
    lone = [
        _alone(said[said[:, 4] > 0], rows[rows[:, 4] >= 0])
        for said, rows in zip(values, targets, strict=True)
    ]
    weights = _weights(values, targets, np.concatenate(lone), len(names))
    doubts, given, instead = np.zeros(len(values)), [], []
    for photo, (alone, rows) in enumerate(zip(lone, targets, strict=True)):
        objects = rows[rows[:, 4] >= 0]
        counts = np.bincount(objects[:, 4].astype(int), minlength=len(names))
        named = ", ".join(f"{n} {name}" for n, name in zip(counts, names, strict=True) if n)
        sure = alone[:, 4] * weights[alone[:, 5].astype(int)]
        doubts[photo] = sure.max(initial=0)
        given.append(named or "nothing")
        instead.append(_described(alone[sure.argmax()], names) if len(alone) else "the same")
    return doubts, given, instead


def _weights(values: np.ndarray, targets: np.ndarray, lone: np.ndarray, classes: int) -> np.ndarray:
    """Returns how much the scores of each class tell, float `(classes,)`.

    That is the share of right ones among detections that are as sure as those of objects usually
    are, divided by that usual score.
    """
    scores: list[list[float]] = [[] for _ in range(classes)]
    for said, rows in zip(values, targets, strict=True):
        for one in rows[rows[:, 4] >= 0]:
            own = said[(said[:, 4] > 0) & (said[:, 5] == one[4])]
            near = own[ious(own, one[None])[:, 0] >= FOUND]
            if len(near):
                scores[int(one[4])].append(float(near[:, 4].max()))
    found = np.zeros(classes)
    for i, own in enumerate(map(np.array, scores)):
        if len(own):
            usual = own.mean()
            right, wrong = (own >= usual).sum(), (lone[lone[:, 5] == i, 4] >= usual).sum()
            found[i] = right / (right + wrong) / usual
    return found


def _alone(said: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Returns the detections that overlap with no object of their class, nor with a crowd."""
    overlap = np.where(said[:, 5:6] == objects[:, 4], ious(said, objects), 0)
    crowded = np.array([overlap_of_crowd(one, objects) >= FOUND for one in said], bool)
    return said[(overlap.max(axis=1, initial=0) < _BESIDE) & ~crowded]


def _described(one: np.ndarray, names: tuple[str, ...]) -> str:
    """Returns the class of a detection, and where its middle is in the image, in words."""
    across, down = (one[:2] + one[2:4]) / 2
    return f"{names[int(one[5])]} at {across:.0%} from the left, {down:.0%} from above"
