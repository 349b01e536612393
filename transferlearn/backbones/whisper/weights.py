"""Reads Whisper's weights, as Hugging Face or CTranslate2 has them, into KerasHub's network."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from transferlearn.backbones.tensor_files import (
    CONFIG,
    State,
    config_in,
    count_layers,
    fill,
    read_as,
    tensors_in,
)
from transferlearn.backbones.whisper.ctranslate2 import read_ctranslate2

_CTRANSLATE2 = "model.bin"
# What KerasHub calls a layer, and what Hugging Face calls it.
_OUTSIDE = {
    "encoder_token_embedding_conv_layer_1": "encoder.conv1",
    "encoder_token_embedding_conv_layer_2": "encoder.conv2",
    "encoder_position_embedding": "encoder.embed_positions",
    "encoder_layer_norm": "encoder.layer_norm",
    "decoder_token_and_position_embedding/token_embedding": "decoder.embed_tokens",
    "decoder_token_and_position_embedding/position_embedding": "decoder.embed_positions",
    "decoder_layer_norm": "decoder.layer_norm",
}
_ATTENTION = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "attention_output": "out_proj"}
_IN_BOTH = {
    "self_attention_layer_norm": "self_attn_layer_norm",
    "feedforward_layer_norm": "final_layer_norm",
    "feedforward_intermediate_dense": "fc1",
    "feedforward_output_dense": "fc2",
}
_IN_ENCODER = _IN_BOTH | {
    f"self_attention_layer/{ours}": f"self_attn.{theirs}" for ours, theirs in _ATTENTION.items()
}
_IN_DECODER = (
    _IN_BOTH
    | {f"self_attention/{ours}": f"self_attn.{theirs}" for ours, theirs in _ATTENTION.items()}
    | {f"cross_attention/{ours}": f"encoder_attn.{theirs}" for ours, theirs in _ATTENTION.items()}
    | {"cross_attention_layer_norm": "encoder_attn_layer_norm"}
)
# What CTranslate2 calls a layer, and the layers of Hugging Face whose rows lie there one below the
# other.
_STACKED = {
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "self_attention/layer_norm": ("self_attn_layer_norm",),
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
    "attention/layer_norm": ("encoder_attn_layer_norm",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
    "ffn/layer_norm": ("final_layer_norm",),
    "position_encodings": ("embed_positions",),
    "embeddings": ("embed_tokens",),
}
_VALUES = {"gamma": "weight", "beta": "bias", "encodings": "weight"}


def is_whisper(folder: Path) -> bool:
    """Returns whether a folder holds a Whisper that Hugging Face or CTranslate2 wrote."""
    return (folder / _CTRANSLATE2).is_file() or config_in(folder).get("model_type") == "whisper"


def read_whisper(folder: Path, hub: Any, *, pretrained: bool = True) -> keras.Model:
    """Makes a `keras_hub.models.WhisperBackbone`, encoder and decoder, of a folder's files.

    All sizes are those of the tensors, so a description cannot ask for more than there is.

    Args:
        folder: A folder with Hugging Face's `config.json` and `model.safetensors` (or its parts),
            or with CTranslate2's `model.bin`.
        hub: The package `keras_hub`.
        pretrained: Whether to load the weights; otherwise they are random.

    Raises:
        ValueError: A file is damaged, or a tensor is missing or has another shape.
        OSError: A file cannot be opened.
    """
    with read_as(folder, "Whisper"):
        state, heads = tensors_of(folder)
        network = hub.models.WhisperBackbone(**_sizes(state, heads))
        if pretrained:
            _fill(network, state)
    return network


def tensors_of(folder: Path) -> tuple[State, int]:
    """Returns the tensors by Hugging Face's names, and the number of heads."""
    if (folder / _CTRANSLATE2).is_file():
        tensors = read_ctranslate2(folder / _CTRANSLATE2, "WhisperSpec")
        return _renamed(tensors), int(tensors["encoder/num_heads"].reshape(-1)[0])
    config = config_in(folder)
    heads = {config.get(f"{part}_attention_heads") for part in ("encoder", "decoder")}
    if len(heads) > 1 or config.get("activation_function", "gelu") != "gelu":
        raise ValueError(
            f"its {CONFIG} describes another network than KerasHub's Whisper, which has as many "
            "heads in the decoder as in the encoder, and gelu"
        )
    (count,) = heads
    return tensors_in(folder), int(count or 0)


def _renamed(tensors: State) -> dict[str, np.ndarray]:
    """Returns CTranslate2's tensors by Hugging Face's names, each by itself."""
    found = {}
    for name, tensor in tensors.items():
        place, _, value = name.rpartition("/")
        part, _, rest = place.partition("/")
        before = ""
        if rest.startswith("layer_") and "/" in rest:
            layer, _, rest = rest.partition("/")
            before = f"layers.{layer.removeprefix('layer_')}."
        stacked = _STACKED.get(rest, (rest,))
        if tensor.ndim and not len(tensor) % len(stacked):
            for own, rows in zip(stacked, np.split(tensor, len(stacked)), strict=True):
                found[f"{part}.{before}{own}.{_VALUES.get(value, value)}"] = rows
    return found


def _sizes(state: State, heads: int) -> dict[str, int]:
    """Returns the settings of KerasHub's network for these tensors."""
    width, mels = state["encoder.conv1.weight"].shape[:2]
    layers = [count_layers(state, part, "fc1.weight") for part in ("encoder", "decoder")]
    if layers[0] != layers[1] or not 0 < heads <= width or width % heads:
        raise ValueError(
            "KerasHub's Whisper has as many layers in the decoder as in the encoder, and channels "
            f"for each head. Received: {layers[0]} and {layers[1]} layers, {width} channels and "
            f"{heads} heads"
        )
    return {
        "vocabulary_size": len(state["decoder.embed_tokens.weight"]),
        "num_layers": layers[0],
        "num_heads": heads,
        "hidden_dim": width,
        "intermediate_dim": len(state["encoder.layers.0.fc1.weight"]),
        "num_mels": mels,
        "max_encoder_sequence_length": 2 * len(state["encoder.embed_positions.weight"]),
        "max_decoder_sequence_length": len(state["decoder.embed_positions.weight"]),
    }


def _fill(network: keras.Model, state: State) -> None:
    """Sets all weights of KerasHub's network."""
    places = dict(_OUTSIDE)
    for i in range(network.num_layers):
        for part, within in (("encoder", _IN_ENCODER), ("decoder", _IN_DECODER)):
            places |= {
                f"transformer_{part}_layer_{i}/{ours}": f"{part}.layers.{i}.{theirs}"
                for ours, theirs in within.items()
            }
    fill(network.weights, state, places)
