"""What a phase is trained on: the raw images, or what the frozen part made of them once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from transferlearn.assembling import Network, of_any_length
from transferlearn.data import Contents, Dataset, ItemDataset, UnsteadyData
from transferlearn.features import Cache
from transferlearn.features.limits import check_directory
from transferlearn.features.preparing import NotStoredError, Preparation, Wanted
from transferlearn.features.trial import Trial
from transferlearn.folding import folded
from transferlearn.splitting import cuts, split
from transferlearn.training.mixup import MixedBatches
from transferlearn.training.stand_in import Feed


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What there is to train on.

    Attributes:
        train: Labelled images.
        validation: Held out, or `None`.
        batch_size: Images a step.
        class_weight: Class ids to weights, or `None`.
        seed: Of the order of the images, or `None`.
        augmentation: A layer for raw images, in training only, or `None`.
        views: Random views to store of each image; 1: augmentation draws anew in each epoch.
        mixup: Alpha of the Beta distribution that two items are mixed by; 0: they are not.
    """

    train: Dataset
    validation: Dataset | None
    batch_size: int
    class_weight: dict[int, float] | None
    seed: int | None
    augmentation: keras.Layer | None = None
    views: int = 1
    mixup: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Fed:
    """What to fit, and on what.

    Attributes:
        model: The full model, or one that shares its layers.
        feed: Its batches.
        note: What is computed once, or why nothing is.
    """

    model: keras.Model
    feed: Feed
    note: str


class Feeding:
    """Feeds phase after phase; what was found out about the data is kept for the next."""

    def __init__(self, sources: Sources, cache: Any, *, verbose: Any) -> None:
        self._sources = sources
        self._cache = cache if isinstance(cache, Cache) else Cache()
        self._mode = cache.mode if isinstance(cache, Trial) else cache
        self._verbose = verbose
        self._contents: dict[Any, Contents] = {}

    def prepare(
        self,
        network: Network,
        mask: Sequence[bool],
        *,
        epochs: int,
        encoding: Any,
        phase: int,
        augmented: bool,
    ) -> Fed:
        """Decides for one phase.

        Args:
            network: Compiled for the phase.
            mask: What of the backbone is frozen.
            epochs: Of the phase.
            encoding: How the loss wants its labels.
            phase: Its number.
            augmented: Whether the images to train on are augmented, where that is asked for.

        Raises:
            ValueError: Nothing can be stored, and `cache=True` asks for it.
        """
        seed = None if self._sources.seed is None else self._sources.seed + phase
        layer = self._sources.augmentation if augmented else None
        try:
            fed = self._stored(network, mask, epochs, encoding, seed, layer)
        except NotStoredError as reason:
            if self._mode is True and phase == 0:  # a later one must not lose what is trained
                raise ValueError(f"cache=True, but nothing can be stored: {reason}.") from None
            fed = self._live(network, encoding, seed, layer, f"nothing is stored: {reason}")
        return self._mixed(fed, seed) if self._sources.mixup else fed

    def _mixed(self, fed: Fed, seed: int | None) -> Fed:
        if not isinstance(fed.feed.train, keras.utils.PyDataset):
            raise ValueError(
                "mixup of a tf.data.Dataset needs its features stored, which cannot be done: "
                f"{fed.note}. Mix in the pipeline itself, and leave mixup out."
            )
        mixed = MixedBatches(fed.feed.train, self._sources.mixup, seed)
        return replace(fed, feed=replace(fed.feed, train=mixed))

    def _live(
        self, network: Network, encoding: Any, seed: int | None, augmentation: Any, note: str
    ) -> Fed:
        sources, model = self._sources, folded(network.model)
        if augmentation is not None:
            image = keras.Input(model.inputs[0].shape[1:], dtype=model.inputs[0].dtype)
            model = keras.Model(image, model(augmentation(image)))
        train, validation = (
            part and part.batches(**request, seed=seed) for part, request in self._parts(encoding)
        )
        if getattr(train, "varies", False):
            model = of_any_length(model)
        feed = Feed(train=train, validation=validation, batch_size=sources.batch_size)
        return Fed(model=model, feed=feed, note=note)

    def _parts(self, encoding: Any) -> list[tuple[Dataset | None, dict[str, Any]]]:
        """The data to train and to validate on, and how each is asked for."""
        sources = self._sources
        shared = {"batch_size": sources.batch_size, "encoding": encoding}
        training = {**shared, "class_weight": sources.class_weight, "shuffle": True}
        return [(sources.train, training), (sources.validation, shared)]

    def _stored(
        self,
        network: Network,
        mask: Sequence[bool],
        epochs: int,
        encoding: Any,
        seed: int | None,
        augmentation: Any,
    ) -> Fed:
        sources = self._sources
        places = [cut for cut in cuts(network, mask) if cut.has_one_size]
        if self._mode is False:
            raise NotStoredError("cache=False")
        if not any(cut.operations and not cut.in_head for cut in places):
            raise NotStoredError("no layer at the network's beginning is frozen")
        if augmentation is not None and sources.views == 1:
            raise NotStoredError(
                "the augmentation makes new images in each epoch (views=4 stores four of each)"
            )
        contents = self._all_contents(encoding, epochs)
        wanted = [Wanted(contents=part) for part in contents]
        if augmentation is not None:
            wanted[0] = replace(wanted[0], augmentation=augmentation, views=sources.views)
        preparation = Preparation(
            network,
            places,
            wanted,
            self._cache,
            batch_size=sources.batch_size,
            verbose=self._verbose,
        )
        stored = preparation.stored(epochs=epochs, must=self._mode != "auto", seed=seed)
        train, *rest = (
            part.batches(items, seed=seed)
            for part, items in zip(contents, stored.items, strict=True)
        )
        feed = Feed(train=train, validation=next(iter(rest), None), batch_size=sources.batch_size)
        tail = folded(split(network, stored.cut).tail)
        return Fed(model=tail, feed=feed, note=stored.note)

    def _all_contents(self, encoding: Any, epochs: int) -> list[Contents]:
        found = []
        for part, request in self._parts(encoding):
            if part is None:
                continue
            key = (id(part), encoding)
            if key not in self._contents:
                if self._mode == "auto" and epochs == 1 and not isinstance(part, ItemDataset):
                    raise NotStoredError("one epoch computes nothing twice")
                try:
                    self._contents[key] = part.contents(**request)
                except UnsteadyData as reason:
                    raise NotStoredError(str(reason).rstrip(".")) from reason
            found.append(self._contents[key])
        return found


def check_cache(cache: Any) -> None:
    """Refuses what `fit(cache=...)` cannot be, and a directory that cannot be written."""
    if not isinstance(cache, (bool, Cache)) and cache != "auto":
        raise TypeError(
            f"cache is 'auto', True, False or a tl.Cache(...). Received: cache={cache!r}"
        )
    if isinstance(cache, Cache) and cache.directory is not None:
        check_directory(cache)
