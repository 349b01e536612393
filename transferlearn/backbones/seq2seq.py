"""Makes backbones of encoder-decoders, which read one text and write another."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras

from transferlearn.backbones.base import from_model
from transferlearn.backbones.blocks import Block
from transferlearn.backbones.graph import made_of, rewired
from transferlearn.backbones.texts import TextBackbone
from transferlearn.data import Tokenizer, Writer
from transferlearn.keras_internals import layers_within
from transferlearn.types import Tensor

DECODER = "decoder_token_ids"  # the name of the input for what is written so far
_INPUTS = ("encoder_token_ids", "encoder_padding_mask", DECODER, "decoder_padding_mask")
_ENCODER, _DECODER = "encoder", "decoder"  # begin the names of blocks


@dataclass(frozen=True, kw_only=True)
class Seq2SeqBackbone(TextBackbone):
    """Holds an encoder of texts with the decoder that writes others, and how these begin and end.

    Attributes:
        writer: Knows the tokens that the decoder writes.
    """

    writer: Writer


def from_seq2seq(
    network: keras.Model,
    tokenizer: Tokenizer,
    *,
    begin: Sequence[int],
    name: str | None = None,
    source: str = "the model that was passed",
    pretrained: bool = True,
    most_tokens: int | None = None,
) -> Seq2SeqBackbone:
    """Makes a backbone of an encoder-decoder and its tokenizer.

    The model of the backbone takes the token ids of both texts and gives the logits of the token
    after each that the decoder reads.

    Args:
        network: A functional model with the inputs `encoder_token_ids` and `decoder_token_ids`, and
            maybe `encoder_padding_mask` and `decoder_padding_mask`, that gives logits
            `(batch, tokens, all tokens)`, such as a `keras_hub.models.BartSeq2SeqLM`. It is copied,
            weights included.
        tokenizer: The tokenizer of both texts.
        begin: The ids that the decoder reads before a text's first token, such as `(2, 0)` for
            BART.
        name: The backbone's name; by default the network's own.
        source: Where the weights came from, in words.
        pretrained: Whether the weights are trained.
        most_tokens: The most tokens of one text; by default what the network itself knows of it.

    Raises:
        ValueError: The network has other inputs or outputs, or the tokenizer ends no text.
        TypeError: The tokenizer is no `tl.data.Tokenizer`.
    """
    if not isinstance(tokenizer, Tokenizer):
        raise TypeError(
            f"The tokenizer is a tl.data.Tokenizer. Received: {type(tokenizer).__name__}"
        )
    if not tokenizer.end:
        raise ValueError("The tokenizer has no token that ends a text, which a decoder learns.")
    inputs = {tensor.name: tensor for tensor in network.inputs}
    if not {"encoder_token_ids", DECODER} <= inputs.keys() <= {*_INPUTS}:
        raise ValueError(
            f"An encoder-decoder takes {', '.join(_INPUTS)}. Received: {', '.join(inputs)}. "
            "For models that go on with texts: tl.CausalLMBuilder."
        )
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    written = keras.Input((None,), dtype="int32", name=DECODER)
    is_token = keras.ops.not_equal(token_ids, tokenizer.padding)
    available = {
        "encoder_token_ids": token_ids,
        "encoder_padding_mask": keras.ops.cast(is_token, "int32"),
        DECODER: written,
        # No token looks at those behind it, so that what fills a row up needs no mask.
        "decoder_padding_mask": keras.ops.ones_like(written),
    }
    inner = keras.Model(list(inputs.values()), _logits(network))
    logits = rewired(inner, [available[each] for each in inputs])
    if logits.sparse:  # Keras takes what is multiplied by a plain number for sparse
        logits = keras.layers.Activation("linear", name="logits")(logits)
    most = most_tokens or getattr(network, "max_sequence_length", None)
    made = from_model(
        keras.Model([token_ids, written], logits, name=name or network.name),
        blocks=blocks_of_both,
        name=name,
        source=source,
        pretrained=pretrained,
        raw="token_ids",
        further=(DECODER,),
    )
    writer = Writer(tokenizer=tokenizer, begin=tuple(begin), end=tokenizer.end[0], most=most)
    return Seq2SeqBackbone(**vars(made), tokenizer=tokenizer, most_tokens=most, writer=writer)


def _logits(network: keras.Model) -> Tensor:
    """Returns the logits that a network gives; refuses anything else."""
    if isinstance(network.output, dict) or len(network.output.shape) != 3:
        raise ValueError(
            "An encoder-decoder gives logits (batch, tokens, all tokens), as a "
            f"keras_hub.models.Seq2SeqLM does. Received: {network.output}"
        )
    return network.output


def blocks_of_both(model: keras.Model) -> tuple[Block, ...]:
    """Finds the blocks: those that read the items alone, then those that read what is written.

    What is written is the model's last input.

    Their names begin with `encoder.` and `decoder.`, so that `freeze="encoder"` freezes the first.
    """
    items = model.inputs[:-1]
    alone = {id(step.operation) for step in made_of(model, items)}
    alone |= {id(model.get_layer(tensor.name)) for tensor in items}
    found: dict[str, dict[str, list[int]]] = {_ENCODER: {}, _DECODER: {}}
    current = {_ENCODER: "embeddings", _DECODER: "embeddings"}
    for place, layer in enumerate(model.layers):
        part = _ENCODER if id(layer) in alone else _DECODER
        if layer.weights and layer.name[-1].isdigit() and len(layers_within(layer)) > 1:
            current[part] = f"layer_{layer.name.rpartition('_')[2]}"
        found[part].setdefault(current[part], []).append(place)
    return tuple(
        Block(f"{part}.{name}", tuple(members))
        for part, blocks in found.items()
        for name, members in blocks.items()
    )
