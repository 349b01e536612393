"""Say in one short text what a network computes up to a cut: equal texts, equal features."""

import hashlib
import inspect
import json
import uuid
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from transferlearn.backbones.graph import Step, walk
from transferlearn.splitting import Cut

_LIBRARIES = ("keras", "tensorflow", "jax", "torch")
_IRRELEVANT = ("name", "trainable", "build_config")


class Fingerprints:
    """Of the tensors of a model, as its weights are now.

    Each is made of the operation, its settings and weights, and the fingerprints of what it reads;
    so it covers everything from the raw image on, preprocessing included.
    """

    def __init__(self, model: keras.Model, cuts: Iterable[Cut]) -> None:
        wanted = {id(tensor) for cut in cuts for tensor in cut.tensors}
        start = f"{keras.backend.backend()} {keras.__version__}"
        self._tensors = {
            id(tensor): digest(start, tensor.shape[1:], tensor.dtype, *([place] if place else []))
            for place, tensor in enumerate(model.inputs)
        }
        operations: dict[int, str] = {}
        for step in walk(model):
            if wanted <= self._tensors.keys():
                break
            if id(step.operation) not in operations:
                operations[id(step.operation)] = of_operation(step.operation)
            called = digest(operations[id(step.operation)], *self._arguments(step))
            for index, tensor in enumerate(step.outputs):
                self._tensors[id(tensor)] = digest(called, index)

    def of(self, cut: Cut) -> str:
        """Of all that crosses the cut."""
        return digest(*(self._tensors[id(tensor)] for tensor in cut.tensors))

    def _arguments(self, step: Step) -> Iterable[Any]:
        for leaf in keras.tree.flatten(step.arguments):
            known = self._tensors.get(id(leaf)) if keras.utils.is_keras_tensor(leaf) else None
            yield known or leaf


def digest(*parts: Any) -> str:
    """A hash of texts, numbers, arrays and other plain values, in this order."""
    found = hashlib.blake2b(digest_size=20)
    for part in parts:
        is_array = isinstance(part, (np.ndarray, keras.Variable)) or keras.ops.is_tensor(part)
        value = keras.ops.convert_to_numpy(part) if is_array else part
        text = f"{value.shape} {value.dtype}" if is_array else repr(value)
        found.update(f"{len(text)} {text}".encode())
        if is_array:
            found.update(np.ascontiguousarray(value).tobytes())
    return found.hexdigest()


def of_operation(operation: Any) -> str:
    """Fingerprints an operation's settings and weights, without anything before it."""
    kind = type(operation)
    name = f"{kind.__module__}.{kind.__qualname__}"
    weights = operation.weights if isinstance(operation, keras.Layer) else []
    return digest(name, _code(operation), _settings(operation), *weights)


def _settings(operation: Any) -> str:
    try:
        config = operation.get_config()
    except (NotImplementedError, TypeError, ValueError):
        return uuid.uuid4().hex  # unknown settings are like no others
    kept = {key: value for key, value in config.items() if key not in _IRRELEVANT}
    return json.dumps(_relevant(kept), sort_keys=True, default=repr)


def _relevant(config: Any) -> Any:
    """A configuration without the names of layers, which say nothing of what they compute."""
    if isinstance(config, dict):
        dropped = _IRRELEVANT if "trainable" in config else ()
        return {key: _relevant(value) for key, value in config.items() if key not in dropped}
    return [_relevant(value) for value in config] if isinstance(config, (list, tuple)) else config


def _code(operation: Any) -> list[str]:
    """The source of classes and functions that are not Keras's own, which may change."""
    functions = [part for part in vars(operation).values() if inspect.isfunction(part)]
    parts: list[Any] = [*type(operation).__mro__[:-1], *functions]
    found = []
    for part in parts:
        if part.__module__.split(".")[0] not in _LIBRARIES:
            try:
                found.append(inspect.getsource(part))
            except (OSError, TypeError):
                found.append(uuid.uuid4().hex)  # unknown code is like no other
    return found
