"""Scores masks, pixel by pixel, and compares those of two segmenters."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transferlearn.data import Targets
from transferlearn.data.targets import LayerMarks, MaskTargets, PixelIds
from transferlearn.edge import MaskPrediction
from transferlearn.edge.maps.layers import THRESHOLD
from transferlearn.monitoring import PixelShares
from transferlearn.tasks.pairs import PairedTest
from transferlearn.tasks.scoring import Scoring
from transferlearn.tasks.segmentation.figures import (
    LayerTally,
    MaskEvaluation,
    MaskTally,
    OverlapTally,
    paired_masks,
)


@dataclass(frozen=True)
class MaskScoring(Scoring[Targets, MaskEvaluation, MaskPrediction]):
    """Scores probabilities of the classes of pixels.

    Attributes:
        class_names: The names of the classes, in the order of the probabilities.
        mask_values: The value that the pixels of each class have in a mask.
        size: The `(height, width)` of the map in pixels; `None`: that of the decoder.
    """

    by_batch: ClassVar[bool] = True

    class_names: tuple[str, ...]
    mask_values: tuple[int, ...]
    size: tuple[int, int] | None

    @property
    def signals(self) -> PixelShares:
        """Returns what a monitor watches: the share of pixels that each class has."""
        return PixelShares(self.class_names)

    @property
    def guessing_loss(self) -> float:
        """The loss of all classes being equally likely everywhere; its Dice is near 0."""
        return float(np.log(len(self.class_names))) + 1.0

    def said(self, values: np.ndarray) -> np.ndarray:
        """Returns the likeliest class of each pixel, `(items, height, width)`."""
        return np.asarray(values.argmax(axis=-1))

    def measure(self, values: np.ndarray, targets: np.ndarray) -> MaskEvaluation:
        """Returns mean IoU, Dice and pixel accuracy, at the size of the network's maps."""
        return self.tally(values, targets).evaluation()

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns 1 minus the mean IoU of each item."""
        return 1 - self.tally(values, targets).mean_ious

    def tally(
        self, values: np.ndarray, targets: np.ndarray, unchanged: np.ndarray | None = None
    ) -> OverlapTally:
        """Counts the pixels of each class that were taken for each class."""
        return self._tally(self.said(values), targets)

    def tally_of(
        self, prediction: MaskPrediction, target: np.ndarray, unchanged: np.ndarray | None = None
    ) -> OverlapTally:
        """Counts the pixels of a photo in its own size."""
        return self._tally(prediction.mask[None], target[None])

    def _tally(self, said: np.ndarray, targets: np.ndarray) -> OverlapTally:
        """Counts pixels, by the ids or the marks that were predicted and by raw masks."""
        truth = PixelIds(self.mask_values)(targets).targets
        return MaskTally.of(list(said), truth, self.class_names)

    def baseline(self, targets: Targets) -> float | None:
        """Returns the mean IoU of taking all pixels for the commonest class."""
        if not isinstance(targets, MaskTargets):
            return None
        shares = targets.shares
        return float(shares.max() / np.count_nonzero(shares))

    def guess(self, targets: Targets) -> np.ndarray | None:
        """Takes all pixels for the commonest class."""
        if not isinstance(targets, MaskTargets) or self.size is None:
            return None
        classes = np.eye(len(self.class_names), dtype=np.float32)
        return np.tile(classes[targets.shares.argmax()], (*self.size, 1))

    def guessed(self, guess: np.ndarray, seen: MaskEvaluation) -> MaskEvaluation:
        """Scores a guess of one class for all pixels, by the counts of true ones."""
        assert seen.overlaps is not None
        shown = seen.overlaps[:, 1]
        overlaps = np.zeros_like(seen.overlaps)
        overlaps[:, 1] = shown
        place = int(guess[0, 0].argmax())
        overlaps[:, 0, place], overlaps[:, 2, place] = shown[:, place], shown.sum(axis=1)
        confusion = np.zeros((shown.shape[1],) * 2, np.int64)
        confusion[:, place] = shown.sum(axis=0)
        return MaskTally(self.class_names, overlaps, confusion).evaluation()

    def compare(self, first: MaskEvaluation, second: MaskEvaluation) -> PairedTest | None:
        """Tests by how much the second mean IoU is the better one, by drawing images."""
        return paired_masks(first, second)


@dataclass(frozen=True)
class LayerScoring(MaskScoring):
    """Scores probabilities where a pixel may have several classes, or none."""

    @property
    def guessing_loss(self) -> float:
        """The loss of every class being there or not, both equally likely everywhere."""
        return float(np.log(2)) + 1.0

    def said(self, values: np.ndarray) -> np.ndarray:
        """Returns which classes each pixel has, bool `(items, height, width, classes)`."""
        return values >= THRESHOLD

    def _tally(self, said: np.ndarray, targets: np.ndarray) -> LayerTally:
        """Counts pixels, by the marks that were predicted and by raw masks."""
        return LayerTally.of(said, LayerMarks()(targets).targets, self.class_names)

    def baseline(self, targets: Targets) -> float | None:
        """Returns `None`: there is no commonest class that all pixels could be taken for."""
        return None

    def guess(self, targets: Targets) -> np.ndarray | None:
        """Returns `None`, for the same reason."""
        return None
