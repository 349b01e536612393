"""Defines what a segmenter knows of its classes where a pixel may have several."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from transferlearn.data import Masks, Target, Targets
from transferlearn.data.targets import LayerMarks
from transferlearn.edge import LayerReader
from transferlearn.edge.maps.layers import THRESHOLD, flattened, layer_shares
from transferlearn.heads import Activation
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.segmentation.encoding import MaskEncoding
from transferlearn.tasks.segmentation.figures import LayerTally
from transferlearn.tasks.segmentation.metrics import LayerMeanIoU
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics


@dataclass(frozen=True, kw_only=True)
class LayerEncoding(MaskEncoding):
    """Holds what a segmenter knows of the masks where a pixel may have several classes, or none."""

    name: ClassVar[str] = "layers"
    activation: ClassVar[Activation] = "sigmoid"

    @property
    def guessing_loss(self) -> float:
        """The loss of every class being there or not, both equally likely everywhere."""
        return float(np.log(2)) + 1.0

    @property
    def target(self) -> Target:
        """A target that reads masks of these classes, any number of them a pixel."""
        return Masks(self.class_names, void=self.void, multi_label=True)

    @property
    def encoder(self) -> LayerMarks:
        """What makes marks of masks."""
        return LayerMarks()

    @property
    def drawn_names(self) -> tuple[str, ...]:
        """A name for pixels of no class, and those of the classes."""
        return "no class", *self.class_names

    def said(self, values: np.ndarray) -> np.ndarray:
        """Returns which classes each pixel has, bool `(items, height, width, classes)`."""
        return values >= THRESHOLD

    def drawn(self, encoded: np.ndarray) -> np.ndarray:
        """Returns the smallest class of each pixel, as `LayerPrediction.picture` does."""
        ids = np.stack([flattened(marks > 0) for marks in encoded]).astype(np.int16)
        return np.where((encoded < 0).all(axis=-1), -1, ids)

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Returns the share of pixels that have each class, `(items, classes)`."""
        return layer_shares(values)

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes binary cross-entropy and Dice, unless there is a loss, and the mean IoU."""
        usual = super().objective(loss=loss, metrics=metrics, targets=targets, mixed=mixed)
        return replace(
            usual,
            metrics=lambda: copy_metrics(metrics) or [LayerMeanIoU(len(self.class_names))],
        )

    def baseline(self, targets: Targets) -> float | None:
        """Returns `None`: there is no commonest class that all pixels could be taken for."""
        return None

    def guess(self, targets: Targets) -> np.ndarray | None:
        """Returns `None`, for the same reason."""
        return None

    def output_reader(self) -> LayerReader:
        """Returns what makes masks of probabilities."""
        return LayerReader(self.class_names, self.mask_values)

    def tally(
        self, values: np.ndarray, targets: np.ndarray, unchanged: np.ndarray | None = None
    ) -> LayerTally:
        """Counts the pixels that have each class, and those that were taken for it."""
        return self._tally(self.said(values), targets)

    def _tally(self, said: np.ndarray, targets: np.ndarray) -> LayerTally:
        """Counts pixels, by the marks that were predicted and by raw masks."""
        return LayerTally.of(said, self.encoder(targets).targets, self.class_names)

    def described(self, encoded: np.ndarray) -> list[str]:
        """Names the classes that each mask shows most of, with their shares of pixels."""
        return [self.most_of((marks > 0).mean(axis=(0, 1))) for marks in np.asarray(encoded)]

    def gives(self) -> str:
        """Describes what the network gives, for those who call it without this package."""
        names = ", ".join(self.class_names)
        return (
            "It gives for each pixel and class the probability that the pixel has the class, in "
            f"this order: {names}."
        )

    def summary(self) -> str:
        """Describes how many classes of pixels there are, and names them."""
        return f"{super().summary()}; a pixel may have several"
