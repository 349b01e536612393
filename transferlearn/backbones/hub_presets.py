"""Reads KerasHub's presets, and folders that KerasHub or Hugging Face wrote."""

import contextlib
import json
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import keras

from transferlearn.backbones.hub_layers import mend_bart, mend_configs
from transferlearn.backbones.moonshine import is_moonshine, read_moonshine
from transferlearn.backbones.whisper import is_whisper, read_whisper
from transferlearn.checks import number
from transferlearn.edge.chat import ChatTemplate
from transferlearn.extras import install_line
from transferlearn.json_fields import Json
from transferlearn.untrusted import RefusalError, check_preset, check_size, plain_settings

PREFIX = "keras_hub:"
_WIDER = 4  # weights may be stored in half precision, or quantised, and few may be missing
# What a preset of KerasHub's format may hold besides its weights and its `config.json`.
_BESIDE = (
    "tokenizer.json",
    "image_converter.json",
    "assets/tokenizer/merges.txt",
    "assets/tokenizer/vocabulary.json",
    "assets/tokenizer/vocabulary.spm",
    "assets/tokenizer/vocabulary.txt",
)


def keras_hub() -> Any:
    """Imports the package `keras_hub`, or raises an `ImportError` that says what to install."""
    try:
        hub = import_module("keras_hub")
    except ImportError as error:
        raise ImportError(
            f"KerasHub's networks need another package: {install_line('hub')}. ({error})"
        ) from error
    mend_configs()
    mend_bart()
    return hub


def folder_of(name: str) -> Path | None:
    """Returns the folder that the name ends with; `None` for a preset."""
    path = Path(name.removeprefix(PREFIX)).expanduser()
    return path if path.is_dir() else None


def network(name: str, *, load_weights: bool) -> keras.Model:
    """Loads a network; KerasHub itself reads no Whisper and no Moonshine that others wrote."""
    folder = folder_of(name)
    for is_one, read in ((is_whisper, read_whisper), (is_moonshine, read_moonshine)):
        if folder is not None and is_one(folder):
            check_preset(folder)
            return read(folder, keras_hub(), pretrained=load_weights)
    settings = {} if folder is None else _left_out(settings_of(folder / "config.json"))
    return from_preset(name, "Backbone", load_weights=load_weights, **settings)


def most_tokens(name: str) -> int | None:
    """Returns the tokens that a decoder of a Hugging Face folder reads; `None`: it is not known."""
    folder = folder_of(name)
    config = {} if folder is None else settings_of(folder / "config.json")
    most = config.get("max_position_embeddings")
    # Where positions are learnt, KerasHub's network itself knows how many there are.
    rotary = config.get("model_type") == "llama" or config.keys() & {
        "rope_theta",
        "rope_parameters",
    }
    return most if rotary and isinstance(most, int) and most > 0 else None


def chat_template_of(folder: Path) -> ChatTemplate | None:
    """Returns the chat template of a Hugging Face folder; `None`: it has none."""
    config, file = settings_of(folder / "tokenizer_config.json"), folder / "chat_template.jinja"
    source = file.read_text("utf-8") if file.is_file() else config.get("chat_template")
    if isinstance(source, list):  # several, by their names
        named = [one for one in source if isinstance(one, dict) and one.get("name") == "default"]
        source = named[0].get("template") if named else None
    if not isinstance(source, str):
        return None
    words = {name: config.get(f"{name}_token") for name in ("bos", "eos", "pad", "unk")}
    spelled = {n: w.get("content") if isinstance(w, dict) else w for n, w in words.items()}
    known = ((f"{name}_token", word) for name, word in spelled.items() if isinstance(word, str))
    return ChatTemplate(source, tuple(known))


def _left_out(config: Json) -> Json:
    """Returns the settings of a Hugging Face folder that KerasHub's converter leaves out."""
    if config.get("model_type") == "llama" and "rms_norm_eps" in config:
        return {"layer_norm_epsilon": number("rms_norm_eps", config["rms_norm_eps"], above=0)}
    return {}


