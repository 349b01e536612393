"""Stores the features that a partly frozen network is trained on in one phase."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from transferlearn.assembling import Network
from transferlearn.backbones.graph import of_any_length
from transferlearn.distributing import processes
from transferlearn.features import extraction
from transferlearn.features.fingerprints import Fingerprints
from transferlearn.features.items import FeatureItems
from transferlearn.features.passing import SMALLEST_BATCH, key_of, specs_of, words_of
from transferlearn.features.planning import Candidate, NotStoredError, choose, storable
from transferlearn.features.storage import Storage
from transferlearn.features.store import Store, StoredTensor, open_store, place, stored_keys
from transferlearn.features.wanted import WantedFeatures
from transferlearn.progress import stage
from transferlearn.schedules import StoredPart
from transferlearn.splitting import Cut, layers_before
from transferlearn.types import Tensor


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Holds stored features, ready to train on, and where the network is cut for them.

    Attributes:
        cut: The place in the network whose tensors the features are.
        items: The features of each `WantedFeatures`, in the same order.
        part: What was stored, and where, for the result of the phase.
    """

    cut: Cut
    items: tuple[FeatureItems, ...]
    part: StoredPart


class _Part(NamedTuple):
    """Holds one `WantedFeatures` with its hash and its keys, so that they are computed once.

    Attributes:
        wanted: The items.
        kind: The hash of what is done to them before the network.
        keys: For each view the items' keys.
        unique: All different keys.
    """

    wanted: WantedFeatures
    kind: str
    keys: list[list[bytes]]
    unique: frozenset[bytes]


