"""Checks the config of a model from end to end, before Keras sees it."""

from collections.abc import Iterator
from typing import Any

from transferlearn.strangers.classes import Named, is_own, refusal, refusal_of_text
from transferlearn.strangers.refusal import RefusalError


def check_config(config: object, own: Named) -> bool:
    """Raises `RefusalError` if anything in a config is not allowed, at any depth.

    Args:
        config: The config, as JSON gives it.
        own: The classes and functions that the user allows, by the name that is in the config.

    Returns:
        Whether it names classes or functions that are not Keras's.
    """
    names_own = False
    for place, value in _parts(config):
        reason = ""
        if isinstance(value, str):
            reason = refusal_of_text(value, own)
            names_own = names_own or is_own(value, own)
        if isinstance(value, dict) and "class_name" in value:
            reason = refusal(value, own)
        if isinstance(value, dict) and "inbound_nodes" in value:
            reason = reason or _refusal_of_nodes(value["inbound_nodes"])
        if reason:
            raise RefusalError(f"at {place or 'its beginning'}, {reason}")
    return names_own


def without_training(config: Any) -> Any:
    """Gives a config without what models were compiled with, which may name anything."""
    if isinstance(config, dict):
        return {k: without_training(v) for k, v in config.items() if k != "compile_config"}
    return [without_training(part) for part in config] if isinstance(config, list) else config


def _parts(config: object) -> Iterator[tuple[str, object]]:
    """Yields all values in a config, each with its place, such as `config.layers[3].config`."""
    waiting = [("", config)]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        if isinstance(value, dict):
            waiting += [(f"{place}.{key}".lstrip("."), part) for key, part in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{place}[{i}]", part) for i, part in enumerate(value)]


def _refusal_of_nodes(nodes: object) -> str:
    """Says why the calls of a layer are refused; `""` if each takes a tensor.

    Keras runs a call without tensors while it reads the config, and never writes one.
    """
    if isinstance(nodes, list) and all(
        isinstance(node, dict) and _has_tensor(node) for node in nodes
    ):
        return ""
    return "it calls a layer without tensors"


def _has_tensor(node: object) -> bool:
    """Says whether there is a tensor among the arguments of a call."""
    tensors = (
        x.get("class_name") == "__keras_tensor__" for _, x in _parts(node) if isinstance(x, dict)
    )
    return any(tensors)
