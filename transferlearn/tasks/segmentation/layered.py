"""Defines what a segmenter knows of its classes where a pixel may have several."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from transferlearn.data import Masks, Target, Targets
from transferlearn.data.targets import LayerMarks
from transferlearn.edge import LayerReader
from transferlearn.edge.maps.layers import flattened
from transferlearn.heads import Activation
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import outputs_in_words
from transferlearn.tasks.segmentation.encoding import MaskEncoding
from transferlearn.tasks.segmentation.metrics import LayerMeanIoU
from transferlearn.tasks.segmentation.scoring import LayerScoring
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics


@dataclass(frozen=True, kw_only=True)
class LayerEncoding(MaskEncoding):
    """Holds what a segmenter knows of the masks where a pixel may have several classes, or none."""

    name: ClassVar[str] = "layers"
    activation: ClassVar[Activation] = "sigmoid"

    @property
    def target(self) -> Target:
        """A target that reads masks of these classes, any number of them a pixel."""
        return Masks(self.class_names, void=self.void, multi_label=True)

    @property
    def scoring(self) -> LayerScoring:
        """What scores masks, pixel by pixel."""
        return LayerScoring(self.class_names, self.mask_values, self.size)

    @property
    def encoder(self) -> LayerMarks:
        """What makes marks of masks."""
        return LayerMarks()

    @property
    def drawn_names(self) -> tuple[str, ...]:
        """A name for pixels of no class, and those of the classes."""
        return "no class", *self.class_names

    def drawn(self, encoded: np.ndarray) -> np.ndarray:
        """Returns the smallest class of each pixel, as `LayerPrediction.picture` does."""
        ids = np.stack([flattened(marks > 0) for marks in encoded]).astype(np.int16)
        return np.where((encoded < 0).all(axis=-1), -1, ids)

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes binary cross-entropy and Dice, unless there is a loss, and the mean IoU."""
        usual = super().objective(loss=loss, metrics=metrics, targets=targets, mixed=mixed)
        return replace(
            usual,
            metrics=lambda: copy_metrics(metrics) or [LayerMeanIoU(len(self.class_names))],
        )

    def output_reader(self) -> LayerReader:
        """Returns what makes masks of probabilities."""
        return LayerReader(self.class_names, self.mask_values)

    def summary(self) -> str:
        """Describes how many classes of pixels there are, and names them."""
        return f"{super().summary()}; a pixel may have several"


@outputs_in_words.register
def _(encoding: LayerEncoding) -> str:
    """Describes the probabilities of pixels."""
    names = ", ".join(encoding.class_names)
    return (
        "It gives for each pixel and class the probability that the pixel has the class, in "
        f"this order: {names}."
    )
