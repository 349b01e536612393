"""Scores detections."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from transferlearn.data import Targets
from transferlearn.edge import BoxPrediction
from transferlearn.edge.filling import joined_rows
from transferlearn.monitoring import ObjectCounts
from transferlearn.tasks.detection.figures import MAP, BoxEvaluation, evaluation_of, f1_of_photos
from transferlearn.tasks.detection.precision import draws_of, resampled_precisions
from transferlearn.tasks.detection.suppression import MOST
from transferlearn.tasks.figures import Tally
from transferlearn.tasks.pairs import PairedTest, of_draws
from transferlearn.tasks.scoring import Scoring


@dataclass(frozen=True, eq=False)
class BoxTally(Tally):
    """Holds the detections of some photos.

    Attributes:
        class_names: The names of the classes.
        thresholds: The least score of each class that predictions report.
        values: Detections, `(photos, most, 6)`: box, score, class.
        targets: Objects, `(photos, rows, 7)`.
    """

    class_names: tuple[str, ...]
    thresholds: tuple[float, ...]
    values: np.ndarray
    targets: np.ndarray

    @classmethod
    def joined(cls, tallies: Sequence[Self]) -> Self:
        """Puts photos with any number of detections together; a score of 0 is none."""
        values = joined_rows([one.values for one in tallies])
        targets = np.concatenate([one.targets for one in tallies])
        return replace(tallies[0], values=values, targets=targets)

    def evaluation(self) -> BoxEvaluation:
        """Computes COCO's figures."""
        return evaluation_of(self.values, self.targets, self.class_names, self.thresholds)


@dataclass(frozen=True)
class BoxScoring(Scoring[Targets, BoxEvaluation, BoxPrediction]):
    """Scores detections, float `(photos, 100, 6)`: box in the frame, score, class.

    Attributes:
        class_names: The names of the classes, in the order of their numbers.
        thresholds: The least score of each class that predictions tell.
    """

    class_names: tuple[str, ...]
    thresholds: tuple[float, ...]

    @property
    def signals(self) -> ObjectCounts:
        """Returns what a monitor watches: how many objects each class has, and the best score."""
        return ObjectCounts((*self.class_names, "best score"))

    def measure(self, values: np.ndarray, targets: np.ndarray) -> BoxEvaluation:
        """Computes COCO's figures."""
        return evaluation_of(values, targets, self.class_names, self.thresholds)

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns 1 minus the F1 of each photo's objects."""
        return 1 - f1_of_photos(values, targets, self.thresholds)

    def baseline(self, targets: Targets) -> float | None:
        """Returns 0, which finding nothing scores."""
        return 0.0

    def guess(self, targets: Targets) -> np.ndarray:
        """Returns no detection."""
        return np.tile(np.array([0, 0, 0, 0, 0, -1], np.float32), (MOST, 1))

    def compare(self, first: BoxEvaluation, second: BoxEvaluation) -> PairedTest | None:
        """Tests by how much the second mean average precision is better, by drawing photos."""
        draws = min(map(draws_of, (first.matches, second.matches)))
        if not draws:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a draw without objects
            drawn = [
                np.nanmean(resampled_precisions(one.matches, draws), axis=(1, 2))
                for one in (first, second)
            ]
        differences = drawn[1] - drawn[0]
        return of_draws(second[MAP] - first[MAP], differences[~np.isnan(differences)])

    def tally_of(
        self, prediction: BoxPrediction, target: np.ndarray, unchanged: np.ndarray | None = None
    ) -> BoxTally:
        """Keeps the boxes of a photo that was read in tiles, as `measure` takes those of one."""
        height, width = prediction.size
        boxes = prediction.boxes / np.array([width, height] * 2)
        ids = [self.class_names.index(label) for label in prediction.labels]
        rows = np.column_stack([boxes, prediction.scores, np.array(ids, float)])
        return BoxTally(self.class_names, self.thresholds, rows[None], target[None])
