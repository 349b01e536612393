"""Checks the config of a model from end to end, before Keras sees it."""

from collections.abc import Collection, Iterator
from typing import Any, TypeAlias

from transferlearn.json_fields import Json
from transferlearn.untrusted.classes import (
    OURS,
    SAVED_MODEL,
    Named,
    is_own,
    refusal,
    refusal_of_text,
)
from transferlearn.untrusted.refusal import RefusalError

_Place: TypeAlias = tuple[Any, str | int] | None  # the place of what a value is in, and its key
_SHOWN = 200  # characters of a place, and of a key, that a message shows


def check_config(config: object, own: Named, programs: Collection[str] = ()) -> bool:
    """Raises `RefusalError` if anything in a config is not allowed, at any depth.

    Args:
        config: The config, as JSON gives it.
        own: The classes and functions that the user allows, by the name that is in the config.
        programs: The hashes of the SavedModels that lie beside the config.

    Returns:
        Whether it names classes or functions that are not Keras's.
    """
    names_own = False
    for place, value in _parts(config):
        reason = ""
        if isinstance(value, str):
            # The class itself, which a name elsewhere stands for, may be called with any arguments.
            names_entry = place is not None and place[1] == "registered_name" and value in OURS
            reason = "" if names_entry else refusal_of_text(value, own)
            names_own = names_own or is_own(value, own)
        if isinstance(value, dict) and "class_name" in value:
            reason = refusal(value, own) or _refusal_of_state(value)
            reason = reason or _refusal_of_program(value, programs)
        if isinstance(value, dict) and "inbound_nodes" in value:
            reason = reason or _refusal_of_nodes(value["inbound_nodes"])
        if reason:
            raise RefusalError(f"at {_written(place) or 'its beginning'}, {reason}")
    return names_own


def without_training(config: object) -> Any:
    """Returns a config without what models were compiled with, which may name anything."""
    if isinstance(config, dict):
        return {k: without_training(v) for k, v in config.items() if k != "compile_config"}
    return [without_training(part) for part in config] if isinstance(config, list) else config


def _parts(config: object) -> Iterator[tuple[_Place, object]]:
    """Yields all values in a config, each with its place."""
    # Places are written out for messages only, and nothing is kept of what was yielded: a key of
    # a megabyte may hold a million values.
    yield None, config
    waiting: list[tuple[_Place, Iterator[tuple[str | int, object]]]] = [(None, _entries(config))]
    while waiting:
        place, entries = waiting[-1]
        for key, value in entries:
            yield (place, key), value
            if isinstance(value, (dict, list)):
                waiting.append(((place, key), _entries(value)))
                break
        else:
            waiting.pop()


def _entries(value: object) -> Iterator[tuple[str | int, object]]:
    """Yields the keys and values of a dict or list; of anything else nothing."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _written(place: _Place) -> str:
    """Writes a place, such as `config.layers[3].config`; of a long one the end."""
    written = ""
    while place is not None and len(written) <= _SHOWN:
        place, key = place
        name = f"[{key}]" if isinstance(key, int) else f".{key[:_SHOWN]}"
        written = name + written
    return f"...{written[-_SHOWN:]}" if len(written) > _SHOWN else written.lstrip(".")


def _refusal_of_state(entry: Json) -> str:
    """Explains why a layer is refused that keeps a state between batches; `""` if it keeps none.

    Keras makes the state of a whole batch, of any size, while it reads the config.
    """
    config = entry.get("config")
    if isinstance(config, dict) and config.get("stateful"):
        return "it keeps a state from batch to batch (stateful), which may be of any size"
    return ""


def _refusal_of_program(entry: Json, programs: Collection[str]) -> str:
    """Explains why a SavedModel is refused; `""` if it lies beside the config, or it is none."""
    if entry.get("registered_name") != SAVED_MODEL:
        return ""
    config = entry.get("config")
    program = config.get("program") if isinstance(config, dict) else None
    if isinstance(program, str) and program in programs:
        return ""
    return (
        "it calls a SavedModel that is not in the save that is read: a save of transferlearn holds "
        "it, and a .keras file alone does not"
    )


def _refusal_of_nodes(nodes: object) -> str:
    """Explains why the calls of a layer are refused; `""` if each takes a tensor.

    Keras runs a call without tensors while it reads the config, and never writes one.
    """
    if isinstance(nodes, list) and all(
        isinstance(node, dict) and _has_tensor(node) for node in nodes
    ):
        return ""
    return "it calls a layer without tensors"


def _has_tensor(node: object) -> bool:
    """Returns whether there is a tensor among the arguments of a call."""
    tensors = (
        x.get("class_name") == "__keras_tensor__" for _, x in _parts(node) if isinstance(x, dict)
    )
    return any(tensors)
