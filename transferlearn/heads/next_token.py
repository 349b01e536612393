"""Holds the head of language models, which the backbone brings itself."""

from dataclasses import dataclass

import keras

from transferlearn.heads.base import Activation, Head
from transferlearn.types import Tensor


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
