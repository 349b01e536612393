"""Describes all that the weights of a training depend on, so that a run goes on with the same."""

import contextlib
import hashlib
import platform
from collections.abc import Sequence
from importlib import metadata
from types import CodeType, FunctionType

import keras
import numpy as np

from transferlearn import configs
from transferlearn.assembling import Network
from transferlearn.data import Dataset
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.targets import Weigh
from transferlearn.hashing import hash_of_item
from transferlearn.json_fields import Json
from transferlearn.resuming import ITEMS
from transferlearn.training import CompileSettings, TrainingData

_PACKAGES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}  # by the backend's name


def versions() -> Json:
    """Returns the versions of this library, of Keras, of its backend and of NumPy."""
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
    """Hashes the code of loss and metrics that are plain functions, and the values beside it.

    A function that computes something else under the same name is another one.
    """
    given = [settings.loss, *keras.tree.flatten(settings.metrics or [])]
    return [_hash_of_function(part) for part in given if isinstance(part, FunctionType)]


def describe_data(data: TrainingData) -> Json:
    """Describes the items to train and to validate on, each by a hash."""
    held_out = None if data.validation is None else _describe(data.validation, None)
    return {"train": _describe(data.train, data.weigh), "validation": held_out}


def describe_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> list[str]:
    """Names the classes of callbacks."""
    return [configs.class_name(type(callback)) for callback in callbacks]


def digest_of_weights(network: Network) -> str:
    """Returns a hash of the weights of the backbone's layers."""
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


def _hash_of_function(function: FunctionType) -> str:
    """Hashes what a function does: its code, its defaults, and the values it was made around."""
    around = []
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # nothing is in it yet
            around.append(cell.cell_contents)
    beside = (function.__defaults__, function.__kwdefaults__, around)
    return _hash(_steady([function.__code__, *beside]))


def _steady(value: object) -> str:
    """Writes a value as any process writes it: without addresses, and sets in an order."""
    if isinstance(value, CodeType):
        return _hash(_steady([value.co_code, value.co_consts, value.co_names]))
    if isinstance(value, FunctionType):  # not what is around it, which may be itself
        return _steady(value.__code__)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_steady, value))}]"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(map(_steady, value)))}}}"
    if isinstance(value, dict):
        return _steady(sorted((_steady(key), _steady(part)) for key, part in value.items()))
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        return repr((value.dtype.str, value.shape, value.tobytes()))
    if isinstance(value, (str, bytes, int, float, complex, type(None), type(...))):
        return repr(value)
    return configs.class_name(type(value))


def _hash(text: str) -> str:
    """Hashes a text, in 16 hexadecimal digits."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
