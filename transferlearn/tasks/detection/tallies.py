"""Puts the detections of single photos together, and compares two detectors on the same photos."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from transferlearn.data.filling import joined_rows
from transferlearn.tasks.detection.figures import MAP, BoxEvaluation
from transferlearn.tasks.detection.precision import draws_of, resampled_precisions
from transferlearn.tasks.figures import Tally
from transferlearn.tasks.pairs import PairedTest, of_draws


class Measures(Protocol):
    """Has the part of `BoxEncoding` that computes figures."""

    def measure(self, values: np.ndarray, targets: np.ndarray) -> BoxEvaluation: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class BoxTally(Tally):
    """Holds the detections of some photos.

    Attributes:
        encoding: The encoding that computes figures.
        values: Detections, `(photos, most, 6)`: box, score, class.
        targets: Objects, `(photos, rows, 7)`.
    """

    encoding: Measures
    values: np.ndarray
    targets: np.ndarray

    @classmethod
    def joined(cls, tallies: Sequence[Self]) -> Self:
        """Puts photos with any number of detections together; a score of 0 is none."""
        values = joined_rows([one.values for one in tallies])
        return cls(tallies[0].encoding, values, np.concatenate([one.targets for one in tallies]))

    def evaluation(self) -> BoxEvaluation:
        """Computes COCO's figures."""
        return self.encoding.measure(self.values, self.targets)


def compare_boxes(first: BoxEvaluation, second: BoxEvaluation) -> PairedTest | None:
    """Tests by how much the second detector is better, by drawing the same photos for both."""
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
