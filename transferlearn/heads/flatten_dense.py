"""Holds the classic head: Flatten and Dense layers."""

from dataclasses import dataclass

import keras

from transferlearn.heads.base import Activation, Head
from transferlearn.heads.checks import check_rates, check_units
from transferlearn.types import Tensor


@dataclass(frozen=True)
class FlattenDense(Head):
    """Makes Flatten, hidden Dense layers with ReLU and Dropout, and the output layer.

    When to use it: to follow the classic recipe, or where it matters in which place of the image
    something is. It has many weights (VGG16 at 224 px: 3.2 million for 128 units), so `PooledDense`
    is the default.

    Args:
        units: The sizes of the hidden layers, in order.
        dropout: The share of each hidden layer's outputs that training sets to zero, in [0, 1).
        l2: The strength of the L2 penalty on the kernels of all Dense layers.

    Example:
        builder = tl.ImageClassifierBuilder("VGG16", head=tl.heads.FlattenDense(units=(128,)))
    """

    units: tuple[int, ...] = (128,)
    dropout: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        # A list would make `FlattenDense([8])` and `FlattenDense((8,))` unequal.
        object.__setattr__(self, "units", check_units(self.units))
        check_rates(self.dropout, self.l2)

    def __call__(
        self, features: Tensor, num_classes: int, *, activation: Activation = "softmax"
    ) -> Tensor:
        """Makes the head's layers on a map, on tokens or on a vector."""
        penalty = keras.regularizers.L2(self.l2) if self.l2 else None
        x = keras.layers.Flatten(name="head_flatten")(features)
        for i, units in enumerate(self.units, start=1):
            x = keras.layers.Dense(
                units, activation="relu", kernel_regularizer=penalty, name=f"head_dense_{i}"
            )(x)
            if self.dropout:
                x = keras.layers.Dropout(self.dropout, name=f"head_dropout_{i}")(x)
        return keras.layers.Dense(
            num_classes, activation=activation, kernel_regularizer=penalty, name="predictions"
        )(x)
