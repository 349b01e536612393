"""Defines the loss and the metric of masks; both leave void pixels out."""

from typing import Any

import keras

from transferlearn.types import Tensor

_SMOOTH = 1.0  # pixels; keeps the Dice of a class that has hardly a pixel from jumping


@keras.saving.register_keras_serializable("transferlearn")
class CrossEntropyDice(keras.losses.Loss):
    """Adds cross-entropy, averaged over pixels, and 1 less the Dice of the classes in a batch.

    Cross-entropy alone cares little for classes of few pixels; Dice counts all classes alike.
    Targets are class ids `(batch, height, width)`, where those below 0 are void: they count in
    neither part. Outputs are probabilities `(batch, height, width, classes)`.

    Args:
        dice: The weight of the Dice part.

    Reference: Milletari et al., [V-Net](https://arxiv.org/abs/1606.04797), for the Dice loss.
    """

    def __init__(self, dice: float = 1.0, name: str = "cross_entropy_dice", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.dice = dice

    # Keras's own `__call__` would average over void pixels as well, and Dice is none of a pixel.
    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Computes the loss of a batch, a scalar.

        Args:
            y_true: Class ids, `(batch, height, width)`; below 0 is void.
            y_pred: Probabilities, `(batch, height, width, classes)`.
            sample_weight: A weight for each item, `(batch,)`, or each pixel; `None`: all are 1.
        """
        ops = keras.ops
        ids = ops.cast(y_true, "int32")
        shares = ops.cast(y_pred, "float32")
        weights = ops.cast(ids >= 0, "float32")
        if sample_weight is not None:
            given = ops.cast(sample_weight, "float32")
            weights = weights * (given if len(given.shape) == 3 else ops.reshape(given, (-1, 1, 1)))
        # The row of an id below 0 has no 1.
        truth = ops.one_hot(ids, shares.shape[-1], dtype="float32")
        right = ops.sum(truth * shares, axis=-1)
        surprise = -ops.log(ops.maximum(right, keras.config.epsilon()))
        entropy = ops.sum(weights * surprise) / ops.maximum(ops.sum(weights), 1e-6)
        return entropy + self.dice * _dice_loss(truth, shares, weights[..., None])

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of a batch in which all pixels weigh the same."""
        return self(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Gives the settings that `from_config` takes."""
        return {**super().get_config(), "dice": self.dice}


def _dice_loss(truth: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """Computes 1 less the mean Dice of the classes that a batch shows."""
    ops, axes = keras.ops, (0, 1, 2)
    both = ops.sum(weights * truth * shares, axis=axes)
    shown = ops.sum(weights * truth, axis=axes)
    said = ops.sum(weights * shares, axis=axes)
    dice = (2 * both + _SMOOTH) / (shown + said + _SMOOTH)
    present = ops.cast(shown > 0, "float32")
    return ops.sum(present * (1 - dice)) / ops.maximum(ops.sum(present), 1.0)


@keras.saving.register_keras_serializable("transferlearn")
class MeanIoU(keras.metrics.Metric):
    """Measures the mean over classes of intersection over union, with void pixels left out.

    Pixels are summed over all batches first. A class that neither targets nor outputs have is not
    in the mean. `keras.metrics.MeanIoU` would take a void of -1 for an id of a class.

    Args:
        classes: How many classes there are.
    """

    def __init__(self, classes: int, name: str = "mean_iou", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        shape = (classes, classes)
        self._pixels = self.add_weight(shape=shape, initializer="zeros", name="pixels")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch of class ids and probabilities; weights are not used."""
        ops, classes = keras.ops, self.classes
        ids = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        said = ops.cast(ops.reshape(ops.argmax(y_pred, axis=-1), (-1,)), "int32")
        # Void pixels go into a bin of their own behind the others.
        pairs = ops.where(ids < 0, classes**2, ids * classes + said)
        counts = ops.bincount(pairs, minlength=classes**2 + 1)[: classes**2]
        counts = ops.reshape(ops.cast(counts, self.dtype), (classes, classes))
        self._pixels.assign_add(counts)

    def result(self) -> Tensor:
        """Computes the mean IoU, a scalar from 0 to 1."""
        ops = keras.ops
        both = ops.diagonal(self._pixels)
        either = ops.sum(self._pixels, axis=0) + ops.sum(self._pixels, axis=1) - both
        seen = ops.cast(either > 0, self.dtype)
        return ops.sum(both / ops.maximum(either, 1.0)) / ops.maximum(ops.sum(seen), 1.0)

    def get_config(self) -> dict[str, Any]:
        """Gives the settings that `from_config` takes."""
        return {**super().get_config(), "classes": self.classes}
