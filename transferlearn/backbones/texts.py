"""Makes backbones for texts: an encoder of tokens, with its tokenizer and pooling."""

import abc
import re
from dataclasses import dataclass
from inspect import signature
from typing import Any, Literal

import keras
import numpy as np

from transferlearn.backbones.base import Backbone, BackboneSource, from_model
from transferlearn.backbones.blocks import Block, blocks_between_cuts, blocks_by_name
from transferlearn.backbones.graph import rewired
from transferlearn.backbones.hub_layers import mend_configs
from transferlearn.data import Tokenizer
from transferlearn.keras_internals import layers_within
from transferlearn.types import Tensor

Pooling = Literal["mean", "first", "pooled", "none", "next", "written"]
_POOLINGS = ("mean", "first", "pooled")  # those that give one vector for a text


@dataclass(frozen=True, kw_only=True)
class TextBackbone(Backbone):
    """Holds an encoder that turns a text's token ids into one vector, and its tokenizer.

    Attributes:
        tokenizer: The tokenizer that turns texts into ids.
        most_tokens: The most tokens of one text that the encoder can read; `None` for any number.
    """

    tokenizer: Tokenizer
    most_tokens: int | None = None
    raw: str = "token_ids"


class TextSource(BackboneSource):
    """Loads backbones for texts by name, and maybe backbones for images too."""

    @abc.abstractmethod
    def load_text(self, name: str, *, pretrained: bool, pooling: Pooling) -> TextBackbone:
        """Loads the backbone with this name; for the other arguments see `get_text`."""

    @abc.abstractmethod
    def load_tokenizer(self, name: str) -> Tokenizer:
        """Loads the backbone's tokenizer alone."""


def from_encoder(
    encoder: keras.Model,
    tokenizer: Tokenizer,
    *,
    pooling: Pooling = "mean",
    name: str | None = None,
    source: str = "the model that was passed",
    pretrained: bool = True,
    most_tokens: int | None = None,
) -> TextBackbone:
    """Makes a backbone for texts of an encoder, its tokenizer and a pooling.

    The model of the backbone takes token ids alone: it makes padding mask and segment ids itself.

    Args:
        encoder: A functional model with the inputs `token_ids`, maybe `padding_mask` and
            `segment_ids`; its output is `(batch, tokens, channels)`, or a dict with it as
            `"sequence_output"`. It is copied, weights included.
        tokenizer: The tokenizer that the encoder was trained with.
        pooling: What becomes the vector of a text: the `"mean"` over all tokens but padding, the
            `"first"` token (`[CLS]`), or the encoder's own `"pooled_output"` (`"pooled"`), which
            in BERT a trained layer makes of the first token. `"none"`: each token keeps its own
            vector, for tags of words. `"next"`: of a causal decoder, each token has the logits of
            the token that comes next, by the decoder's own `token_embedding`; ids below 0 are then
            padding, which stands behind texts only.
        name: The backbone's name; by default the encoder's own.
        source: Where the weights came from.
        pretrained: Whether the weights are trained.
        most_tokens: The most tokens of one text; by default what the encoder itself knows of it.

    Raises:
        ValueError: The encoder has other inputs or outputs.
        TypeError: The tokenizer is no `tl.data.Tokenizer`.
    """
    if not isinstance(tokenizer, Tokenizer):
        raise TypeError(
            f"The tokenizer is a tl.data.Tokenizer. Received: {type(tokenizer).__name__}. Those of "
            "KerasHub come with their encoder: backbone='keras_hub:<preset or folder>'."
        )
    if type(encoder).__module__.startswith("keras_hub."):
        mend_configs()
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    is_token = keras.ops.not_equal(token_ids, tokenizer.padding)
    available = {
        "token_ids": token_ids,
        "padding_mask": keras.ops.cast(is_token, "int32"),
        "segment_ids": keras.ops.zeros_like(token_ids),  # an item is one text, so one segment
    }
    if pooling == "next":  # no token looks at those behind it, so that padding needs no mask
        known = keras.ops.maximum(token_ids, 0)
        available |= {"token_ids": known, "padding_mask": keras.ops.ones_like(token_ids)}
    inputs = {tensor.name: tensor for tensor in encoder.inputs}
    if unknown := sorted(inputs.keys() - available.keys()):
        raise ValueError(
            f"A text encoder takes {', '.join(available)}. "
            f"Received: an encoder that takes {unknown}"
        )
    inner = keras.Model(list(inputs.values()), _output(encoder, pooling))
    states = rewired(inner, [available[name] for name in inputs])
    if pooling == "mean":
        pooled = keras.layers.GlobalAveragePooling1D(name="mean_pooling")(states, mask=is_token)
    else:
        pooled = states[:, 0] if pooling == "first" else states
    most = most_tokens or getattr(encoder, "max_sequence_length", None)
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
        | {"tokenizer": tokenizer, "most_tokens": most}
    )


