"""Backbones for texts: an encoder of tokens, with its tokenizer and pooling."""

import abc
import re
from dataclasses import dataclass
from typing import Any, Literal

import keras

from transferlearn.backbones.base import Backbone, BackboneSource, from_model
from transferlearn.backbones.blocks import Block, blocks_between_cuts, blocks_by_name
from transferlearn.backbones.graph import rewired
from transferlearn.data import Tokenizer
from transferlearn.keras_internals import layers_within

Pooling = Literal["mean", "first", "pooled"]
_POOLINGS = ("mean", "first", "pooled")


@dataclass(frozen=True, kw_only=True)
class TextBackbone(Backbone):
    """A pretrained encoder that takes token ids and gives one vector for a text.

    Attributes:
        tokenizer: Makes the ids.
        most_tokens: That it can read of one text; `None` for any number.
    """

    tokenizer: Tokenizer
    most_tokens: int | None = None
    raw: str = "token_ids"


class TextSource(BackboneSource):
    """A source that gives backbones for texts too."""

    @abc.abstractmethod
    def load_text(self, name: str, *, pretrained: bool, pooling: Pooling) -> TextBackbone:
        """Loads the backbone; arguments as of `get_text`."""

    @abc.abstractmethod
    def load_tokenizer(self, name: str) -> Tokenizer:
        """Loads its tokenizer alone."""


def from_encoder(
    encoder: keras.Model,
    tokenizer: Tokenizer,
    *,
    pooling: Pooling = "mean",
    name: str | None = None,
    source: str = "the model that was passed",
    pretrained: bool = True,
) -> TextBackbone:
    """Makes a backbone of a functional encoder, such as KerasHub's.

    The padding mask is made of the ids, inside the model.

    Args:
        encoder: A functional model with the inputs `token_ids`, maybe `padding_mask` and
            `segment_ids`; its output is `(batch, tokens, channels)`, or a dict with it as
            `"sequence_output"`. It is copied, weights included.
        tokenizer: Of that encoder.
        pooling: `"mean"` over the tokens that are no padding, the `"first"` token (`[CLS]`), or
            what the encoder itself makes of that, `"pooled"` (a trained layer, in BERT).
        name: Default: the encoder's own name.
        source: Where the weights came from.
        pretrained: Whether the weights are trained.

    Raises:
        ValueError: The encoder has other inputs or outputs.
        TypeError: The tokenizer is none of `tl.data.Tokenizer`.
    """
    if not isinstance(tokenizer, Tokenizer):
        raise TypeError(
            f"The tokenizer is a tl.data.Tokenizer. Received: {type(tokenizer).__name__}. Those of "
            "KerasHub come with their encoder: backbone='keras_hub:<preset or folder>'."
        )
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    is_token = keras.ops.not_equal(token_ids, tokenizer.padding)
    known = {
        "token_ids": token_ids,
        "padding_mask": keras.ops.cast(is_token, "int32"),
        "segment_ids": keras.ops.zeros_like(token_ids),
    }
    given = {tensor.name: tensor for tensor in encoder.inputs}
    if unknown := sorted(given.keys() - known.keys()):
        raise ValueError(
            f"A text encoder takes {', '.join(known)}. Received: an encoder that takes {unknown}"
        )
    inner = keras.Model(list(given.values()), _output(encoder, pooling))
    states = rewired(inner, [known[name] for name in given])
    if pooling == "mean":
        pooled = keras.layers.GlobalAveragePooling1D(name="mean_pooling")(states, mask=is_token)
    else:
        pooled = states[:, 0] if pooling == "first" else states
    return TextBackbone(
        **vars(
            from_model(
                keras.Model(token_ids, pooled, name=name or encoder.name),
                blocks=_blocks,
                name=name,
                source=source,
                pretrained=pretrained,
                raw="token_ids",
            )
        )
        | {"tokenizer": tokenizer, "most_tokens": getattr(encoder, "max_sequence_length", None)}
    )


def check_pooling(pooling: Any) -> None:
    """Refuses what is no way to pool."""
    if pooling not in _POOLINGS:
        raise ValueError(f"pooling is one of {', '.join(_POOLINGS)}. Received: pooling={pooling!r}")


def _output(encoder: keras.Model, pooling: str) -> Any:
    """Of the encoder: all tokens, or with `"pooled"` one vector."""
    check_pooling(pooling)
    outputs = encoder.output if isinstance(encoder.output, dict) else {}
    if pooling == "pooled":
        if "pooled_output" not in outputs:
            raise ValueError(
                f"{encoder.name} pools nothing itself: take pooling='mean' or 'first'. "
                "Received: pooling='pooled'"
            )
        return outputs["pooled_output"]
    sequence = outputs.get("sequence_output", encoder.output)
    if isinstance(sequence, dict) or len(sequence.shape) != 3:
        raise ValueError(f"An encoder gives (batch, tokens, channels). Received: {sequence}")
    return sequence


def _blocks(model: keras.Model) -> tuple[Block, ...]:
    """The embeddings, and each of the numbered layers that are made of others."""
    numbered = [
        re.escape(layer.name)
        for layer in model.layers
        if layer.weights and layer.name[-1].isdigit() and len(layers_within(layer)) > 1
    ]
    if not numbered:
        return blocks_between_cuts(model)
    rules = [(rf"({name})$", r"\1") for name in numbered]
    return blocks_by_name((r"token_ids$", "embeddings"), *rules)(model)
