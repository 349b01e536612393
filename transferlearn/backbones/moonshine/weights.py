"""Reads the files of a Moonshine that Hugging Face wrote."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from transferlearn.backbones.tensor_files import (
    CONFIG,
    State,
    config_in,
    count_layers,
    fill,
    read_as,
    tensors_in,
)
from transferlearn.json_fields import Json

_ROTARY, _WAVELENGTH = 0.9, 10_000.0  # where a folder's settings leave them out
# What KerasHub calls a layer, and what Hugging Face calls it.
_OUTSIDE = {
    "conv1": "encoder.conv1",
    "group_norm": "encoder.groupnorm",
    "conv2": "encoder.conv2",
    "conv3": "encoder.conv3",
    "encoder_final_layer_norm": "encoder.layer_norm",
}
_WITHIN = {
    "self_attention_layer/query": "self_attn.q_proj",
    "self_attention_layer/key": "self_attn.k_proj",
    "self_attention_layer/value": "self_attn.v_proj",
    "self_attention_layer/attention_output": "self_attn.o_proj",
    "self_attention_layer_norm": "input_layernorm",
    "feedforward_layer_norm": "post_attention_layernorm",
    "feedforward/dense_1": "mlp.fc1",
    "feedforward/dense_2": "mlp.fc2",
}


def is_moonshine(folder: Path) -> bool:
    """Returns whether a folder holds a Moonshine that Hugging Face wrote."""
    return config_in(folder).get("model_type") == "moonshine"


def read_moonshine(folder: Path, hub: Any, *, pretrained: bool = True) -> keras.Model:
    """Makes a `keras_hub.models.MoonshineBackbone` of a folder's files.

    Where they hold the encoder alone, the decoder has no layers. All sizes are those of the
    tensors, so a description cannot ask for more than there is.

    Args:
        folder: A folder with Hugging Face's `config.json` and `model.safetensors` (or its parts).
        hub: The package `keras_hub`.
        pretrained: Whether to load the weights; otherwise they are random.

    Raises:
        ValueError: A file is damaged, or a tensor is missing or has another shape.
        OSError: A file cannot be opened.
    """
    with read_as(folder, "Moonshine"):
        state = tensors_in(folder)
        network = hub.models.MoonshineBackbone(**_settings(state, config_in(folder)))
        if pretrained:
            places = dict(_OUTSIDE)
            for i, block in enumerate(network.encoder_blocks):
                own = {f"{block.name}/{x}": f"encoder.layers.{i}.{y}" for x, y in _WITHIN.items()}
                places |= own
            for layer, place in _decoder(network):
                places |= {weight.path.rpartition("/")[0]: place for weight in layer.weights}
            weights = [w for w in network.weights if w.path.rpartition("/")[0] in places]
            fill(weights, state, places)
    return network


def _decoder(network: Any) -> Iterator[tuple[keras.Layer, str]]:
    """Yields each layer of the decoder with what Hugging Face calls it.

    KerasHub gives them no names of their own.
    """
    if not network.decoder_blocks:
        return
    yield network.token_embedding, "decoder.embed_tokens"
    yield network.decoder_post_norm, "decoder.norm"
    for i, block in enumerate(network.decoder_blocks):
        place = f"decoder.layers.{i}."
        yield block.norm1, place + "input_layernorm"
        yield block.norm2, place + "post_attention_layernorm"
        yield block.norm3, place + "final_layernorm"
        yield block.ff.dense_1, place + "mlp.fc1"
        yield block.ff.dense_2, place + "mlp.fc2"
        for attention, of in ((block.self_attention, "self"), (block.cross_attention, "encoder")):
            for which in ("query", "key", "value", "output"):
                dense = getattr(attention, f"_{which}_dense")
                yield dense, f"{place}{of}_attn.{which[0]}_proj"


def _settings(state: State, config: Json) -> Json:
    """Returns the settings of KerasHub's network for these tensors."""
    width = len(state["encoder.conv1.weight"])
    wide = len(state["encoder.layers.0.mlp.fc1.weight"])
    heads = config.get("encoder_num_attention_heads", 8)
    layers = count_layers(state, "decoder", "mlp.fc1.weight")
    heads_of_decoder = config.get("decoder_num_attention_heads", 8) if layers else heads
    # transformers 5 puts together what its earlier versions wrote side by side.
    rotary = {**config, **(config.get("rope_parameters") or {})}
    share, wavelength = (
        float(rotary.get(name, default))
        for name, default in (("partial_rotary_factor", _ROTARY), ("rope_theta", _WAVELENGTH))
    )
    for each in (heads, heads_of_decoder):
        if not isinstance(each, int) or not 0 < each <= width or width % each:
            raise ValueError(f"its {width} channels cannot be shared by {each!r} heads")
    if (
        config.get("encoder_num_key_value_heads") not in (None, heads)
        or config.get("decoder_num_key_value_heads") not in (None, heads_of_decoder)
        or config.get("encoder_hidden_act", "gelu") != "gelu"
        or config.get("decoder_hidden_act", "silu") != "silu"
        or not config.get("tie_word_embeddings", True)
        or config.get("attention_bias")
        or rotary.get("rope_type", "default") != "default"
        or not 2 <= int(width // heads * share) <= width // heads
        or int(width // heads * share) % 2
        or wavelength <= 0
        or wide % width
    ):
        raise ValueError(f"its {CONFIG} describes another network than KerasHub's Moonshine")
    return {
        "vocabulary_size": len(state["decoder.embed_tokens.weight"]) if layers else 1,
        "filter_dim": width,
        "encoder_num_layers": count_layers(state, "encoder", "mlp.fc1.weight"),
        "decoder_num_layers": layers,
        "hidden_dim": width,
        "intermediate_dim": wide,
        "encoder_num_heads": heads,
        "decoder_num_heads": heads_of_decoder,
        "feedforward_expansion_factor": wide // width,
        "partial_rotary_factor": share,
        "rope_theta": wavelength,
    }
