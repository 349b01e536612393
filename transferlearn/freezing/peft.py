"""Reads and writes low-rank updates as PEFT's folders, of other programs too."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from transferlearn.extras import require
from transferlearn.freezing.low_rank import LowRank, updates_of
from transferlearn.freezing.updated import Updated, is_updated, matrix_shape, update
from transferlearn.json_fields import Json

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
# Hugging Face's names in networks such as Llama, of which KerasHub's blocks are numbered, too.
NAMES = {
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "attention_output": "self_attn.o_proj",
    "feedforward_gate_dense": "mlp.gate_proj",
    "feedforward_intermediate_dense": "mlp.up_proj",
    "feedforward_output_dense": "mlp.down_proj",
}
_LIKE_LLAMA = re.compile(r"keras_hub\.src\.models\.(llama3?|mistral|qwen3?)\.")
# Settings of PEFT that change what is computed, and how they must stand.
_PLAIN: Json = {
    "peft_type": "LORA",
    "bias": "none",
    "fan_in_fan_out": False,
    "use_rslora": False,
    "use_dora": False,
    "rank_pattern": {},
    "alpha_pattern": {},
}
# More of them, which older versions of PEFT do not know: these are read, and never written.
_READ_ONLY: Json = {
    "lora_bias": False,
    "use_qalora": False,
    "layer_replication": None,
    "alora_invocation_tokens": None,
}
_NAMED = re.compile(r".+\.[^.]+\.lora_[AB]\.weight", re.DOTALL)
_BEGINNINGS = (None, True, False, "gaussian", "eva", "orthogonal")  # others change the kernels
_LARGEST = 1e9  # of a weight and of what it is multiplied by: products are numbers in float32


def write_updates(layers: Sequence[keras.Layer], folder: Path, base: str) -> None:
    """Writes the updates of layers as a PEFT folder, which must be there.

    Args:
        layers: The layers of a network.
        folder: The folder.
        base: The name of the network that they were trained on.

    Raises:
        ValueError: There are no updates.
    """
    require("A folder of PEFT", "hub", "safetensors")
    from safetensors.numpy import save_file

    named = _named(layers)
    if not named:
        raise ValueError(
            "The network has no low-rank updates: train it with freeze=tl.freezing.LowRank(8)."
        )
    one = next(iter(named.values()))
    rank = int(one.lora_a.shape[1])
    numbers = sorted({int(n) for name in named for n in re.findall(r"\.layers\.(\d+)\.", name)})
    config = {
        **_PLAIN,
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.removeprefix("keras_hub:"),
        "r": rank,
        "lora_alpha": one.scale * rank,
        "lora_dropout": 0.0,
        "target_modules": sorted({name.rsplit(".", 1)[1] for name in named}),
        "layers_to_transform": numbers or None,
        "inference_mode": True,
    }
    weights = {}
    for name, part in named.items():
        for factor, weight in (("A", part.lora_a), ("B", part.lora_b)):
            matrix = keras.ops.convert_to_numpy(weight).astype("float32").T
            weights[f"{name}.lora_{factor}.weight"] = np.ascontiguousarray(matrix)
    save_file(weights, str(folder / WEIGHTS), {"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config, indent=2), "utf-8")


def read_updates(layers: Sequence[keras.Layer], folder: Path) -> None:
    """Puts the updates of a PEFT folder into layers, to which they are added if need be.

    Raises:
        OSError: There is no such folder.
        ValueError: It is no folder of low-rank updates, or one of another network.
    """
    weights = _weights(folder)
    settings = _settings(folder, weights)
    parts = dict(_named(layers)) or _targets(layers, settings, weights)
    try:
        _check(parts, settings, weights)
    except ValueError as error:
        raise ValueError(f"{folder} is of another network: {error}") from error
    for name, part in parts.items():
        if not is_updated(part):
            update(part, settings.rank, settings.scale)
        assert is_updated(part)
        part.lora_a.assign(weights[f"{name}.lora_A.weight"].T)
        part.lora_b.assign(weights[f"{name}.lora_B.weight"].T)
        object.__setattr__(part, "scale", settings.scale)


def _targets(
    layers: Sequence[keras.Layer], added: LowRank, weights: Mapping[str, np.ndarray]
) -> dict[str, keras.Layer]:
    """Returns the parts of layers that a folder has updates for, by PEFT's names."""
    named = {_name(layer, part): part for layer in layers for part in added.parts(layer)}
    return {name: part for name, part in named.items() if f"{name}.lora_A.weight" in weights}


