"""Defines the loss and the metric of next tokens, which leave out tokens that are not learnt."""

import keras

from transferlearn.types import Tensor


class NextTokenCrossEntropy(keras.losses.Loss):
    """Computes the mean cross-entropy of the next tokens of a batch, in nats.

    Args:
        name: The name of the loss.

    Shapes:
        `y_true`: int32 `(batch, tokens)`, the next token of each, -1 where it is not learnt.
        `y_pred`: logits `(batch, tokens, all tokens)`.
    """

    def __init__(self, name: str = "next_token_cross_entropy", **options: object) -> None:
        super().__init__(name=name, **options)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns a loss for each token, whose mean over all is that over those learnt."""
        losses, known = _losses(y_true, y_pred)
        return losses / keras.ops.maximum(keras.ops.mean(known), 1e-7)


class TokenProbability(keras.metrics.Mean):
    """Computes the geometric mean of the probabilities of the right tokens: 1 / perplexity.

    Args:
        name: The name of the metric.
        dtype: The dtype of its sums.
    """

    def __init__(self, name: str = "token_probability", dtype: object = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: object = None) -> None:
        """Adds the tokens of a batch; for the shapes see `NextTokenCrossEntropy`."""
        losses, weights = _losses(y_true, y_pred)
        if sample_weight is not None:
            of_items = keras.ops.cast(sample_weight, "float32")
            weights *= of_items[:, None] if len(of_items.shape) == 1 else of_items
        super().update_state(losses, weights)

    def result(self) -> Tensor:
        """Returns the geometric mean."""
        return keras.ops.exp(-super().result())


def _losses(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the loss of each token, 0 where it is not learnt, and whether it is, as float32."""
    ids = keras.ops.cast(y_true, "int32")  # Keras may have cast them to float32
    known = keras.ops.cast(ids >= 0, "float32")
    logits = keras.ops.cast(y_pred, "float32")
    losses = keras.ops.sparse_categorical_crossentropy(
        keras.ops.maximum(ids, 0), logits, from_logits=True
    )
    return losses * known, known
