"""Defines the base classes of heads and decoders."""

import abc
from collections.abc import Mapping, Sequence
from typing import Literal

from transferlearn.heads.outputs import Output
from transferlearn.types import Tensor

Activation = Literal["softmax", "sigmoid", "linear"]


class Head(abc.ABC):
    """Describes the layers behind a backbone that give each item a row of numbers.

    A head makes its layers when it is called: it can be given to any number of builders. Write one
    as a frozen dataclass:

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
            num_classes: How many numbers the head gives for each item.
            activation: `"softmax"` where an item has one class, `"sigmoid"` where it can have
                several, or for the one number of a binary output; `"linear"` where numbers are
                learnt.

        Returns:
            A `KerasTensor` of shape `(batch, num_classes)`: probabilities, or logits (then the last
            layer has no activation, and the loss and `predict` take care of it).
        """


class Decoder(abc.ABC):
    """Describes layers that read several features of a backbone, and may give several outputs.

    Attributes:
        features: The names of the features that it reads: `"last"`, and of a network for images
            `"stride_2"` to `"stride_32"`, as `Backbone.features` names them.
    """

    features: Sequence[str] = ("last",)

    def read_of(self, known: Sequence[str]) -> Sequence[str]:
        """Returns the names of the features that it reads of a network that has those in `known`.

        By default these are its `features`, and a network that lacks one of them is refused.
        """
        return self.features

    @abc.abstractmethod
    def __call__(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the decoder's layers, and gives their outputs.

        Args:
            features: The backbone's features, and the inputs that come with the targets, by name.
            outputs: The outputs that the task needs, by name.

        Returns:
            A `KerasTensor` for each output, by name; its last axis has the output's `units`.
        """
