"""What a phase is trained on: raw items, or what the frozen part made of them once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from transferlearn.assembling import Network, of_any_length
from transferlearn.data.contents import Contents, UnsteadyData
from transferlearn.data.dataset import Dataset, ItemDataset, Request
from transferlearn.data.targets import Encoder, Weigh
from transferlearn.features import Cache, Storage
from transferlearn.features.limits import check_directory
from transferlearn.features.preparing import NotStoredError, Preparation, Wanted
from transferlearn.folding import folded
from transferlearn.schedules import StoredPart
from transferlearn.splitting import cuts, split
from transferlearn.training.mixup import MixedBatches
from transferlearn.training.stand_in import EpochBatches


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What there is to train on.

    Attributes:
        train: Items with targets.
        validation: Items held out, or `None`.
        batch_size: Items a step.
        encode: Makes of raw targets what the loss reads; `None`: it reads them as they are.
        weigh: Weighs items to train on by their raw targets, or `None`.
        seed: Of the order of the items, or `None`.
        augmentation: A layer for raw images, in training only, or `None`.
        views: Random views to store of each image; 1: augmentation draws anew in each epoch.
        mixup: Alpha of the Beta distribution that two items are mixed by; 0: they are not.
    """

    train: Dataset
    validation: Dataset | None
    batch_size: int
    encode: Encoder | None = None
    weigh: Weigh | None = None
    seed: int | None = None
    augmentation: keras.Layer | None = None
    views: int = 1
    mixup: float = 0.0

    def parts(self) -> list[tuple[Dataset, Request]]:
        """Gives the data to train on, and to validate on if any, and how each is asked for."""
        plain = Request(self.batch_size, self.encode)
        held_out = [] if self.validation is None else [(self.validation, plain)]
        return [(self.train, plain._replace(weigh=self.weigh, shuffle=True)), *held_out]


@dataclass(frozen=True, kw_only=True)
class PhaseInput:
    """What to fit in a phase, and on what.

    Attributes:
        model: The full model, or one that shares its layers.
        batches: What it is fitted on.
        stored: What was computed once, if anything.
        not_stored: Why nothing was, in words.
    """

    model: keras.Model
    batches: EpochBatches
    stored: StoredPart | None = None
    not_stored: str = ""


class InputPreparer:
    """Prepares the input of phase after phase, and keeps what it found out about the data."""

    def __init__(self, data: TrainingData, storage: Storage, *, verbose: Any) -> None:
        self._data = data
        self._storage = storage
        self._verbose = verbose
        self._contents: dict[int, Contents] = {}

    def prepare(
        self, network: Network, mask: Sequence[bool], *, epochs: int, phase: int, augmented: bool
    ) -> PhaseInput:
        """Decides for one phase whether it is trained on stored features, and computes them.

        Args:
            network: Compiled for the phase.
            mask: What of the backbone is frozen.
            epochs: Of the phase.
            phase: Its number, from 0.
            augmented: Whether the images to train on are augmented, where that is asked for.

        Raises:
            ValueError: Nothing can be stored, and `cache=True` asks for it.
        """
        seed = None if self._data.seed is None else self._data.seed + phase
        layer = self._data.augmentation if augmented else None
        try:
            found = self._stored(network, mask, epochs, seed, layer)
        except NotStoredError as reason:
            # A later phase must not lose what is trained.
            if self._storage.when == "always" and phase == 0:
                raise ValueError(f"cache=True, but nothing can be stored: {reason}.") from None
            found = self._live(network, seed, layer, str(reason))
        return self._mixed(found, seed) if self._data.mixup else found

    def _mixed(self, found: PhaseInput, seed: int | None) -> PhaseInput:
        train = found.batches.train
        if not isinstance(train, keras.utils.PyDataset):
            raise ValueError(
                "mixup of a tf.data.Dataset needs its features stored, which cannot be done: "
                f"{found.not_stored}. Mix in the pipeline itself, and leave mixup out."
            )
        mixed = MixedBatches(train, self._data.mixup, seed)
        return replace(found, batches=replace(found.batches, train=mixed))

    def _live(
        self, network: Network, seed: int | None, augmentation: Any, reason: str
    ) -> PhaseInput:
        model = folded(network.model)
        if augmentation is not None:
            image, *rest = (keras.Input(x.shape[1:], dtype=x.dtype) for x in model.inputs)
            given = keras.tree.pack_sequence_as(model.input, [augmentation(image), *rest])
            model = keras.Model([image, *rest] if rest else image, model(given))
        train, *held_out = (
            part.requested(request._replace(seed=seed)) for part, request in self._data.parts()
        )
        if getattr(train, "varies", False):
            model = of_any_length(model)
        return PhaseInput(model=model, batches=self._batches(train, *held_out), not_stored=reason)

    def _batches(self, train: Any, validation: Any = None) -> EpochBatches:
        size = self._data.batch_size
        return EpochBatches(train=train, validation=validation, batch_size=size)

    def _stored(
        self,
        network: Network,
        mask: Sequence[bool],
        epochs: int,
        seed: int | None,
        augmentation: Any,
    ) -> PhaseInput:
        data = self._data
        places = [cut for cut in cuts(network, mask) if cut.has_one_size]
        if self._storage.when == "never":
            raise NotStoredError("cache=False")
        if not any(cut.operations and not cut.in_head for cut in places):
            raise NotStoredError("no layer at the network's beginning is frozen")
        if augmentation is not None and data.views == 1:
            raise NotStoredError(
                "the augmentation makes new images in each epoch (views=4 stores four of each)"
            )
        contents = self._all_contents(epochs)
        wanted = [Wanted(contents=part) for part in contents]
        if augmentation is not None:
            wanted[0] = replace(wanted[0], augmentation=augmentation, views=data.views)
        preparation = Preparation(
            network,
            places,
            wanted,
            self._storage,
            batch_size=data.batch_size,
            verbose=self._verbose,
        )
        stored = preparation.stored(epochs=epochs, must=self._storage.when != "auto", seed=seed)
        batches = [
            part.batches(items, seed=seed)
            for part, items in zip(contents, stored.items, strict=True)
        ]
        tail = folded(split(network, stored.cut).tail)
        return PhaseInput(model=tail, batches=self._batches(*batches), stored=stored.part)

    def _all_contents(self, epochs: int) -> list[Contents]:
        found = []
        for part, request in self._data.parts():
            if id(part) not in self._contents:
                is_stream = not isinstance(part, ItemDataset)
                if self._storage.when == "auto" and epochs == 1 and is_stream:
                    raise NotStoredError("one epoch computes nothing twice")
                try:
                    self._contents[id(part)] = part.contents(request)
                except UnsteadyData as reason:
                    raise NotStoredError(str(reason).rstrip(".")) from reason
            found.append(self._contents[id(part)])
        return found


def check_cache(cache: Any) -> None:
    """Refuses what `fit(cache=...)` cannot be, and a directory that cannot be written."""
    if not isinstance(cache, (bool, Cache)) and cache != "auto":
        raise TypeError(
            f"cache is 'auto', True, False or a tl.Cache(...). Received: cache={cache!r}"
        )
    if isinstance(cache, Cache) and cache.directory is not None:
        check_directory(Storage.of(cache))
