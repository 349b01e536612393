"""Defines the task of segmentation."""

from dataclasses import dataclass

from transferlearn.data import Masks, Target, Targets
from transferlearn.data.targets import MaskTargets
from transferlearn.edge import MaskPrediction
from transferlearn.tasks.base import Task
from transferlearn.tasks.segmentation.encoding import MaskEncoding
from transferlearn.tasks.segmentation.layered import LayerEncoding

_MASKS = Masks()


@dataclass(frozen=True)
class Segmentation(Task[MaskPrediction]):
    """Learns the class of each pixel, or its classes.

    Args:
        target: Says where the masks are found in the data, and names their classes.
    """

    target: Target = _MASKS

    def learn(self, targets: Targets) -> MaskEncoding:
        """Takes the classes that the masks have."""
        if not isinstance(targets, MaskTargets):
            raise TypeError(f"A segmenter learns masks. Received: {type(targets).__name__}")
        encoding = LayerEncoding if targets.several else MaskEncoding
        return encoding(
            class_names=targets.class_names,
            mask_values=targets.values,
            void=targets.void,
            size=targets.size,
        )
