"""Prepares what a phase is trained on: raw items, or stored outputs of the frozen part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import keras

from transferlearn.assembling import Network
from transferlearn.backbones.graph import of_any_length
from transferlearn.data.contents import Contents, ItemContents, UnsteadyData
from transferlearn.data.dataset import Dataset, ItemDataset, Request
from transferlearn.data.items import Items
from transferlearn.data.targets import Encoder, Weigh
from transferlearn.data.transforms import AnyView, Transform, keys_of
from transferlearn.features import Storage
from transferlearn.features.planning import NotStoredError
from transferlearn.features.preparing import Preparation
from transferlearn.features.wanted import WantedFeatures, described
from transferlearn.folding import folded
from transferlearn.schedules import StoredPart
from transferlearn.splitting import cuts, split
from transferlearn.training.mixup import MixedBatches
from transferlearn.training.stand_in import EpochBatches
from transferlearn.training.wrapped import ChangedBatches
from transferlearn.types import TfData

_MIRRORED = 200  # images, by which mirroring is judged


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Holds the data to train and validate on, with batch size, encoding and augmentation.

    Attributes:
        train: The items to train on, with targets.
        validation: The items to validate on, or `None`.
        batch_size: The number of items in one step.
        encode: Turns raw targets into what the loss reads; `None` leaves them as they are.
        weigh: Gives each item to train on a weight by its raw target, or `None`.
        seed: The seed of the order of the items, or `None`.
        augmentation: A layer that varies raw images in training only, or `None`.
        mirror: A layer that mirrors all raw images, if the augmentation may mirror them only where
            mirrored images are no others, as letters are; a solved head is asked. Or `None`.
        views: How many random views of each image are stored; with 1, the augmentation draws anew
            in each epoch.
        transform: Makes views of images and of their targets, of which each epoch draws one; or
            `None`. Of streams it makes none.
        mixup: The parameter alpha of the Beta distribution by which two items are mixed; with 0
            items are not mixed.
    """

    train: Dataset
    validation: Dataset | None
    batch_size: int
    encode: Encoder | None = None
    weigh: Weigh | None = None
    seed: int | None = None
    augmentation: keras.Layer | None = None
    mirror: keras.Layer | None = None
    views: int = 1
    transform: Transform | None = None
    mixup: float = 0.0

    @property
    def plain(self) -> Request:
        """The request for items to measure on: in their order, all weighing the same."""
        return Request(self.batch_size, self.encode)

    def parts(self) -> list[tuple[Dataset, Request]]:
        """The dataset to train on, and one to validate on if there is one, with requests."""
        plain = self.plain
        held_out = [] if self.validation is None else [(self.validation, plain)]
        return [(self.train, plain._replace(weigh=self.weigh, shuffle=True)), *held_out]


@dataclass(frozen=True, kw_only=True)
class PhaseInput:
    """Holds the model that is fitted in a phase, and its batches.

    Attributes:
        model: The full model, or one that shares its layers.
        batches: The batches that the model is fitted on.
        mirrored: Batches of a few images to train on, all mirrored, or `None`.
        stored: What was computed once and stored, or `None`.
        not_stored: Why nothing was stored, in words; else empty.
    """

    model: keras.Model
    batches: EpochBatches
    mirrored: keras.utils.PyDataset | None = None
    stored: StoredPart | None = None
    not_stored: str = ""


