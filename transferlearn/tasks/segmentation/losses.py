"""Defines the losses of masks; all leave void pixels out."""

import abc

import keras

from transferlearn.checks import number, whole
from transferlearn.json_fields import Json
from transferlearn.types import Tensor

_SMOOTH = 1.0  # pixels; keeps the Dice of a class that has hardly a pixel from jumping
_AXES = (0, 1, 2)  # all pixels of a batch


class MaskLoss(keras.losses.Loss, abc.ABC):
    """Compares probabilities `(batch, height, width, classes)` with masks.

    Targets are class ids `(batch, height, width)`, where those below 0 are void; or, where a pixel
    may have several classes, `(batch, height, width, classes)` of 1, 0, and -1 for void. Weights
    are those of items, `(batch,)`, or of pixels, `(batch, height, width)`.
    """

    # Keras's own `__call__` would average over void pixels as well, and Dice is none of a pixel.
    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Computes the loss of a batch, a scalar.

        Args:
            y_true: Class ids or layers; below 0 is void.
            y_pred: Probabilities, `(batch, height, width, classes)`.
            sample_weight: A weight for each item or pixel; `None`: all are 1.
        """
        ops = keras.ops
        marks, shares = ops.cast(y_true, "int32"), ops.cast(y_pred, "float32")
        several = len(marks.shape) == 4
        weights = ops.cast(marks >= 0, "float32")
        if several:
            truth = ops.cast(marks > 0, "float32")
        else:
            # The row of an id below 0 has no 1.
            truth = ops.one_hot(marks, shares.shape[-1], dtype="float32")
            weights = weights[..., None]
        if sample_weight is not None:
            given = ops.cast(sample_weight, "float32")
            pixels = len(given.shape) == 3
            weights = weights * (given[..., None] if pixels else ops.reshape(given, (-1, 1, 1, 1)))
        return self.of(truth, shares, weights)

    @abc.abstractmethod
    def of(self, truth: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
        """Computes the loss, a scalar.

        Args:
            truth: 1 for each class that a pixel has, else 0: `(batch, height, width, classes)`.
            shares: Probabilities, of the same shape.
            weights: The weights of pixels, 0 for void: `(batch, height, width, 1)`; or of pixels
                and classes, where a pixel may have several.
        """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of a batch in which all pixels weigh the same."""
        return self(y_true, y_pred)


