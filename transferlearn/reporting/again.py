"""Writes the lines of Python that repeat a training, from what its outline records."""

import importlib
from collections.abc import Mapping

from transferlearn.fitted import Outline

_PLACES = ("", "schedules", "freezing", "heads", "data", "backbones", "tasks", "edge")  # of names
_OURS = "transferlearn."
_DATA = "validation_data"  # of which an outline knows only that it was given
_OF_FIT = ("schedule", "callbacks")  # settings that `fit` takes, not the builder


def code_of(outline: Outline, temperature: float = 1.0) -> str:
    """Writes the lines; what they cannot tell, such as a layer of one's own, is named only."""
    settings = {k: v for k, v in outline.settings.items() if k != "schedule_augmentation"}
    of_fit = {name: settings.pop(name) for name in _OF_FIT if name in settings}
    builder = _name(outline.builder) if outline.builder else "builder_class"
    fields = "".join(f"    {name}={_value(value)},\n" for name, value in settings.items())
    options = "".join(
        f", {name}={'validation' if name == _DATA else _value(value)}"
        for name, value in {**outline.arguments, **of_fit}.items()
    )
    calibrated = f"fitted.calibrate(validation)  # temperature {temperature:.4g}\n"
    return (
        "import transferlearn as tl\n\n"
        f"builder = {builder}(\n    {outline.backbone!r},\n{fields})\n"
        f"fitted = builder.fit(train{options})\n"
        f"{calibrated if temperature != 1 else ''}"
        "fitted.evaluate(test)"
    )


def _value(config: object) -> str:
    """Writes a setting, as `configs.write` describes it, as Python would have it."""
    if isinstance(config, list):
        inside = ", ".join(map(_value, config))
        return f"({inside}{',' if len(config) == 1 else ''})"
    if not isinstance(config, Mapping):
        return repr(config)
    if config.get("class") == "dict":
        pairs = (f"{name!r}: {_value(value)}" for name, value in config["settings"].items())
        return f"{{{', '.join(pairs)}}}"
    of_keras = config.get("keras") or {}
    settings = config.get("settings") or of_keras.get("config") or {}
    name = _name(config["class"])
    if "class_name" in of_keras:
        name = f"{of_keras['module'] or ''}.{of_keras['class_name']}".lstrip(".")
    inside = ", ".join(f"{name}={_value(value)}" for name, value in settings.items())
    return f"{name}({inside})" if settings or "settings" in config or of_keras else name


def _name(path: str) -> str:
    """Writes the name of a class as it is reached after `import transferlearn as tl`."""
    name = path.rpartition(".")[2]
    if not path.startswith(_OURS):
        return path
    # By name, since the package itself names what is above this folder, too.
    places = {place: importlib.import_module(f"{_OURS}{place}".strip(".")) for place in _PLACES}
    found = next((place for place, module in places.items() if hasattr(module, name)), "")
    return ".".join(filter(None, ("tl", found, name)))