class Preparation:
    """Chooses a cut in a network, and stores the features there for one phase of training.

    Args:
        network: The network, frozen as in that phase.
        cuts: The places where it can be cut, in its order.
        wanted: What to store: items to train on, and items to validate on if there are any.
        storage: Where and how precisely features are stored.
        batch_size: The number of items in a batch of the training.
        unit: What is stored of one item is called, such as "view".
        go_on: A function that is called before each batch; what it raises ends the work.
    """

    def __init__(
        self,
        network: Network,
        cuts: Sequence[Cut],
        wanted: Sequence[WantedFeatures],
        storage: Storage,
        *,
        batch_size: int,
        unit: str,
        go_on: Callable[[], None],
    ) -> None:
        self._network = network
        self._cuts = storable(cuts, any_head=storage.any_head)
        self._parts = [
            _Part(part, part.kind(), keys, frozenset(key for view in keys for key in view))
            for part, keys in ((part, part.keys()) for part in wanted)
        ]
        self._storage = storage
        self._batch_size = max(batch_size, SMALLEST_BATCH)
        self._unit = unit
        self._go_on = go_on
        self._computed, self._seconds = 0, 0.0
        self._predictors: dict[tuple[int, str], extraction.FeatureModel] = {}
        self._prints = Fingerprints(network.model, cuts)

    def stored(
        self, *, epochs: int, must: bool, seed: int | None, cut: str | None = None
    ) -> Stored:
        """Stores the missing features at the cut that takes the least time, and gives all of them.

        Args:
            epochs: How often each item will be read.
            must: Whether to store even if computing anew in each epoch takes no longer.
            seed: The seed that decides which view of an item each epoch reads.
            cut: The name of the cut to store at; `None`: the one that takes the least time.

        Raises:
            NotStoredError: Storing saves no time, or there is no room for the features.
        """
        best = self._cuts[processes().from_first(lambda: self._chosen(epochs, must, cut))]
        # Rows of texts are stored longer than batches of them are, and longer rows round otherwise.
        fixed = self._parts[0].wanted.contents.blank is None
        before = [x for x in self._cuts if fixed and x.operations < best.operations]
        source = next((x for x in reversed(before) if not self._missing(x)), None)
        varies = self._varies(best)
        stores = [
            self._filled(part, best, source, self._open(source, part.kind) if source else None)
            for part in self._parts
        ]
        ready = tuple(
            FeatureItems(
                store,
                np.stack([store.rows(view) for view in part.keys], axis=1),
                seed,
                varies=varies,
                lengths=part.wanted.contents.lengths,
            )
            for store, part in zip(stores, self._parts, strict=True)
        )
        return Stored(cut=best, items=ready, part=self._stored_part(best, stores[0]))

    def _chosen(self, epochs: int, must: bool, cut: str | None) -> int:
        """Returns the number of the cut that `stored` stores at; its arguments are those."""
        items = sum(len(part.keys[0]) for part in self._parts)
        candidates = self._candidates(cut)
        best = choose(candidates, items=items, epochs=epochs, must=must or cut is not None)
        return self._cuts.index(best.cut)

    def _varies(self, cut: Cut) -> tuple[bool, ...]:
        """Returns whether the first axis of each tensor at a cut is the length of the item.

        Raises:
            NotStoredError: It is another axis of one, such as of T5's shared attention.
        """
        if self._parts[0].wanted.contents.blank is None:
            return ()
        model = of_any_length(extraction.trunk(self._network.items, cut, dtype=None))
        if any(None in tensor.shape[2:] for tensor in model.outputs):
            raise NotStoredError(
                "what crosses this place has the length of a text on another axis than the first, "
                "as the attention that a T5's layers share: freeze the whole encoder to store it"
            )
        return tuple(tensor.shape[1:2] == (None,) for tensor in model.outputs)

    def _key(self, cut: Cut, kind: str) -> str:
        """Returns the key of a store: a digest of all that decides what its rows are."""
        return key_of(self._prints, cut, kind, self._storage)

    def _candidates(self, name: str | None) -> list[Candidate]:
        """Lists the cuts that take fewer bytes than all later ones, or the one of this name."""
        if named := [self._candidate(cut) for cut in self._cuts if cut.name == name]:
            return named
        candidates: list[Candidate] = []
        for cut in reversed(self._cuts):
            smallest = min((other.item_bytes for other in candidates), default=math.inf)
            if self._item_bytes(cut) < smallest:
                candidates.insert(0, self._candidate(cut))
        return candidates

    def _candidate(self, cut: Cut) -> Candidate:
        """Describes a cut as a candidate: its bytes, what is missing, and where there is room."""
        missing, item_bytes = self._missing(cut), self._item_bytes(cut)
        where = place(self._storage, self._key(cut, self._parts[0].kind), missing * item_bytes)
        return Candidate(cut=cut, item_bytes=item_bytes, missing=missing, place=where)

    def _missing(self, cut: Cut) -> int:
        """Counts the items that are not stored at a cut, each random view of one by itself."""
        missing = 0
        for part in self._parts:
            key = self._key(cut, part.kind)
            self._storage.expect(key, self._specs(cut), part.unique)
            missing += len(part.unique - stored_keys(self._storage, key))
        return missing

    def _item_bytes(self, cut: Cut) -> int:
        """Counts the bytes of one item's features at a cut."""
        return sum(spec.nbytes for spec in self._specs(cut))

    def _specs(self, cut: Cut) -> list[StoredTensor]:
        """Returns the shapes and dtypes in which the tensors at a cut are stored."""
        return specs_of(cut, self._storage)

    def _open(self, cut: Cut, kind: str) -> Store:
        """Opens the store at a cut, of items that were treated as `kind` says."""
        description = words_of(self._network, cut)
        return open_store(self._storage, self._key(cut, kind), self._specs(cut), description)

    def _filled(self, part: "_Part", cut: Cut, before: Cut | None, source: Store | None) -> Store:
        """Opens the store at `cut`, and adds what is missing, from raw items or store `source`."""
        store, found = self._open(cut, part.kind), processes()
        everything = [key for view in part.keys for key in view]
        missing = store.missing(everything)
        self._computed += len(missing)
        if self._storage.on_disk and found.count > 1:  # each computes its share for all
            own = [i for i in missing if i % found.count == found.number]
            self._fill(store, part, cut, before, source, own)
            found.wait()
            store = self._open(cut, part.kind)
            missing = store.missing(everything)  # what others wrote to a disk of their own
        self._fill(store, part, cut, before, source, missing)
        return store

    def _fill(
        self,
        store: Store,
        part: "_Part",
        cut: Cut,
        before: Cut | None,
        source: Store | None,
        missing: list[int],
    ) -> None:
        """Computes the items with the numbers `missing`, and adds them to a store."""
        if not missing:
            return
        everything = [key for view in part.keys for key in view]
        absent = [everything[i] for i in missing]
        # A damaged shard of the earlier cut may have been removed when its store was opened.
        if before and source and not source.missing(absent):
            predictor = self._predictor(before.tensors, cut)
            batches = self._from_store(source, absent)
        else:
            blank, dtype = part.wanted.contents.blank, self._storage.trunk_dtype
            predictor = self._predictor(self._network.items, cut, dtype=dtype, blank=blank)
            batches = self._from_raw_items(part, missing)
        operations = cut.operations - (before.operations if before and source else 0.0)
        computing = stage("frozen layers", len(missing), self._unit, cost=operations)
        with store.adding(len(missing)) as writer, computing as computed:
            extraction.run(predictor, batches, writer, computed, self._go_on)
        seconds, steps = computed.timed()
        self._seconds += seconds / steps * len(missing) if steps else 0.0

    def _predictor(
        self,
        inputs: Sequence[Tensor],
        cut: Cut,
        *,
        dtype: str | None = None,
        blank: np.ndarray | None = None,
    ) -> extraction.FeatureModel:
        """Returns what runs the layers from `inputs` to `cut`; it is made once for a phase."""
        key = (id(inputs[0]), cut.name)
        if key not in self._predictors:
            model = extraction.trunk(inputs, cut, dtype=dtype, layers=self._network.layers)
            any_length = model if blank is None else of_any_length(model)
            self._predictors[key] = extraction.FeatureModel(any_length, blank)
        return self._predictors[key]

    def _from_raw_items(
        self, part: "_Part", missing: list[int]
    ) -> Iterator[tuple[list[bytes], extraction.Batch]]:
        """Yields keys and raw items, augmented if wanted; `missing` counts through all views."""
        contents, absent = part.wanted.contents, set(missing)
        if part.wanted.augmentation is None:
            for read, items in contents.read(np.array(missing), self._batch_size):
                yield [part.keys[0][row] for row in read], items
            return
        model = extraction.as_in_training(part.wanted.augmentation, self._network.items[0])
        augmented, count = extraction.FeatureModel(model), len(part.keys[0])
        # All items are augmented, stored or not, so that each view is drawn as if none was stored.
        for view, keys in enumerate(part.keys):
            for read, images in contents.read(np.arange(count), self._batch_size):
                views = augmented(images, len(read))[0]
                if kept := [i for i, row in enumerate(read) if view * count + row in absent]:
                    yield [keys[read[i]] for i in kept], views[kept]

    def _from_store(
        self, store: Store, keys: list[bytes]
    ) -> Iterator[tuple[list[bytes], extraction.Batch]]:
        """Yields keys and features that are stored at an earlier cut."""
        for start in range(0, len(keys), self._batch_size):
            some = keys[start : start + self._batch_size]
            yield some, list(store.read(store.rows(some)))

    def _stored_part(self, best: Cut, store: Store) -> StoredPart:
        """Describes what is stored at the chosen cut, for the result of the phase."""
        items = sum(len(view) for part in self._parts for view in part.keys)
        return StoredPart(
            cut=best.name,
            items=items,
            computed=self._computed,
            nbytes=items * self._item_bytes(best),
            where=store.where,
            saves=best.operations / self._cuts[-1].operations,
            layers=layers_before(self._network, best),
            seconds=self._seconds,
        )