@keras.saving.register_keras_serializable("transferlearn")
class CrossEntropyDice(MaskLoss):
    """Adds cross-entropy, averaged over pixels, and 1 less the Dice of the classes in a batch.

    When to use it: by default. Cross-entropy alone cares little for classes of few pixels; Dice
    counts all classes alike.

    Args:
        dice: The weight of the Dice part.
        focus: The power of 1 less the probability of what is right, by which the cross-entropy of a
            pixel is multiplied: with 2, pixels that are known well hardly count (the focal loss).

    Reference: [V-Net](https://arxiv.org/abs/1606.04797) for Dice,
    [Focal Loss](https://arxiv.org/abs/1708.02002).

    Example:
        loss = tl.tasks.CrossEntropyDice(focus=2.0)
        builder = tl.ImageSegmenterBuilder("EfficientNetLite0", loss=loss)
    """

    def __init__(
        self,
        dice: float = 1.0,
        focus: float = 0.0,
        name: str = "cross_entropy_dice",
        **options: object,
    ) -> None:
        super().__init__(name=name, **options)
        self.dice = number("dice", dice)
        self.focus = number("focus", focus)

    def of(self, truth: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
        """Adds up the two parts."""
        entropy = _cross_entropy(truth, shares, weights, self.focus)
        return entropy + self.dice * _tversky(truth, shares, weights, 0.5, 0.5)

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        return {**super().get_config(), "dice": self.dice, "focus": self.focus}


@keras.saving.register_keras_serializable("transferlearn")
class Tversky(MaskLoss):
    """Adds cross-entropy and 1 less the Tversky index: Dice that weighs its two errors apart.

    When to use it: where to overlook a class costs more than to see it where it is not, as with
    small defects.

    Args:
        missed: The weight of pixels that are of a class and are not taken for it.
        invented: The weight of pixels that are taken for a class and are not of it. With 0.5 for
            both it is Dice.

    Reference: [Tversky loss](https://arxiv.org/abs/1706.05721).

    Example:
        loss = tl.tasks.Tversky(missed=0.7, invented=0.3)
        builder = tl.ImageSegmenterBuilder("EfficientNetLite0", loss=loss)
    """

    def __init__(
        self, missed: float = 0.7, invented: float = 0.3, name: str = "tversky", **options: object
    ) -> None:
        super().__init__(name=name, **options)
        self.missed = number("missed", missed)
        self.invented = number("invented", invented)

    def of(self, truth: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
        """Adds up the two parts."""
        index = _tversky(truth, shares, weights, self.missed, self.invented)
        return _cross_entropy(truth, shares, weights) + index

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        return {**super().get_config(), "missed": self.missed, "invented": self.invented}


@keras.saving.register_keras_serializable("transferlearn")
class Boundary(MaskLoss):
    """Adds cross-entropy, Dice, and 1 less the F1 score of the borders of classes.

    When to use it: where the border matters, as for areas that are measured, or things that touch.

    Args:
        tolerance: How many pixels two borders may lie apart and count as one.
        weight: The weight of the part of the borders.

    Reference: [Boundary loss](https://arxiv.org/abs/1905.07852).

    Example:
        builder = tl.ImageSegmenterBuilder("EfficientNetLite0", loss=tl.tasks.Boundary())
    """

    def __init__(
        self, tolerance: int = 3, weight: float = 0.5, name: str = "boundary", **options: object
    ) -> None:
        super().__init__(name=name, **options)
        self.tolerance = whole("tolerance", tolerance, least=0)
        self.weight = number("weight", weight)

    def of(self, truth: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
        """Adds up the three parts."""
        ops = keras.ops
        # Around void there is no border, since what lies in it is not known.
        known = 1 - _widest(ops.cast(weights <= 0, "float32"), 1)
        shown, said = (known * (_widest(1 - part, 1) - (1 - part)) for part in (truth, shares))
        found = _sum(shown * _widest(said, self.tolerance))
        right = _sum(said * _widest(shown, self.tolerance))
        recall, precision = found / (_sum(shown) + _SMOOTH), right / (_sum(said) + _SMOOTH)
        scores = 2 * recall * precision / (recall + precision + 1e-6)
        borders = _mean_present(1 - scores, _sum(shown))
        entropy = _cross_entropy(truth, shares, weights)
        return entropy + _tversky(truth, shares, weights, 0.5, 0.5) + self.weight * borders

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        return {**super().get_config(), "tolerance": self.tolerance, "weight": self.weight}


def _cross_entropy(truth: Tensor, shares: Tensor, weights: Tensor, focus: float = 0.0) -> Tensor:
    """Computes the mean over pixels, and over classes where a pixel may have several."""
    ops = keras.ops
    if weights.shape[-1] == 1 and truth.shape[-1] != 1:
        right = ops.sum(truth * shares, axis=-1, keepdims=True)
    else:
        right = truth * shares + (1 - truth) * (1 - shares)
    right = ops.maximum(right, keras.config.epsilon())
    surprise = -ops.log(right)
    if focus:
        surprise = (1 - ops.minimum(right, 1 - 1e-6)) ** focus * surprise
    return ops.sum(weights * surprise) / ops.maximum(ops.sum(weights), 1e-6)


def _tversky(
    truth: Tensor, shares: Tensor, weights: Tensor, missed: float, invented: float
) -> Tensor:
    """Computes 1 less the mean Tversky index of the classes that a batch shows."""
    both, shown = _sum(weights * truth * shares), _sum(weights * truth)
    said = _sum(weights * shares)
    half = _SMOOTH / 2
    index = (both + half) / (both + missed * (shown - both) + invented * (said - both) + half)
    return _mean_present(1 - index, shown)


def _mean_present(values: Tensor, shown: Tensor) -> Tensor:
    """Averages a value of each class over the classes that have pixels."""
    ops = keras.ops
    present = ops.cast(shown > 0, "float32")
    return ops.sum(present * values) / ops.maximum(ops.sum(present), 1.0)


def _sum(values: Tensor) -> Tensor:
    """Adds up over all pixels of a batch, and gives a number for each class."""
    return keras.ops.sum(values, axis=_AXES)


def _widest(values: Tensor, pixels: int) -> Tensor:
    """Returns the largest value within so many pixels up, down, left and right of each pixel."""
    if not pixels:
        return values
    return keras.ops.max_pool(values, 2 * pixels + 1, strides=1, padding="same")
