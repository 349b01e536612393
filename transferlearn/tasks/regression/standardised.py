"""Defines a loss and R2 that are computed on standardised numbers, of mean 0 and spread 1."""

import re
from collections.abc import Sequence

import keras

from transferlearn.json_fields import Json
from transferlearn.tasks.losses import loss_name, name_of
from transferlearn.types import Loss, Metric, Metrics, Tensor

_LOSSES = ("meansquarederror", "meanabsoluteerror", "huber", "logcosh")
_OF_CLASSES = re.compile("acc|crossentropy|auc|precision|recall|f1score|fbeta|^true|^false|iou")


def check_loss(loss: Loss) -> None:
    """Refuses losses of Keras that mean nothing for numbers of mean 0: percentages, logarithms."""
    name = loss_name(loss)
    if _is_of_keras(loss) and name.replace("_", "") not in _LOSSES:
        raise ValueError(
            "The loss is computed on numbers less their mean, in units of their spread, for which "
            f"{name} means nothing. Take mse, mae, huber, log_cosh or a function of your own."
        )


def check_metrics(metrics: Metrics | None) -> None:
    """Refuses metrics of Keras that are about classes."""
    for metric in keras.tree.flatten(metrics or []):
        if _is_of_keras(metric) and _OF_CLASSES.search(name_of(metric)):
            raise ValueError(
                f"{name_of(metric)} is a metric of classes: of numbers take mae, mse or r2."
            )


def _is_of_keras(part: Loss | Metric) -> bool:
    """Returns whether a loss or metric is Keras's own, which it is where it is named."""
    return isinstance(part, str) or part.__module__.partition(".")[0] == "keras"


@keras.saving.register_keras_serializable("transferlearn")
class Standardised(keras.losses.Loss):
    """Computes a loss on standardised numbers: less their mean, in units of their spread.

    So one learning rate fits prices and temperatures, and several numbers count alike.

    Args:
        loss: A Keras loss, the name of one, or a function of targets and outputs.
        mean: The mean of each number.
        spread: The standard deviation of each number.
    """

    def __init__(
        self,
        loss: Loss,
        mean: Sequence[float],
        spread: Sequence[float],
        name: str = "standardised",
        **options: object,
    ) -> None:
        super().__init__(name=name, **options)
        self.loss = keras.losses.get(loss)
        self.mean = list(mean)
        self.spread = list(spread)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of each item."""
        scaled = (_scaled(values, self.mean, self.spread) for values in (y_true, y_pred))
        # A loss object's own `__call__` would give the mean over the items.
        of_items = self.loss.call if isinstance(self.loss, keras.losses.Loss) else self.loss
        return of_items(*scaled)

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        loss = keras.losses.serialize(self.loss)
        return {**super().get_config(), "loss": loss, "mean": self.mean, "spread": self.spread}


@keras.saving.register_keras_serializable("transferlearn")
class R2(keras.metrics.Metric):
    """Measures the share of the numbers' variance that is explained, averaged over all numbers.

    `keras.metrics.R2Score` squares the numbers themselves, which in float32 leaves nothing of a
    spread that is small beside the mean, such as 10 around 1,600,000.

    Args:
        mean: The approximate mean of each number.
        spread: The approximate standard deviation of each number.

    Reference: [Coefficient of determination](https://en.wikipedia.org/wiki/Coefficient_of_determination).
    """

    def __init__(
        self,
        mean: Sequence[float],
        spread: Sequence[float],
        name: str = "r2",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.mean = list(mean)
        self.spread = list(spread)
        shape = (len(self.mean),)
        self._weight = self.add_weight(shape=(), initializer="zeros", name="weight")
        self._sum = self.add_weight(shape=shape, initializer="zeros", name="sum")
        self._squares = self.add_weight(shape=shape, initializer="zeros", name="squares")
        self._errors = self.add_weight(shape=shape, initializer="zeros", name="errors")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Adds a batch of targets and outputs, `(batch, numbers)`."""
        truth = _scaled(keras.ops.cast(y_true, self.dtype), self.mean, self.spread)
        error = truth - _scaled(keras.ops.cast(y_pred, self.dtype), self.mean, self.spread)
        weights = keras.ops.ones_like(truth[:, 0]) if sample_weight is None else sample_weight
        weights = keras.ops.reshape(keras.ops.cast(weights, self.dtype), (-1, 1))
        self._weight.assign_add(keras.ops.sum(weights))
        self._sum.assign_add(keras.ops.sum(weights * truth, axis=0))
        self._squares.assign_add(keras.ops.sum(weights * truth**2, axis=0))
        self._errors.assign_add(keras.ops.sum(weights * error**2, axis=0))

    def result(self) -> Tensor:
        """Computes the R2, a scalar of at most 1; a number that does not vary counts as 0."""
        # Before the first batch the weight is 0; a spread below 1e-6 is rounding in float32.
        spread = self._squares - self._sum**2 / keras.ops.maximum(self._weight, 1e-9)
        varies = spread > 1e-6 * self._squares
        ratio = self._errors / keras.ops.where(varies, spread, 1.0)
        return keras.ops.mean(keras.ops.where(varies, 1.0 - ratio, 0.0))

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        return {**super().get_config(), "mean": self.mean, "spread": self.spread}


def _scaled(values: Tensor, mean: Sequence[float], spread: Sequence[float]) -> Tensor:
    """Standardises numbers `(batch, numbers)`; targets `(batch,)` become a column."""
    rows = keras.ops.reshape(values, (-1, len(mean)))
    middle, width = (keras.ops.convert_to_tensor(part, rows.dtype) for part in (mean, spread))
    return (rows - middle) / width
