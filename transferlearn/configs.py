"""Turns settings into data that a save can hold, and makes objects of such data again.

Nothing is imported by name: an object is made again only by a class that is known already, and
only if it is of a family that the reader asks for.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import keras
import numpy as np

_PACKAGE = __name__.partition(".")[0]
# Values that JSON takes as they are.
_PLAIN = (str, int, float, bool, type(None))


def write(value: object) -> Any:
    """Turns a setting into data that JSON can hold.

    Args:
        value: The setting. Plain values and lists stay what they are, and a tuple becomes a list. A
            mapping becomes its values by name, a dataclass its class and those of its fields that
            differ from their defaults, an object of Keras what `keras.saving` makes of it, a
            class or function its name, and anything else the name of its class.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        return [write(part) for part in value]
    if isinstance(value, Mapping):
        return {"class": "dict", "settings": {str(name): write(value[name]) for name in value}}
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: write(getattr(value, f.name)) for f in changed_fields(value)}
        return {"class": class_name(type(value)), "settings": changed}
    if hasattr(value, "get_config") and type(value).__module__.split(".")[0] == "keras":
        return {"class": class_name(type(value)), "keras": _keras_config(value)}
    named = value if hasattr(value, "__qualname__") else type(value)
    return {"class": class_name(named)}


def read(config: object, family: type) -> Any:
    """Makes the object that `write` described; `None` if it is none of `family`'s known classes.

    Args:
        config: The data that `write` gave.
        family: The base class of all objects that may be made.
    """
    if not isinstance(config, Mapping) or "settings" not in config:
        return None
    found = subclasses(family).get(config["class"])
    if found is None:
        return None
    settings = {name: _value(part, family) for name, part in config["settings"].items()}
    return found(**settings)


def subclasses(family: type) -> dict[str, type]:
    """Finds a class and all its known subclasses, by the names that `write` gives them."""
    members = [family]
    for member in members:
        members += member.__subclasses__()
    # Where a notebook's cell was run twice, two classes have one name: the later one counts.
    return {class_name(member): member for member in members}


def class_name(named: Any) -> str:
    """A class's or function's name after its module or, if it is ours or Keras's, package."""
    # Files of a package may be moved, and saves that name its classes must stay readable.
    module = named.__module__ or ""
    home = module.partition(".")[0]
    return f"{home if home in (_PACKAGE, 'keras') else module}.{named.__qualname__}"


def changed_fields(value: Any) -> list[Field]:
    """Returns the fields of a dataclass that differ from their defaults."""
    return [f for f in fields(value) if f.init and not _equal(getattr(value, f.name), _default(f))]


def _default(field: Field) -> Any:
    """Returns the default value of a field."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _equal(value: object, default: object) -> bool:
    """Returns whether a value equals its default; arrays never do."""
    equal = value == default  # of arrays an array, which says nothing: they count as changed
    return equal if isinstance(equal, bool) else False


def _value(part: object, family: type) -> Any:
    """Turns the data of one setting back into a value."""
    if isinstance(part, list):
        return tuple(_value(item, family) for item in part)
    if isinstance(part, Mapping):
        return part["settings"] if part["class"] == "dict" else read(part, family)
    return part


def _keras_config(value: object) -> Any:
    """Returns Keras's config of an object, or `None` if it cannot be had."""
    try:
        return keras.saving.serialize_keras_object(value)
    except (NotImplementedError, TypeError, ValueError):
        return None
