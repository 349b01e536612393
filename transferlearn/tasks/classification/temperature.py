"""Computes what a classifier's logits mean once they are divided by a temperature."""

from dataclasses import dataclass

import numpy as np

from transferlearn.data.targets.labels import one_hot
from transferlearn.tasks.classification.curves import Reliability
from transferlearn.tasks.classification.figures import cross_entropies
from transferlearn.tasks.temperature import TemperatureScaling


@dataclass(frozen=True)
class ClassTemperature(TemperatureScaling):
    """Turns a classifier's logits into probabilities, and measures these.

    Attributes:
        activation: What the network's outputs are.
        classes: The number of classes.
        independent: Whether each of several logits is that of a yes-or-no answer of its own.
        several: Whether an item can have several classes.
    """

    activation: str
    classes: int
    independent: bool
    several: bool

    def values(self, logits: np.ndarray) -> np.ndarray:
        """Turns logits, `(rows, outputs)`, into probabilities, float64 `(rows, classes)`."""
        logits = logits.astype("float64")
        if not self.independent and logits.shape[1] > 1:
            shares = np.exp(logits - logits.max(axis=1, keepdims=True))
            return shares / shares.sum(axis=1, keepdims=True)
        yes = 0.5 * (1 + np.tanh(logits / 2))  # a sigmoid that does not overflow
        return np.hstack([1 - yes, yes]) if yes.shape[1] == 1 and self.classes == 2 else yes

    def log_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Returns the mean cross-entropy, that of all yes-or-no answers if they are independent."""
        truth = targets if targets.ndim == 2 else one_hot(targets, self.classes).astype("float64")
        return float(cross_entropies(values, truth, several=self.independent).mean())

    def error(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Returns the expected calibration error."""
        if self.several:
            return Reliability.of_items(values, targets >= 0.5).error
        ids = targets if targets.ndim == 1 else targets.argmax(axis=1)
        return Reliability.of_items(values, ids).error
