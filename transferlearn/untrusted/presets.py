"""Looks through the folder of a KerasHub preset before KerasHub reads it."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import keras

from transferlearn.json_fields import Json
from transferlearn.untrusted.configs import check_config
from transferlearn.untrusted.refusal import RefusalError
from transferlearn.untrusted.tensors import check_tensors

_TOKENIZER = "tokenizer.json"
# The files that describe an object of KerasHub's, and the family that it must be of.
_DESCRIBED = {
    "config.json": "models.Backbone",
    _TOKENIZER: "tokenizers.Tokenizer",
    "image_converter.json": "layers.ImageConverter",
}
_ASSETS = ("vocabulary", "merges", "proto")  # what a tokenizer reads from its folder
# The settings of tokenizers that are words. A word in any other may be the name of a file, as in
# `special_tokens` of Whisper's.
_WORDS = {
    "bos_token",
    "dtype",
    "eos_token",
    "errors",
    "input_encoding",
    "name",
    "normalization_form",
    "oov_token",
    "output_encoding",
    "split_pattern",
    "suffix_indicator",
}
# Lists of the files that hold a network's weights, in KerasHub's and in Hugging Face's format.
_INDICES = ("*.weights.json", "*.safetensors.index.json")


def check_preset(folder: Path) -> None:
    """Raises `RefusalError` if a preset's folder holds anything but what KerasHub's networks need.

    Folders of Hugging Face's describe no objects: KerasHub reads numbers and tensors from them.

    Raises:
        RefusalError: A description names something else, or a weight file holds it.
        ValueError: A file is damaged.
    """
    for name, family in _DESCRIBED.items():
        file = folder / name
        described = _read(file) if file.is_file() else {}
        if "registered_name" in described:
            try:
                _check_described(described, family)
            except RefusalError as error:
                raise RefusalError(f"{file} is refused: {error}") from error
    for index in (file for pattern in _INDICES for file in sorted(folder.glob(pattern))):
        named = keras.tree.flatten(_read(index).get("weight_map"))
        if strange := [name for name in named if not _is_plain_name(name)]:
            raise RefusalError(
                f"{index} is refused: it names {strange[0]!r:.99}, no file beside it"
            )
    for file in sorted(folder.glob("*.h5")):
        try:
            check_tensors(file)
        except RefusalError as error:
            raise RefusalError(f"{file} is refused: {error}") from error


def plain_settings(config: Json) -> Json:
    """Returns a tokenizer's settings, which may neither name a file nor make another object.

    Raises:
        RefusalError: They do.
    """
    policy = config["dtype"]
    config = {**config, "dtype": policy["config"]["name"] if isinstance(policy, dict) else policy}
    if named := [name for name in _ASSETS if config.get(name) is not None]:
        raise RefusalError(f"its {named[0]} is taken from elsewhere than the folder")
    if nested := [name for name, value in config.items() if isinstance(value, dict)]:
        raise RefusalError(f"its {nested[0]} is another object")
    words = {name for name, value in config.items() if isinstance(value, str)}
    if strange := sorted(words - _WORDS - {"config_file"}):
        raise RefusalError(f"its {strange[0]} is a word, which may be the name of a file")
    if not _is_plain_name(config.get("config_file", _TOKENIZER)):
        raise RefusalError("its config_file lies elsewhere than in the folder")
    return config


def _is_plain_name(name: object) -> bool:
    """Returns whether this is the name of a file, and no path to another folder."""
    return isinstance(name, str) and Path(name).name == name


def _read(file: Path) -> Json:
    """Reads a JSON file; what is no object of JSON's has no entries."""
    try:
        described = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    return described if isinstance(described, dict) else {}


def _check_described(described: Json, family: str) -> None:
    """Raises `RefusalError` unless this describes an object of a family of KerasHub's."""
    home, _, name = family.partition(".")
    wanted = getattr(getattr(import_module("keras_hub"), home), name)
    registered = described["registered_name"]
    found: Any = keras.saving.get_registered_object(registered)
    same = described.get("class_name") == getattr(found, "__name__", None)
    if not (isinstance(found, type) and issubclass(found, wanted) and same):
        raise RefusalError(f"it names {registered!r:.99}, which is no {name} of KerasHub's")
    if family == "models.Backbone":
        check_config(described, {})
    elif family == "tokenizers.Tokenizer":
        plain_settings(described["config"])
    else:
        check_config(described["config"], {})