class InputPreparer:
    """Prepares the input of each phase, and remembers the contents of the datasets.

    Args:
        data: The data of the training.
        storage: When and where the output of frozen layers is stored.
        go_on: A function that is called before each batch of frozen layers; what it raises ends
            the work.
    """

    def __init__(self, data: TrainingData, storage: Storage, go_on: Callable[[], None]) -> None:
        self._data = data
        self._storage = storage
        self._go_on = go_on
        self._contents: dict[int, Contents] = {}  # by the `id` of the dataset

    def prepare(
        self,
        network: Network,
        mask: Sequence[bool],
        *,
        epochs: int,
        phase: int,
        augmented: bool,
        with_mirrored: bool = False,
        cut: str | None = None,
    ) -> PhaseInput:
        """Returns a phase's model and batches: of stored features, or else of raw items.

        Args:
            network: The network, frozen and compiled for the phase.
            mask: For each layer of the backbone whether it is frozen.
            epochs: The number of epochs of the phase.
            phase: The number of the phase, counted from 0.
            augmented: Whether the images to train on are augmented if the data asks for that.
            with_mirrored: Whether a few images come mirrored, too, if the data asks for that.
            cut: The name of the cut to store features at, empty to store none; `None`: the one that
                takes the least time.

        Raises:
            ValueError: Nothing can be stored though `cache=True` asks for it, or the data cannot be
                mixed.
        """
        # Each phase has an order of its own.
        seed = None if self._data.seed is None else self._data.seed + phase
        plain = replace(self._data, augmentation=None, transform=None)
        data = self._data if augmented else plain
        if not isinstance(data.train, ItemDataset):
            data = replace(data, transform=None)
        few = self._few if with_mirrored else None
        try:
            if cut == "":
                raise NotStoredError("nothing was when the run began")
            given = self._stored(network, mask, epochs, seed, data, few, cut)
        except NotStoredError as reason:
            # An error in a later phase would lose what is trained by then.
            if self._storage.when == "always" and phase == 0:
                raise ValueError(f"cache=True, but nothing can be stored: {reason}.") from None
            given = self._live(network, seed, data, str(reason), few)
        return self._mixed(given, seed) if self._data.mixup else given

    def _mixed(self, given: PhaseInput, seed: int | None) -> PhaseInput:
        """Returns the same input with the items of the training batches mixed."""
        train = given.batches.train
        if not isinstance(train, keras.utils.PyDataset):
            raise ValueError(
                "mixup of a tf.data.Dataset needs its features stored, which cannot be done: "
                f"{given.not_stored}. Mix the items in the pipeline itself, and leave mixup out."
            )
        mixed = MixedBatches(train, self._data.mixup, seed)
        return replace(given, batches=replace(given.batches, train=mixed))

    def _live(
        self,
        network: Network,
        seed: int | None,
        data: TrainingData,
        reason: str,
        few: ItemDataset | None,
    ) -> PhaseInput:
        """Returns raw items with the full model, behind the augmentation if there is one."""
        model = folded(network.model)
        if data.augmentation is not None:
            image, *rest = (keras.Input(x.shape[1:], dtype=x.dtype) for x in model.inputs)
            given = keras.tree.pack_sequence_as(model.input, [data.augmentation(image), *rest])
            model = keras.Model([image, *rest] if rest else image, model(given))
        (part, request), *others = data.parts()
        train = part.requested(request._replace(seed=seed, transform=data.transform))
        held_out = [part.requested(request._replace(seed=seed)) for part, request in others]
        if any(varies := getattr(train, "varies", ())):  # batches of texts have different lengths
            model = of_any_length(model, varies)
        mirror = self._data.mirror
        mirrored = few and mirror and ChangedBatches(few.requested(self._data.plain), mirror)
        batches = self._batches(train, *held_out)
        return PhaseInput(model=model, batches=batches, mirrored=mirrored, not_stored=reason)

    @cached_property
    def _few(self) -> ItemDataset | None:
        """The images to mirror, if the data asks for that and they can be read again."""
        train = self._data.train
        if self._data.mirror is None or not isinstance(train, ItemDataset):
            return None
        return train.at_most(_MIRRORED)

    def _batches(
        self,
        train: keras.utils.PyDataset | TfData,
        validation: keras.utils.PyDataset | TfData | None = None,
    ) -> EpochBatches:
        """Puts the batches of a phase together with the data's batch size."""
        size = self._data.batch_size
        return EpochBatches(train=train, validation=validation, batch_size=size)

    def _stored(
        self,
        network: Network,
        mask: Sequence[bool],
        epochs: int,
        seed: int | None,
        data: TrainingData,
        few: ItemDataset | None,
        cut: str | None,
    ) -> PhaseInput:
        """Stores features, and gives them with the part of the model behind them.

        Raises:
            NotStoredError: Nothing can be stored, or it saves no time.
        """
        # All rows of a store have one shape.
        places = [cut for cut in cuts(network, mask) if cut.has_one_size]
        if self._storage.when == "never":
            raise NotStoredError("cache=False")
        if not any(cut.operations and not cut.in_head for cut in places):
            raise NotStoredError("no layer at the network's beginning is frozen")
        of_transform = 0 if data.transform is None else data.transform.views
        if (data.augmentation is not None and data.views == 1) or of_transform == 1:
            raise NotStoredError(
                "the augmentation makes new images in each epoch (views=4 stores four of each)"
            )
        contents = self._all_contents(epochs)
        wanted = [WantedFeatures(contents=part) for part in contents]
        if data.augmentation is not None:  # items to validate on are never augmented
            wanted[0] = replace(wanted[0], augmentation=data.augmentation, views=data.views)
        if few is not None:
            contents = [*contents, few.contents(data.plain)]
            wanted.append(WantedFeatures(contents=contents[-1], augmentation=data.mirror))
        first = contents[0]
        if data.transform is not None:
            assert isinstance(first, ItemContents)
            views = [first.view(data.transform, number) for number in range(of_transform)]
            wanted = [
                WantedFeatures(contents=views[0]),
                *wanted[1:],
                *(WantedFeatures(contents=x) for x in views[1:]),
            ]
        each = of_transform or wanted[0].views
        preparation = Preparation(
            network,
            places,
            wanted,
            self._storage,
            batch_size=data.batch_size,
            unit="view" if each > 1 else data.train.noun,
            go_on=self._go_on,
        )
        must = self._storage.when != "auto"
        stored = preparation.stored(epochs=epochs, must=must, seed=seed, cut=cut)
        features: list[Items] = list(stored.items[: len(contents)])
        if data.transform is not None:
            assert isinstance(first, ItemContents)
            of_views = [features[0], *stored.items[len(contents) :]]
            keys, shape = keys_of(first.hashes), data.train.shape
            features[0] = AnyView(of_views, data.transform, keys, shape, seed, first.beside)
        batches = [
            part.batches(items, seed=seed) for part, items in zip(contents, features, strict=True)
        ]
        tail = folded(split(network, stored.cut).tail)
        if any(varies := stored.items[0].varies):
            tail = of_any_length(tail, varies)
        mirrored = None if few is None else batches.pop()
        of_items = described(data.train, data.validation, each, few)
        return PhaseInput(
            model=tail,
            batches=self._batches(*batches),
            mirrored=mirrored,
            stored=replace(stored.part, described=of_items),
        )

    def _all_contents(self, epochs: int) -> list[Contents]:
        """Returns the contents of each dataset; a stream is read through only at the first call."""
        contents = []
        for part, request in self._data.parts():
            if id(part) not in self._contents:
                is_stream = not isinstance(part, ItemDataset)
                # Whether a stream repeats itself takes two readings, too many for one epoch.
                if self._storage.when == "auto" and epochs == 1 and is_stream:
                    raise NotStoredError("one epoch computes nothing twice")
                try:
                    self._contents[id(part)] = part.contents(request)
                except UnsteadyData as reason:
                    raise NotStoredError(str(reason).rstrip(".")) from reason
            contents.append(self._contents[id(part)])
        return contents
