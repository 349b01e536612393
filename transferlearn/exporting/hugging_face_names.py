"""Turns networks of KerasHub into settings and weights as Hugging Face has them."""

from collections.abc import Callable

import keras
import numpy as np

from transferlearn.data import Corpus
from transferlearn.freezing.peft import NAMES
from transferlearn.freezing.updated import axes_of, is_updated
from transferlearn.json_fields import Json
from transferlearn.keras_internals import layers_within

_CONTEXT = 8192  # where it is not known, as KerasHub itself writes it
_ATTENTION = ("query", "key", "value")
_LLAMA = {
    **NAMES,
    "self_attention_layernorm": "input_layernorm",
    "feedforward_layernorm": "post_attention_layernorm",
}
_GPT2 = {
    "self_attention_layer_norm": "ln_1",
    "feedforward_layer_norm": "ln_2",
    "attention_output": "attn.c_proj",
    "feedforward_intermediate_dense": "mlp.c_fc",
    "feedforward_output_dense": "mlp.c_proj",
}


def network_of(model: keras.Model, kind: Corpus) -> tuple[Json, dict[str, np.ndarray]]:
    """Returns the settings of a network, and its weights by Hugging Face's names.

    Raises:
        ValueError: It is of another family.
    """
    named = {layer.name: layer for layer in model.layers}
    blocks = [layer for name, layer in named.items() if name.startswith("transformer_layer_")]
    family = type(blocks[0]).__module__.split(".")[-2] if blocks else ""
    families: dict[str, Callable[..., tuple[Json, dict[str, np.ndarray]]]] = {
        "llama": _llama,
        "llama3": _llama,
    }
    if family == "modeling" and "position_embedding" in named and "layer_norm" in named:
        families["modeling"] = _gpt2
    if family not in families:
        what = type(blocks[0]).__name__ if blocks else type(model.layers[-1]).__name__
        raise ValueError(
            f"{model.name} ({what}) cannot be written for Hugging Face: networks like Llama and "
            "GPT-2 can."
        )
    config, weights = families[family](named, blocks, kind)
    plain = {name: np.ascontiguousarray(x, np.float32) for name, x in weights.items()}
    return config, plain


def _llama(
    named: Json, blocks: list[keras.Layer], kind: Corpus
) -> tuple[Json, dict[str, np.ndarray]]:
    """Returns settings and weights of a Llama."""
    one, embedding = blocks[0], named["token_embedding"]
    if one.rope_position_scaling_factor != 1.0:
        raise ValueError("A Llama whose positions are scaled cannot be written for Hugging Face.")
    weights = {
        "model.embed_tokens.weight": array(embedding.embeddings),
        "model.norm.weight": array(named["sequence_output_layernorm"].scale),
    }
    if not embedding.tie_weights:
        weights["lm_head.weight"] = array(embedding.reverse_embeddings).T
    for i, block in enumerate(blocks):
        parts = _parts(block)
        for name, to in _LLAMA.items():
            is_norm = name.endswith("norm")
            value = array(parts[name].scale) if is_norm else _matrix(parts[name]).T
            weights[f"model.layers.{i}.{to}.weight"] = value
    tokens, width = embedding.embeddings.shape
    config: Json = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": tokens,
        "hidden_size": width,
        "intermediate_size": one.intermediate_dim,
        "num_hidden_layers": len(blocks),
        "num_attention_heads": one.num_query_heads,
        "num_key_value_heads": one.num_key_value_heads,
        "head_dim": width // one.num_query_heads,
        "max_position_embeddings": kind.context or _CONTEXT,
        "rms_norm_eps": one.layer_norm_epsilon,
        "rope_theta": float(one.rope_max_wavelength),
        "tie_word_embeddings": embedding.tie_weights,
        "hidden_act": "silu",
        "torch_dtype": "float32",
    }
    if one.rope_frequency_adjustment_factor is not None:
        config["rope_scaling"] = {
            "rope_type": "llama3",
            "factor": one.rope_frequency_adjustment_factor,
            "low_freq_factor": one.rope_low_freq_factor,
            "high_freq_factor": one.rope_high_freq_factor,
            "original_max_position_embeddings": one.rope_pretraining_sequence_length,
        }
    return config, weights


def _gpt2(
    named: Json, blocks: list[keras.Layer], kind: Corpus
) -> tuple[Json, dict[str, np.ndarray]]:
    """Returns settings and weights of a GPT-2."""
    one, embedding, places = blocks[0], named["token_embedding"], named["position_embedding"]
    weights = {
        "wte.weight": array(embedding.embeddings),
        "wpe.weight": array(places.position_embeddings),
        "ln_f.weight": array(named["layer_norm"].gamma),
        "ln_f.bias": array(named["layer_norm"].beta),
    }
    for i, block in enumerate(blocks):
        parts = _parts(block)
        three = [parts[name] for name in _ATTENTION]
        joined = {"weight": [_matrix(x) for x in three], "bias": [_flat(x.bias) for x in three]}
        for what, values in joined.items():
            weights[f"h.{i}.attn.c_attn.{what}"] = np.concatenate(values, axis=-1)
        for name, to in _GPT2.items():
            part, is_norm = parts[name], name.endswith("norm")
            weights[f"h.{i}.{to}.weight"] = array(part.gamma) if is_norm else _matrix(part)
            weights[f"h.{i}.{to}.bias"] = _flat(part.beta if is_norm else part.bias)
    tokens, width = embedding.embeddings.shape
    config: Json = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": tokens,
        "n_embd": width,
        "n_inner": one.intermediate_dim,
        "n_layer": len(blocks),
        "n_head": one.num_heads,
        "n_positions": places.position_embeddings.shape[0],
        "layer_norm_epsilon": one.layer_norm_epsilon,
        "activation_function": "gelu_new",
        "tie_word_embeddings": True,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), one.dropout),
        "torch_dtype": "float32",
    }
    return config, {f"transformer.{name}": value for name, value in weights.items()}


def _parts(block: keras.Layer) -> Json:
    """Returns the layers of a block by name."""
    return {part.name: part for part in layers_within(block)}


def array(weight: keras.Variable) -> np.ndarray:
    """Returns a weight's values."""
    return np.asarray(keras.ops.convert_to_numpy(weight))


def _flat(weight: keras.Variable) -> np.ndarray:
    """Returns a weight's values in a row."""
    return array(weight).reshape(-1)


def _matrix(part: keras.Layer) -> np.ndarray:
    """Returns a kernel as a matrix `(in, out)`, a low-rank update added."""
    kernel = array(part.merged_kernel() if is_updated(part) else part.kernel)
    axes = axes_of(part)
    assert axes is not None
    rows = np.prod([kernel.shape[axis] for axis in axes.order[: axes.summed]], dtype=int)
    return kernel.transpose(axes.order).reshape(rows, -1)
