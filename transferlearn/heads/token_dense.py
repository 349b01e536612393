"""Holds the head for tags of words: one Dense layer for each token."""

from dataclasses import dataclass

import keras

from transferlearn.heads.base import Activation, Head
from transferlearn.heads.checks import check_rates
from transferlearn.types import Tensor


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
