"""Describes all that the weights of a training depend on, so that a run goes on with the same."""

import hashlib
import platform
from collections.abc import Sequence
from importlib import metadata
from types import CodeType, FunctionType
from typing import Any

import keras
import numpy as np

from transferlearn import configs
from transferlearn.assembling import Network
from transferlearn.data import Dataset
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.targets import Weigh
from transferlearn.running import ITEMS
from transferlearn.training import CompileSettings, TrainingData
from transferlearn.types import Json

_PACKAGES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}  # by the backend's name


def versions() -> Json:
    """Gives the versions of this library, of Keras, of its backend and of NumPy."""
    backend = keras.backend.backend()
    return {
        "transferlearn": metadata.version("transferlearn"),
        "keras": keras.__version__,
        "backend": backend,
        backend: metadata.version(_PACKAGES.get(backend, backend)),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": np.__version__,
    }


def digests_of_code(settings: CompileSettings) -> list[str]:
    """Hashes the code of loss and metrics that are plain functions.

    A function that computes something else under the same name is another one.
    """
    given = [settings.loss, *keras.tree.flatten(settings.metrics or [])]
    return [_hash_of_code(part.__code__) for part in given if isinstance(part, FunctionType)]


def describe_data(data: TrainingData) -> Json:
    """Describes the items to train and to validate on, each by a hash."""
    held_out = None if data.validation is None else _describe(data.validation, None)
    return {"train": _describe(data.train, data.weigh), "validation": held_out}


def describe_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> list[str]:
    """Names the classes of callbacks."""
    return [configs.class_name(type(callback)) for callback in callbacks]


def digest_of_weights(network: Network) -> str:
    """Gives a hash of the weights of the backbone's layers."""
    digest = hashlib.blake2b(digest_size=16)
    for layer in network.layers:
        for weight in layer.weights:
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    return digest.hexdigest()


def _describe(dataset: Dataset, weigh: Weigh | None) -> Json:
    """Describes a dataset: each item by its name and a hash, or a stream by its class and size."""
    if not isinstance(dataset, ItemDataset):
        return {"stream": type(dataset).__name__, "count": dataset.count}
    raw = dataset.learnt[np.arange(len(dataset.items))]
    weights = [x for x in (weigh and weigh(raw), dataset.sample_weight) if x is not None]
    rows = [
        hash_of_item(content, raw[i], *(weight[i] for weight in weights))
        for i, content in enumerate(dataset.content_hashes())
    ]
    return {ITEMS: [[dataset.called(i), row] for i, row in enumerate(rows)]}


def _hash_of_code(code: CodeType) -> str:
    """Hashes what a function does: its instructions, constants and names, not its place."""
    constants = [
        _hash_of_code(part) if isinstance(part, CodeType) else repr(part) for part in code.co_consts
    ]
    what = repr((code.co_code, constants, code.co_names))
    return hashlib.blake2b(what.encode(), digest_size=8).hexdigest()


def hash_of_item(content: str, *beside: Any) -> str:
    """Hashes an item's content with its target and weights, in 16 hexadecimal digits."""
    digest = hashlib.blake2b(content.encode(), digest_size=8)
    for part in beside:
        digest.update(np.asarray(part).tobytes())
    return digest.hexdigest()
