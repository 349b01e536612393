"""Defines the loss and the metric of tags of words, which leave out tokens without a tag."""

import keras

from transferlearn.types import Tensor


class TagCrossEntropy(keras.losses.Loss):
    """Computes the mean cross-entropy of the tokens of a batch that have a tag, in nats.

    Args:
        name: The name of the loss.

    Shapes:
        `y_true`: int32 `(batch, tokens)`, -1 where a token has no tag. `y_pred`: probabilities
        `(batch, tokens, tags)`.
    """

    def __init__(self, name: str = "tag_cross_entropy", **options: object) -> None:
        super().__init__(name=name, **options)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns a loss for each token, whose mean over all tokens is that over tagged ones."""
        # Keras may have cast the ids to float32.
        ids = keras.ops.cast(y_true, "int32")
        known = keras.ops.cast(ids >= 0, "float32")
        ids = keras.ops.maximum(ids, 0)[..., None]
        likely = keras.ops.take_along_axis(keras.ops.cast(y_pred, "float32"), ids, axis=-1)[..., 0]
        losses = -keras.ops.log(keras.ops.clip(likely, 1e-7, 1.0)) * known
        return losses / keras.ops.maximum(keras.ops.mean(known), 1e-7)


class TagAccuracy(keras.metrics.Mean):
    """Computes the share of tokens with a tag that are given the right one.

    Args:
        name: The name of the metric.
        dtype: The dtype of its sums.
    """

    def __init__(self, name: str = "accuracy", dtype: object = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: object = None) -> None:
        """Adds the tokens of a batch; for the shapes see `TagCrossEntropy`."""
        ids = keras.ops.cast(y_true, "int32")
        right = keras.ops.cast(keras.ops.argmax(y_pred, axis=-1), "int32") == ids
        weights = keras.ops.cast(ids >= 0, "float32")
        if sample_weight is not None:
            of_items = keras.ops.cast(sample_weight, "float32")
            weights *= of_items[:, None] if len(of_items.shape) == 1 else of_items
        super().update_state(keras.ops.cast(right, "float32"), weights)