def _check(
    parts: Mapping[str, keras.Layer], added: LowRank, weights: Mapping[str, np.ndarray]
) -> None:
    """Raises `ValueError` where matrices do not fit; before anything is made of their sizes."""
    expected = {}
    for name, part in parts.items():
        rows, columns = matrix_shape(part)
        rank = int(part.lora_a.shape[1]) if is_updated(part) else added.rank
        if rank != added.rank:
            raise ValueError(f"its updates have the rank {added.rank}, and the network's {rank}.")
        expected[f"{name}.lora_A.weight"] = (rank, rows)
        expected[f"{name}.lora_B.weight"] = (columns, rank)
    if missing := sorted(expected.keys() ^ weights.keys()):
        where = "the network" if missing[0] in weights else "the folder"
        raise ValueError(f"{where} has no {missing[0]:.200}.")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ValueError(
                f"{name} has the shape {weights[name].shape}, and the network's {shape}."
            )


def _weights(folder: Path) -> dict[str, np.ndarray]:
    """Reads the matrices of a folder; refuses what is no number."""
    require("A folder of PEFT", "hub", "safetensors")
    import safetensors
    from safetensors.numpy import load_file

    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise OSError(f"{folder} holds no {CONFIG} or no {WEIGHTS}, as PEFT writes them.")
    try:
        found = load_file(folder / WEIGHTS)
    except (safetensors.SafetensorError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged: {error}") from error
    for name, matrix in found.items():
        if not _NAMED.fullmatch(name) or matrix.ndim != 2 or matrix.dtype.kind == "c":
            raise ValueError(f"{folder / WEIGHTS}: {name:.200} is no matrix of a low-rank update.")
        with np.errstate(over="ignore"):
            found[name] = matrix.astype("float32")
        if not (np.abs(found[name]) < _LARGEST).all():
            raise ValueError(f"{folder / WEIGHTS}: {name:.200} holds NaN, or too large a number.")
    return found


def _settings(folder: Path, weights: Mapping[str, np.ndarray]) -> LowRank:
    """Reads the settings of a folder's updates, which must be plain ones."""
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        if not isinstance(config, dict) or not weights:
            raise ValueError(f"it is no object, or {WEIGHTS} is empty")
        for name, plain in {**_PLAIN, **_READ_ONLY}.items():
            if config.get(name, plain) not in (plain, None):
                raise ValueError(f"{name} is {config[name]!r:.60}, and only {plain!r} can be read")
        if (begun := config.get("init_lora_weights")) not in _BEGINNINGS:
            raise ValueError(f"init_lora_weights is {begun!r:.60}, which changes the network, too")
        ours = {hub.rsplit(".", 1)[1]: name for name, hub in NAMES.items()}
        ends = {name.rsplit(".lora_", 1)[0].rsplit(".", 1)[1] for name in weights}
        targets = tuple(sorted(ours.get(end, end) for end in ends))
        found = LowRank(config["r"], config["lora_alpha"], targets)
        if found.scale > _LARGEST:
            raise ValueError(f"lora_alpha is {found.alpha:g}, too large for float32")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{folder / CONFIG} cannot be used: {error!s:.300}.") from error
    return found


def _named(layers: Sequence[keras.Layer]) -> dict[str, Updated]:
    """Returns the layers with updates by PEFT's names."""
    return {_name(layer, part): part for layer, part in updates_of(layers)}


def _name(layer: keras.Layer, part: Any) -> str:
    """Returns PEFT's name of a layer inside another; our own where the network is no Llama."""
    number = re.search(r"_(\d+)$", layer.name)
    if number and part.name in NAMES and _LIKE_LLAMA.match(type(layer).__module__):
        return f"base_model.model.model.layers.{number[1]}.{NAMES[part.name]}"
    return f"base_model.model.{part.path.replace('/', '.')}"
