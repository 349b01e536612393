"""Mends layers of KerasHub whose `get_config` fails or leaves out what makes the layer again."""

import inspect
from functools import cache
from importlib import import_module
from typing import Any

import keras

from transferlearn.json_fields import Json

# Keras-hub 0.32: Llama's asks for an attribute that there is not; the others leave out arguments.
_BROKEN = (
    ("llama.llama_decoder", "LlamaTransformerDecoder"),
    ("qwen.qwen_decoder", "QwenTransformerDecoder"),
    ("qwen3.qwen3_decoder", "Qwen3TransformerDecoder"),
    ("qwen3.qwen3_layernorm", "Qwen3LayerNorm"),
    ("gpt_neo_x.gpt_neo_x_decoder", "GPTNeoXDecoder"),
    ("mixtral.mixtral_decoder", "MixtralTransformerDecoder"),
    ("qwen_moe.qwen_moe_decoder", "QwenMoeTransformerDecoder"),
)


@cache
def mend_bart() -> None:
    """Lets the converter of BART read what transformers 5 writes; it refuses uneven networks."""
    converter: Any = import_module("keras_hub.src.utils.transformers.convert_bart")
    convert = converter.convert_backbone_config

    def mended(config: Json) -> keras.Layer:
        layers = {config.get(f"{part}_layers") for part in ("encoder", "decoder")}
        if len(layers) > 1:
            raise ValueError(
                "KerasHub's BART has as many layers in the encoder as in the decoder. Received: "
                f"{config.get('encoder_layers')} and {config.get('decoder_layers')}"
            )
        return convert({"num_hidden_layers": config.get("encoder_layers"), **config})

    converter.convert_backbone_config = mended


@cache
def mend_configs() -> None:
    """Gives decoder layers of KerasHub a `get_config` that makes them again."""
    for module, name in _BROKEN:
        broken = getattr(import_module(f"keras_hub.src.models.{module}"), name)
        broken.get_config = _config


def _config(layer: keras.Layer) -> Json:
    """Returns the arguments of a layer's constructor, from the attributes of their names."""
    config = keras.Layer.get_config(layer)
    for name, parameter in inspect.signature(type(layer).__init__).parameters.items():
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
            config[name] = _plain(getattr(layer, name))
    return config


def _plain(value: object) -> Any:
    """Returns a value as a config holds it."""
    if isinstance(value, keras.initializers.Initializer):
        return keras.initializers.serialize(value)
    return keras.activations.serialize(value) if callable(value) else value
