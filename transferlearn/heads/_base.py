"""What a head is."""

import abc
from typing import Any, Literal

Tensor = Any
Activation = Literal["softmax", "sigmoid"]


class Head(abc.ABC):
    """The layers behind a backbone that answer for one's own classes.

    A head describes layers and makes them when it is called: it can be given to any number of
    builders. Write one as a frozen dataclass:

        @dataclass(frozen=True)
        class MaxHead(tl.heads.Head):
            def __call__(self, features, num_classes, *, activation="softmax"):
                x = keras.layers.GlobalMaxPooling2D()(features)
                return keras.layers.Dense(num_classes, activation=activation)(x)
    """

    @abc.abstractmethod
    def __call__(
        self, features: Tensor, num_classes: int, *, activation: Activation = "softmax"
    ) -> Tensor:
        """Makes the head's layers on the backbone's output.

        Args:
            features: A `KerasTensor` of shape `(batch, height, width, channels)` for a map,
                `(batch, tokens, channels)` for tokens, or `(batch, channels)` for a vector.
            num_classes: How many numbers an image gets.
            activation: `"softmax"` where an image has one class, `"sigmoid"` where it can have
                several, or for the one number of a binary output.

        Returns:
            A `KerasTensor` of shape `(batch, num_classes)`: probabilities, or logits (then the last
            layer has no activation, and the loss and `predict` take care of it).
        """
