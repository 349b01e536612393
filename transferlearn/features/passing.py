"""Describes a pass over frozen layers, so that another process can make it for the same store."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from transferlearn.assembling import Network
from transferlearn.features import extraction
from transferlearn.features.fingerprints import Fingerprints, digest
from transferlearn.features.shards import StoredTensor
from transferlearn.features.storage import Storage
from transferlearn.features.store import Store, open_store
from transferlearn.progress import Stage
from transferlearn.splitting import Cut, cuts
from transferlearn.types import Tensor

# Items at a time for the frozen part where training takes fewer; more are no faster on CPUs.
SMALLEST_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class FeaturePass:
    """Holds the frozen layers up to a cut, and the store that their output belongs to.

    It can be pickled. The layers are made ready for a device where they run.

    Attributes:
        model: The network from raw items to the cut.
        layers: The names of those layers that compute in the storage's `trunk_dtype`.
        batch_size: The number of items that go through at a time.
        storage: Where features are stored.
        key: The key of the store.
        specs: The tensors that make one item's row.
        description: What is stored, in words.
        versions: The backend and the version of Keras that the key stands for.
    """

    model: keras.Model
    layers: tuple[str, ...]
    batch_size: int
    storage: Storage
    key: str
    specs: tuple[StoredTensor, ...]
    description: str
    versions: tuple[str, str]

    @classmethod
    def of(
        cls,
        network: Network,
        mask: Sequence[bool],
        name: str,
        storage: Storage,
        *,
        kind: str,
        batch_size: int,
    ) -> "FeaturePass":
        """Describes the pass up to a cut.

        Args:
            network: The network, frozen as in the phase that reads the features.
            mask: For each layer of the backbone whether it is frozen.
            name: The name of the cut.
            storage: Where features are stored.
            kind: The hash of what is done to items before the network.
            batch_size: The number of items in a batch of the training.
        """
        places = cuts(network, mask)
        cut = next(place for place in places if place.name == name)
        model = keras.Model(list(network.items), list(cut.tensors))
        within = {layer.name for layer in model.layers}
        return cls(
            model=model,
            layers=tuple(x.name for x in network.layers if x.name in within),
            batch_size=max(batch_size, SMALLEST_BATCH),
            storage=storage,
            key=key_of(Fingerprints(network.model, places), cut, kind, storage),
            specs=tuple(specs_of(cut, storage)),
            description=words_of(network, cut),
            versions=_versions(),
        )

    def opened(self) -> "OpenPass":
        """Makes the layers ready to run on the device that is there.

        Raises:
            RuntimeError: Another Keras, or another backend, runs here.
        """
        if (here := _versions()) != self.versions:
            raise RuntimeError(
                f"Features of {' and Keras '.join(self.versions)} are computed by the same. "
                f"Received: {' and Keras '.join(here)}. Install it on every worker."
            )
        return OpenPass(self)


class OpenPass:
    """Computes and stores what is missing of items that are handed in."""

    def __init__(self, described: FeaturePass) -> None:
        self._described = described
        model = described.model
        cut = Cut(tensors=tuple(model.outputs), operations=0.0)
        layers = [model.get_layer(name) for name in described.layers]
        dtype = described.storage.trunk_dtype
        trunk = extraction.trunk(model.inputs, cut, dtype=dtype, layers=layers)
        self._predictor = extraction.FeatureModel(trunk)

    def store(self) -> Store:
        """Opens the store, with what all processes have committed by now."""
        described = self._described
        return open_store(described.storage, described.key, described.specs, described.description)

    def add(self, store: Store, keys: Sequence[bytes], items: np.ndarray) -> int:
        """Adds to a store what it lacks of items, and returns of how many items that is."""
        missing, size = store.missing(keys), self._described.batch_size
        parts = [missing[start : start + size] for start in range(0, len(missing), size)]
        batches = (([keys[i] for i in part], items[part]) for part in parts)
        with store.adding(len(missing)) as writer:
            extraction.run(self._predictor, batches, writer, Stage("frozen layers"), lambda: None)
        return len(missing)


def key_of(prints: Fingerprints, cut: Cut, kind: str, storage: Storage) -> str:
    """Returns the key of a store: a digest of all that decides what its rows are."""
    return digest(prints.of(cut), kind, specs_of(cut, storage), storage.trunk_dtype)


def specs_of(cut: Cut, storage: Storage) -> list[StoredTensor]:
    """Returns the shapes and dtypes in which the tensors at a cut are stored."""
    return [StoredTensor(tuple(x.shape[1:]), _dtype(x, storage)) for x in cut.tensors]


def words_of(network: Network, cut: Cut) -> str:
    """Describes the store at a cut, for `transferlearn cache list`."""
    shape = "x".join(map(str, network.items[0].shape[1:]))
    return f"{network.model.name} up to {cut.name}, {shape}"


def _dtype(tensor: Tensor, storage: Storage) -> str:
    """Returns the dtype in which a tensor is stored."""
    is_float = keras.backend.is_float_dtype(tensor.dtype)
    # What is computed in half precision loses nothing by being stored in it.
    halves = tensor.dtype in ("float16", "bfloat16") and storage.dtype == "float32"
    return str(tensor.dtype) if halves or not is_float else storage.dtype


def _versions() -> tuple[str, str]:
    """Returns the backend and the version of Keras."""
    return keras.backend.backend(), keras.__version__
