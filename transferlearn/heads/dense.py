"""Holds the heads of Dense layers: pooled, for each token, and the classic one behind Flatten."""

from collections.abc import Iterable
from dataclasses import dataclass

import keras

from transferlearn.checks import number, share
from transferlearn.heads.base import Activation, Head
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


@dataclass(frozen=True)
class TokenDense(Head):
    """Makes Dropout, and the output layer of each token.

    When to use it: by default for tags of words.

    Args:
        dropout: The share of a token's features that training sets to zero, in [0, 1).
        l2: The strength of the L2 penalty on the output layer's kernel.

    Reference: [BERT](https://arxiv.org/abs/1810.04805), section 5.3.

    Example:
        builder = tl.TokenClassifierBuilder(encoder, head=tl.heads.TokenDense(dropout=0.3))
    """

    dropout: float = 0.1
    l2: float = 0.0

    def __post_init__(self) -> None:
        check_rates(self.dropout, self.l2)

    def __call__(
        self, features: Tensor, num_classes: int, *, activation: Activation = "softmax"
    ) -> Tensor:
        """Makes the head's layers on tokens: `(batch, tokens, num_classes)` comes out."""
        x = features
        if self.dropout:
            x = keras.layers.Dropout(self.dropout, name="head_dropout")(x)
        penalty = keras.regularizers.L2(self.l2) if self.l2 else None
        return keras.layers.Dense(
            num_classes, activation=activation, kernel_regularizer=penalty, name="predictions"
        )(x)


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


def check_rates(dropout: float, l2: float) -> None:
    """Refuses a dropout outside [0, 1) and a negative penalty."""
    share("dropout", dropout)
    number("l2", l2)


def check_units(units: Iterable[int]) -> tuple[int, ...]:
    """The sizes of layers as a tuple, or raises an error if they are not positive `int`s."""
    message = f"units are sizes of hidden layers, such as (128,). Received: units={units!r}"
    # A string is a sequence too, and its letters are no sizes.
    if isinstance(units, str) or not isinstance(units, Iterable):
        raise TypeError(message)
    sizes = tuple(units)
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(message)
    return sizes