def check_pooling(pooling: object) -> None:
    """Raises `ValueError` unless the pooling is `"mean"`, `"first"` or `"pooled"`."""
    if pooling not in _POOLINGS:
        raise ValueError(f"pooling is one of {', '.join(_POOLINGS)}. Received: pooling={pooling!r}")


def _output(encoder: keras.Model, pooling: str) -> Tensor:
    """Returns the encoder's output to pool, a vector a token; with `"pooled"` one for the text."""
    if pooling == "next":
        return _next_logits(encoder)
    if pooling != "none":
        check_pooling(pooling)
    outputs = encoder.output if isinstance(encoder.output, dict) else {}
    if pooling == "pooled":
        if "pooled_output" not in outputs:
            raise ValueError(
                f"{encoder.name} has no pooled output: take pooling='mean' or 'first'. "
                "Received: pooling='pooled'"
            )
        return outputs["pooled_output"]
    sequence = outputs.get("sequence_output", encoder.output)
    if isinstance(sequence, dict) or len(sequence.shape) != 3:
        raise ValueError(f"An encoder gives (batch, tokens, channels). Received: {sequence}")
    return sequence


def _next_logits(decoder: keras.Model) -> Tensor:
    """Returns the logits of the token after each token, by the embeddings of a causal decoder."""
    embedding: Any = getattr(decoder, "token_embedding", None)
    reversible = embedding is not None and "reverse" in signature(embedding.call).parameters
    if not reversible or isinstance(decoder.output, dict) or not _is_causal(decoder):
        raise ValueError(
            f"{decoder.name} ({type(decoder).__name__}) is no causal decoder, which tells the next "
            "token by its token_embedding. Take one such as GPT-2 or Llama: "
            "'keras_hub:gpt2_base_en'. Encoders such as BERT are for tl.TextClassifierBuilder."
        )
    return embedding(decoder.output, reverse=True)


def _is_causal(decoder: keras.Model) -> bool:
    """Returns whether what a decoder makes of a token does not depend on those behind it."""
    ids = np.array([[1, 2, 3, 4], [1, 2, 3, 5]], np.int32)
    values = {name: np.ones_like(ids) for name in ("padding_mask", "segment_ids")}
    given = [values.get(tensor.name, ids) for tensor in decoder.inputs]
    plain = keras.Model(decoder.inputs, decoder.output)
    one, other = keras.ops.convert_to_numpy(plain(given, training=False))[:, :3]
    return np.allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(one).max())


def _blocks(model: keras.Model) -> tuple[Block, ...]:
    """Finds the blocks: the embeddings, and each numbered layer that contains other layers."""
    numbered = [
        re.escape(layer.name)
        for layer in model.layers
        if layer.weights and layer.name[-1].isdigit() and len(layers_within(layer)) > 1
    ]
    if not numbered:
        return blocks_between_cuts(model)
    rules = [(rf"({name})$", r"\1") for name in numbered]
    return blocks_by_name((r"token_ids$", "embeddings"), *rules)(model)