def from_preset(name: str, class_name: str, *, module: str = "models", **settings: Any) -> Any:
    """Loads an object of KerasHub from a preset or folder, or raises a helpful `OSError`."""
    loader = getattr(getattr(keras_hub(), module), class_name)
    preset = name.removeprefix(PREFIX)
    with _explained(name, class_name):
        folder = folder_of(name) or _downloaded(preset, weights=settings.get("load_weights", False))
    if folder is None:
        with _explained(name, class_name):
            return loader.from_preset(preset, **settings)
    check_preset(folder)
    with _explained(name, class_name):
        if settings.get("load_weights"):
            files = [*folder.glob("*.h5"), *folder.glob("*.safetensors")]
            size = sum(file.stat().st_size for file in files)
            make = partial(loader.from_preset, str(folder), load_weights=False)
            check_size(make, _WIDER * size)
        return loader.from_preset(str(folder), **settings)


@contextlib.contextmanager
def _explained(name: str, class_name: str) -> Iterator[None]:
    """Turns KerasHub's errors of all sorts into an `OSError` that says what was expected."""
    try:
        yield
    except RefusalError as error:
        raise RefusalError(f"{name.removeprefix(PREFIX)} is refused: {error}") from error
    except Exception as error:
        raise OSError(
            f"The {class_name.lower()} of {name!r} could not be loaded. Expected a preset's name "
            "(keras.io/keras_hub/presets) where Kaggle can be reached, or a folder that KerasHub "
            "(save_to_preset) or Hugging Face (config.json, model.safetensors, vocab.txt) wrote. "
            f"KerasHub says: {error!s:.500}"
        ) from error


def _downloaded(preset: str, *, weights: bool) -> Path | None:
    """Downloads a preset whose files describe objects, which are looked through before it is read.

    Returns:
        The folder; `None` if the files describe no objects, as those of Hugging Face's networks.
    """
    get: Any = import_module("keras_hub.src.utils.preset_utils").get_file
    folder = Path(get(preset, "config.json")).parent
    if "registered_name" not in settings_of(folder / "config.json"):
        return None
    for name in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            get(preset, name)
    if weights:
        try:
            get(preset, "model.weights.h5")
        except FileNotFoundError:  # a large network's are in several files
            index = Path(get(preset, "model.weights.json"))
            check_preset(folder)  # that these are names of files
            for name in sorted(set(keras.tree.flatten(settings_of(index)["weight_map"]))):
                get(preset, name)
    return folder


def settings_of(file: Path) -> Json:
    """Reads a JSON file of settings; a file that is not there has none."""
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text("utf-8")))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file} is damaged: {error}") from error


def saved_settings(tokenizer: object) -> Json:
    """Returns what a save holds of a tokenizer besides its vocabulary.

    KerasHub's tokenizer of Llama leaves its special tokens out, and would take those of Llama 3:
    the tokens that begin and end a text are added, then the others.
    """
    settings: Json = keras.saving.serialize_keras_object(tokenizer)
    if isinstance(tokenizer, keras_hub().tokenizers.Llama3Tokenizer):
        ends = [tokenizer.start_token, tokenizer.end_token]
        settings["special_tokens"] = [*ends, *sorted(tokenizer.special_tokens)]
    return settings


def settings_for(saved: Json) -> Json:
    """Returns what makes a tokenizer of what `saved_settings` returned.

    Raises:
        ValueError: They name files or other objects, or the tokens are no words.
    """
    config, tokens = plain_settings(saved["config"]), saved.get("special_tokens")
    if tokens is None:
        return config
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ValueError(f"its special tokens are no words: {tokens!r:.99}")
    start, end, *others = tokens
    return {**config, "bos_token": start, "eos_token": end, "misc_special_tokens": {*others}}
