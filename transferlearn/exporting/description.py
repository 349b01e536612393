"""Describes a fitted model, for `export.json` and for the model's own file."""

import hashlib
import json
from collections.abc import Mapping
from importlib import metadata

import keras
import numpy as np

from transferlearn.edge import Description, TensorSpec
from transferlearn.fitted import FittedModel
from transferlearn.json_fields import Json


def describe(
    fitted: FittedModel,
    format: str,
    inputs: Mapping[str, TensorSpec],
    outputs: Mapping[str, TensorSpec],
) -> Description:
    """Describes a model that takes and gives these arrays; no file is named yet."""
    return Description(
        format=format,
        model="",
        quantize=None,
        inputs=inputs,
        outputs=outputs,
        **_readers(fitted),
        model_hash=model_hash(fitted),
        made_by={"transferlearn": metadata.version("transferlearn"), "keras": keras.__version__},
    )


def embedded(fitted: FittedModel) -> dict[str, str]:
    """Returns what a model's file says of itself, as texts."""
    readers = {name: json.dumps(value) for name, value in _readers(fitted).items()}
    return {"made_by": "transferlearn", "model_hash": model_hash(fitted), **readers}


def model_hash(fitted: FittedModel) -> str:
    """Returns a SHA-256 of a model's weights and of the settings that its answers depend on."""
    settings = [fitted.kind.settings(), fitted.encoding.settings(), fitted.temperature]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for weight in fitted.model.weights:
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    return digest.hexdigest()


def _readers(fitted: FittedModel) -> Json:
    """Returns the name and the settings of what reads items, and of what reads outputs."""
    readers = {
        "item_reader": fitted.kind.item_reader(),
        "output_reader": fitted.encoding.output_reader(),
    }
    return {
        name: {"name": reader.name, "settings": reader.settings()}
        for name, reader in readers.items()
    }
