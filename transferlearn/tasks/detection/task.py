"""Defines the task of detecting objects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transferlearn.data import Boxes, Target, Targets
from transferlearn.data.targets import BoxTargets
from transferlearn.edge import BoxPrediction
from transferlearn.tasks.base import Task
from transferlearn.tasks.detection.encoding import THRESHOLD, BoxEncoding

_BOXES = Boxes()


@dataclass(frozen=True)
class Detection(Task[BoxPrediction]):
    """Learns which objects a photo shows, and the box around each.

    Args:
        target: Says where the boxes are found in the data, and names their classes.
    """

    target: Target = _BOXES

    def learn(self, targets: Targets) -> BoxEncoding:
        """Takes the classes and the sizes that the boxes have."""
        if not isinstance(targets, BoxTargets) or targets.size is None:
            raise TypeError(f"A detector learns boxes. Received: {type(targets).__name__}")
        sides = targets.sides()
        ratios = sides[:, 0] / np.maximum(sides[:, 1], 1e-3)
        box_format = self.target.bounding_box_format if isinstance(self.target, Boxes) else "xyxy"
        return BoxEncoding(
            class_names=targets.class_names,
            box_format=box_format,
            most=self.target.most if isinstance(self.target, Boxes) else Boxes.most,
            size=targets.size,
            letterboxed=targets.letterboxed,
            sides=_quantiles(np.sqrt(sides.prod(axis=1)), (0.05, 0.25, 0.5, 0.75, 0.95)),
            ratios=_quantiles(ratios, (1 / 6, 1 / 2, 5 / 6)),
            thresholds=(THRESHOLD,) * len(targets.class_names),
        )


def _quantiles(values: np.ndarray, shares: Sequence[float]) -> tuple[float, ...]:
    """Returns the values below which these shares of all are, rounded."""
    return tuple(round(float(q), 2) for q in np.quantile(values, shares))
