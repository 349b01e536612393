"""Hashes what a network computes up to a cut: where hashes are equal, the features are too."""

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
from transferlearn.types import Operation

_LIBRARIES = ("keras", "tensorflow", "jax", "torch")  # Keras's version stands for their code
# Settings that say nothing of the values that a frozen layer computes.
_IRRELEVANT = ("name", "trainable", "build_config")


class Fingerprints:
    """Computes a hash (fingerprint) of each tensor up to the given cuts, present weights included.

    A fingerprint is made of the operation that gives the tensor, its settings and weights, and the
    fingerprints of what it reads; so it covers everything from the raw item on, preprocessing
    included.
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
        """Returns the fingerprint of all tensors that cross a cut."""
        return digest(*(self._tensors[id(tensor)] for tensor in cut.tensors))

    def _arguments(self, step: Step) -> Iterable[object]:
        """Yields the arguments of a call, with the fingerprint of each tensor in its place."""
        for leaf in keras.tree.flatten(step.arguments):
            known = self._tensors.get(id(leaf)) if keras.utils.is_keras_tensor(leaf) else None
            yield known or leaf


def digest(*parts: Any) -> str:
    """Returns one hash of texts, numbers, arrays and other plain values, whose order counts."""
    hashed = hashlib.blake2b(digest_size=20)
    for part in parts:
        is_array = isinstance(part, (np.ndarray, keras.Variable)) or keras.ops.is_tensor(part)
        value = keras.ops.convert_to_numpy(part) if is_array else part
        text = f"{value.shape} {value.dtype}" if is_array else repr(value)
        hashed.update(f"{len(text)} {text}".encode())  # the length keeps "ab", "c" from "a", "bc"
        if is_array:
            hashed.update(np.ascontiguousarray(value).tobytes())
    return hashed.hexdigest()


def of_operation(operation: Operation) -> str:
    """Returns the fingerprint of one operation alone: its class, code, settings and weights."""
    cls = type(operation)
    name = f"{cls.__module__}.{cls.__qualname__}"
    weights = operation.weights if isinstance(operation, keras.Layer) else []
    return digest(name, _code(operation), _settings(operation), *weights)


def _settings(operation: Operation) -> str:
    """Returns an operation's settings as JSON; unknown settings equal no others."""
    try:
        config = operation.get_config()
    except (NotImplementedError, TypeError, ValueError):
        return uuid.uuid4().hex  # unknown settings equal no others, so nothing is found again
    kept = {key: value for key, value in config.items() if key not in _IRRELEVANT}
    return json.dumps(_relevant(kept), sort_keys=True, default=repr)


def _relevant(config: object) -> object:
    """Returns a config without the entries that do not change what a layer computes."""
    if isinstance(config, dict):
        dropped = _IRRELEVANT if "trainable" in config else ()
        return {key: _relevant(value) for key, value in config.items() if key not in dropped}
    return [_relevant(value) for value in config] if isinstance(config, (list, tuple)) else config


def _code(operation: Operation) -> list[str]:
    """Returns the source code of an operation's classes and functions, save those of libraries."""
    functions = [part for part in vars(operation).values() if inspect.isfunction(part)]
    parts: list[Any] = [*type(operation).__mro__[:-1], *functions]
    sources = []
    for part in parts:
        if part.__module__.split(".")[0] not in _LIBRARIES:
            try:
                sources.append(inspect.getsource(part))
            except (OSError, TypeError):
                sources.append(uuid.uuid4().hex)  # unknown code equals no other
    return sources
