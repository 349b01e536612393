"""Reads Moonshine's files, and makes its encoder a backbone for recordings."""

from pathlib import Path
from typing import Any

import keras

from transferlearn.backbones.base import AudioBackbone
from transferlearn.backbones.blocks import blocks_by_name
from transferlearn.backbones.graph import copy_weights
from transferlearn.backbones.tensor_files import (
    CONFIG,
    State,
    config_in,
    count_layers,
    fill,
    tensors_in,
)
from transferlearn.backbones.whisper.encoder import Copies
from transferlearn.json_fields import Json
from transferlearn.types import Tensor
from transferlearn.untrusted import RefusalError

_RATE = 16_000  # Hz
_STATE = 384  # samples from one state of the encoder to the next
_LEAST = 895  # samples that its convolutions need for one state
_MOST_SECONDS = 64.0  # of what it was trained on
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
    """Makes a `keras_hub.models.MoonshineBackbone` with the encoder of a folder's files.

    Its decoder has no layers. All sizes are those of the tensors, so a description cannot ask for
    more than there is.

    Args:
        folder: A folder with Hugging Face's `config.json` and `model.safetensors` (or its parts).
        hub: The package `keras_hub`.
        pretrained: Whether to load the weights; otherwise they are random.

    Raises:
        ValueError: A file is damaged, or a tensor is missing or has another shape.
        OSError: A file cannot be opened.
    """
    try:
        state = tensors_in(folder)
        network = hub.models.MoonshineBackbone(**_settings(state, config_in(folder)))
        if pretrained:
            places = dict(_OUTSIDE)
            for i, block in enumerate(network.encoder_blocks):
                own = {f"{block.name}/{x}": f"encoder.layers.{i}.{y}" for x, y in _WITHIN.items()}
                places |= own
            weights = [w for w in network.weights if w.path.rpartition("/")[0] in places]
            fill(weights, state, places)
    except KeyError as error:
        raise ValueError(
            f"{folder} has no tensor {error.args[0]}, which a Moonshine has"
        ) from error
    except RefusalError as error:
        raise RefusalError(f"{folder} is refused: {error}") from error
    except (ValueError, TypeError, IndexError) as error:
        raise ValueError(f"{folder} cannot be read as a Moonshine: {error}") from error
    return network


def _settings(state: State, config: Json) -> Json:
    """Returns the settings of KerasHub's network for these tensors."""
    width = len(state["encoder.conv1.weight"])
    wide = len(state["encoder.layers.0.mlp.fc1.weight"])
    heads = config.get("encoder_num_attention_heads", 8)
    # transformers 5 puts together what its earlier versions wrote side by side.
    rotary = {**config, **(config.get("rope_parameters") or {})}
    share, wavelength = (
        float(rotary.get(name, default))
        for name, default in (("partial_rotary_factor", _ROTARY), ("rope_theta", _WAVELENGTH))
    )
    if not isinstance(heads, int) or not 0 < heads <= width or width % heads:
        raise ValueError(f"its {width} channels cannot be shared by {heads!r} heads")
    if (
        config.get("encoder_num_key_value_heads") not in (None, heads)
        or config.get("encoder_hidden_act", "gelu") != "gelu"
        or config.get("attention_bias")
        or rotary.get("rope_type", "default") != "default"
        or not 2 <= int(width // heads * share) <= width // heads
        or int(width // heads * share) % 2
        or wavelength <= 0
        or wide % width
    ):
        raise ValueError(f"its {CONFIG} describes another network than KerasHub's Moonshine")
    return {
        "vocabulary_size": 1,
        "filter_dim": width,
        "encoder_num_layers": count_layers(state, "encoder", "mlp.fc1.weight"),
        "decoder_num_layers": 0,
        "hidden_dim": width,
        "intermediate_dim": wide,
        "encoder_num_heads": heads,
        "decoder_num_heads": heads,
        "feedforward_expansion_factor": wide // width,
        "partial_rotary_factor": share,
        "rope_theta": wavelength,
    }


def moonshine_encoder(network: keras.Model, *, source: str, pretrained: bool) -> AudioBackbone:
    """Makes a backbone of the encoder in a `keras_hub.models.MoonshineBackbone`.

    Its features are the mean of the encoder's states over the part of a row that is sound: zeros
    at the end of a row, with which a short recording is filled up, do not count.

    Args:
        network: KerasHub's network.
        source: Where the weights came from, in words.
        pretrained: Whether they are trained.
    """
    own = Copies()
    samples = keras.Input((None, 1), dtype="float32", name="samples")
    is_sound = keras.Input((None,), dtype="float32", name="is_sound")
    x = samples
    for layer in (
        network.conv1,
        network.tanh_after_conv1,
        network.group_norm,
        network.conv2,
        network.gelu_after_conv2,
        network.conv3,
        network.gelu_after_conv3,
    ):
        x = own(layer)(x)
    places = own(network.encoder_rotary_embedding)(own(network.get_layer("encoder_positions"))(x))
    x = own(network.encoder_dropout)(x)
    for block in network.encoder_blocks:
        x = own(block)(x, places, attention_mask=is_sound)
    x = own(network.encoder_final_layer_norm)(x)
    x = keras.layers.GlobalAveragePooling1D(name="mean_of_sound")(x, mask=is_sound)
    model = keras.Model([samples, is_sound], x, name="moonshine")
    copy_weights(own.pairs)
    return AudioBackbone(
        model=model,
        blocks=blocks_by_name(
            (r"encoder_block_(\d+)", r"block_\1"), (r"samples|conv1", "convolutions")
        )(model),
        preprocessing=_prepare,
        name="moonshine",
        source=source,
        pretrained=pretrained,
        sample_rate=_RATE,
        most_seconds=_MOST_SECONDS,
    )


def _prepare(audio: Tensor) -> list[Tensor]:
    """Returns samples as a column, and for each state of the encoder whether it is of sound.

    As in transformers, a state counts where the first of its samples does.
    """
    ops, missing = keras.ops, max(0, _LEAST - audio.shape[1])
    whole = ops.pad(audio, ((0, 0), (0, missing))) if missing else audio
    states = 1 + (((whole.shape[1] - 127) // 64 + 1 - 7) // 3 + 1 - 3) // 2
    heard = ops.flip(ops.cast(ops.not_equal(whole, 0.0), "float32"), axis=1)
    is_sound = ops.flip(ops.cast(ops.greater(ops.cumsum(heard, axis=1), 0.0), "float32"), axis=1)
    firsts = is_sound[:, ::_STATE][:, :states]
    # In a row of nothing but zeros all count, so that their mean is something.
    return [ops.expand_dims(whole, -1), ops.maximum(firsts, 1.0 - firsts[:, :1])]
