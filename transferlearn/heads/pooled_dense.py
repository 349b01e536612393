"""Holds the default head: pooling and one Dense layer."""

from dataclasses import dataclass

import keras

from transferlearn.heads.base import Activation, Head
from transferlearn.heads.checks import check_rates
from transferlearn.types import Tensor

# By the number of axes: 4 of a map, 3 of tokens; a vector, with 2, needs no pooling.
_POOLING = {4: keras.layers.GlobalAveragePooling2D, 3: keras.layers.GlobalAveragePooling1D}


@dataclass(frozen=True)
class PooledDense(Head):
    """Makes global average pooling, Dropout, and the output layer.

    When to use it: by default. It has few weights, so it learns from few images, and takes any
    image size.

    Args:
        dropout: The share of the pooled features that training sets to zero, in [0, 1).
        l2: The strength of the L2 penalty on the output layer's kernel.

    Reference: [Network in Network](https://arxiv.org/abs/1312.4400), for the pooling.

    Example:
        builder = tl.ImageClassifierBuilder("ResNet50", head=tl.heads.PooledDense(dropout=0.5))
    """

    dropout: float = 0.2
    l2: float = 0.0

    def __post_init__(self) -> None:
        check_rates(self.dropout, self.l2)

    def __call__(
        self, features: Tensor, num_classes: int, *, activation: Activation = "softmax"
    ) -> Tensor:
        """Makes the head's layers on a map, on tokens or on a vector."""
        x = features
        if len(x.shape) in _POOLING:
            x = _POOLING[len(x.shape)](name="head_pooling")(x)
        if self.dropout:
            x = keras.layers.Dropout(self.dropout, name="head_dropout")(x)
        penalty = keras.regularizers.L2(self.l2) if self.l2 else None
        return keras.layers.Dense(
            num_classes, activation=activation, kernel_regularizer=penalty, name="predictions"
        )(x)
