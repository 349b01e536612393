"""Read a fitted model back."""

from pathlib import Path
from typing import Any

import keras

from transferlearn.backbones.keras_hub import keras_hub
from transferlearn.backbones.saved_model import looking_beside
from transferlearn.data import load_tokenizer
from transferlearn.fitted import FittedModel, Outline
from transferlearn.fitted_text import TOKENIZER, FittedTextModel
from transferlearn.saving import HUB, read_model, read_save
from transferlearn.schedules import PhaseResult


def load(path: str | Path, *, trusted: bool = False) -> FittedModel:
    """Reads what `FittedModel.save` wrote, after checking that not a byte has changed.

    Args:
        path: Of the folder.
        trusted: Whether to run a SavedModel in it that can do more than compute.

    Raises:
        OSError: There is no save at `path`.
        ValueError: A file is not what was saved; it is named.
    """
    path = Path(path)
    saved = read_save(path)
    if HUB in saved["versions"]:
        keras_hub()  # it makes its layers known to Keras
    history = keras.callbacks.History()
    history.on_train_begin()
    history.epoch, history.history = saved["history"]["epoch"], saved["history"]["metrics"]
    outline = saved["outline"]
    for name in ("image_size", "value_range"):
        outline[name] = outline[name] and tuple(outline[name])
    phases = [
        PhaseResult(**{**p, "frozen_layers": tuple(p["frozen_layers"])}) for p in saved["phases"]
    ]
    with looking_beside(path, trusted=trusted):
        model = read_model(path)
    parts: dict[str, Any] = {
        "model": model,
        "class_names": tuple(saved["class_names"]),
        "history": history,
        "phases": tuple(phases),
        "outline": Outline(**outline),
    }
    if outline.get("sequence_length") is None:
        return FittedModel(**parts)
    return FittedTextModel(tokenizer=load_tokenizer(path / TOKENIZER), **parts)
