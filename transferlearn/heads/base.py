"""Defines the base classes of heads and decoders, the outputs that they make, and a bare head."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import keras

from transferlearn.types import Tensor


class Output(NamedTuple):
    """Describes one output of a network: how many numbers it has, and for each of what.

    Attributes:
        units: How many numbers the output has for each item, cell, token or query.
        per: The thing that has these numbers: the whole `"item"`, each `"cell"` of a map, each
            `"token"`, or each `"query"` of a detector.
    """

    units: int
    per: Literal["item", "cell", "token", "query"] = "item"


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


@dataclass(frozen=True)
class NextTokenHead(Head):
    """Gives the logits of the next token in float32, as the backbone's own embeddings make them.

    It has no weights: those of a language model's last layer belong to the backbone, and are mostly
    those of its first. It is the only head of `tl.CausalLMBuilder`.
    """

    def __call__(
        self, features: Tensor, num_classes: int, *, activation: Activation = "softmax"
    ) -> Tensor:
        """Makes a layer that casts the logits: `(batch, tokens, all tokens)`."""
        return keras.layers.Activation("linear", dtype="float32", name="logits")(features)
