"""Knows the names of backbones without importing Keras, so that a wrong one is refused at once."""

import difflib
import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PREFIXES = ("keras_hub:", "saved_model:", "hub:")
EMBEDDED = "EfficientNetLite0"


@cache
def built_in_names() -> tuple[str, ...]:
    """Returns the names of all backbones that come with Keras and with this package.

    It is empty where they cannot be read off Keras's files.
    """
    keras = find_spec("keras")
    if keras is None or keras.origin is None:
        return ()
    file = Path(keras.origin).parent / "applications" / "__init__.py"
    found = re.findall(r"\b([A-Z]\w+) as \1", file.read_text("utf-8")) if file.is_file() else []
    return (EMBEDDED, *found) if found else ()


def unknown_backbone(name: str, names: Iterable[str]) -> ValueError:
    """Makes the error that refuses a name, with the closest of the names that are known."""
    if Path(name).expanduser().is_dir():
        return ValueError(
            f"{name!r} is a folder. Say what it holds: 'keras_hub:{name}' (of KerasHub or Hugging "
            f"Face), or 'saved_model:{name}'."
        )
    known = {known.lower(): known for known in names}
    found = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.3)
    close = [known[name] for name in found]
    return ValueError(
        f"Unknown backbone. Received: backbone={name!r}. "
        f"Closest: {', '.join(close) or 'none'}. "
        "All names: transferlearn backbones, or tl.backbones.names()."
    )
