"""Finds what a user has written: a builder that `--task` names, a module that `--import` names."""

import difflib
import inspect
import re
import sys
from argparse import ArgumentTypeError
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from transferlearn.cli.starting import import_keras

if TYPE_CHECKING:
    from transferlearn.builders import Builder

_MODULE = r"[^\W\d]\w*(\.[^\W\d]\w*)*"


def module_name(text: str) -> str:
    """Reads a text such as `"package.module"` as the name of a module."""
    if re.fullmatch(_MODULE, text) is None:
        raise ArgumentTypeError(f"expected a module, such as package.module. Received: {text!r}")
    return text


def is_own(task: str) -> bool:
    """Returns whether a task is a builder of the user's, as `package.module:Builder`."""
    return re.fullmatch(rf"{_MODULE}:[^\W\d]\w*", task) is not None


def import_own(name: str) -> ModuleType:
    """Imports a module that was named, also from the folder in which the command was typed.

    Raises:
        ImportError: There is none, or it cannot be imported.
    """
    import_keras()
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(name)
    except Exception as error:  # the user's code may raise anything
        missing = isinstance(error, ModuleNotFoundError) and error.name
        if missing and f"{name}.".startswith(f"{missing}."):
            raise ImportError(
                f"There is no module {name!r} in {here}, nor among the installed ones."
            ) from None
        reason = f"{type(error).__name__}: {error}"
        raise ImportError(f"The module {name!r} cannot be imported: {reason}") from error


def own_builder(task: str) -> "type[Builder]":
    """Imports the builder that a task names.

    Raises:
        ImportError: There is no such module, or nothing of that name in it.
        TypeError: It is no builder, or not a whole one.
    """
    name, _, attribute = task.partition(":")
    module = import_own(name)
    from transferlearn.builders import Builder

    found = getattr(module, attribute, None)
    if found is None:
        near = difflib.get_close_matches(attribute, vars(module), 1)
        hint = f" Closest: {near[0]}." if near else ""
        raise ImportError(f"The module {name!r} has no {attribute}.{hint}")
    if not (isinstance(found, type) and issubclass(found, Builder)):
        raise TypeError(f"--task names a subclass of tl.builders.Builder. {task} is none.")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise TypeError(f"{task} is no whole builder yet: it lacks {missing}.")
    return found


def items_of_builder(builder: "type[Builder]") -> str:
    """Returns what a builder takes: `"photos"`, `"texts"`, `"recordings"`, or else `"items"`."""
    from transferlearn import builders

    families = {
        "photos": builders.ImageBuilder,
        "texts": builders.EncoderBuilder,
        "recordings": builders.AudioBuilder,
    }
    return next((noun for noun, one in families.items() if issubclass(builder, one)), "items")


def settings_of(builder: "type[Builder]") -> set[str]:
    """Returns the names of a builder's settings."""
    return {field.name for field in fields(builder)}


def names_backbone(builder: "type[Builder]") -> bool:
    """Returns whether a builder has a backbone of its own, so that none needs to be named."""
    (backbone,) = (field for field in fields(builder) if field.name == "backbone")
    return backbone.default is not MISSING or backbone.default_factory is not MISSING
