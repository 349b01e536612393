"""Writes the lines of Python that repeat a training, from what its outline records."""

import importlib
from collections.abc import Mapping
from typing import Any

import transferlearn
from transferlearn.fitted import Outline

_PLACES = ("schedules", "freezing", "heads", "data", "backbones", "tasks")  # of public names
_OURS = "transferlearn."
_OF_FIT = ("schedule", "callbacks")  # settings that `fit` takes, not the builder


def code_of(outline: Outline) -> str:
    """Writes the lines; what they cannot tell, such as a layer of one's own, is named only."""
    settings = dict(outline.settings)
    of_fit = {name: settings.pop(name) for name in _OF_FIT if name in settings}
    if outline.epochs is not None:
        of_fit = {"epochs": outline.epochs, **of_fit}
    builder = _name(outline.builder) if outline.builder else "builder_class"
    fields = "".join(f"    {name}={_value(value)},\n" for name, value in settings.items())
    options = "".join(f", {name}={_value(value)}" for name, value in of_fit.items())
    return (
        "import transferlearn as tl\n\n"
        f"builder = {builder}(\n    {outline.backbone!r},\n{fields})\n"
        f"fitted = builder.fit(train{options})\n"
        "fitted.evaluate(test)"
    )


def _value(config: Any) -> str:
    """Writes a setting, as `configs.write` describes it, as Python would have it."""
    if isinstance(config, list):
        inside = ", ".join(map(_value, config))
        return f"({inside}{',' if len(config) == 1 else ''})"
    if not isinstance(config, Mapping):
        return repr(config)
    if config.get("class") == "dict":
        pairs = (f"{name!r}: {_value(value)}" for name, value in config["settings"].items())
        return f"{{{', '.join(pairs)}}}"
    settings = config.get("settings") or (config.get("keras") or {}).get("config") or {}
    inside = ", ".join(f"{name}={_value(value)}" for name, value in settings.items())
    is_object = "settings" in config or "keras" in config
    return f"{_name(config['class'])}({inside})" if is_object else _name(config["class"])


def _name(path: str) -> str:
    """Writes the name of a class as it is reached after `import transferlearn as tl`."""
    name = path.rpartition(".")[2]
    if not path.startswith(_OURS):
        return path
    if name in transferlearn.__all__:
        return f"tl.{name}"
    modules = (place for place in _PLACES if _has(place, name))
    return f"tl.{next(modules, '')}.{name}".replace("..", ".")


def _has(place: str, name: str) -> bool:
    """Says whether a public module has this name."""
    return hasattr(importlib.import_module(f"{_OURS}{place}"), name)
