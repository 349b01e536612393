"""Reads `ImageDataGenerator` iterators, and any other `keras.utils.PyDataset`."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
import numpy as np

from transferlearn.data.batches import AHEAD
from transferlearn.data.contents import Contents, read_ahead
from transferlearn.data.dataset import Request
from transferlearn.data.images.checking import refuse_bad
from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.pixels import is_divided
from transferlearn.data.images.streams import flows
from transferlearn.data.images.streams.base import StreamDataset, peeked_rescale
from transferlearn.data.images.streams.rereading import patiently
from transferlearn.data.messages import notice
from transferlearn.data.targets.base import ByBatch, Target, Targets

# Settings that prepare pixels for a network, which the model here does itself.
_REFUSED = (
    "preprocessing_function",
    "samplewise_center",
    "samplewise_std_normalization",
    "featurewise_center",
    "featurewise_std_normalization",
    "zca_whitening",
)
_NO_LABELS = "The generator gives images without labels, and training needs both."


class ConvertedBatches(keras.utils.PyDataset):
    """Yields the batches of another `PyDataset`, each converted, and changes nothing else."""

    def __init__(
        self, source: keras.utils.PyDataset, convert: partial[tuple[np.ndarray, ...]]
    ) -> None:
        super().__init__(source.workers, source.use_multiprocessing, source.max_queue_size)
        self._source = source
        self._convert = convert

    def __len__(self) -> int:
        return self._source.num_batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        return self._convert(*_parts(self._source[index]))

    def on_epoch_begin(self) -> None:
        """Hands Keras's hook on to the other `PyDataset`."""
        self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Hands Keras's hook on to the other `PyDataset`."""
        self._source.on_epoch_end()


def _parts(batch: object) -> tuple[Any, ...]:
    """Returns a batch as a tuple, also where it is x alone."""
    return tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorDataset(StreamDataset):
    """Holds a `PyDataset` of images, such as an `ImageDataGenerator` iterator.

    Attributes:
        hashes: The hash of each file's decoded pixels; `None` where the source lists no files.
    """

    hashes: list[str] | None = None

    @property
    def paths(self) -> list[str] | None:
        """The paths of the files; `None` for no files, and for a shuffled order of them."""
        return None if getattr(self.source, "shuffle", False) else self.names

    def content_hashes(self) -> list[str] | None:
        """Returns the SHA-256 of each file's decoded pixels; `None` where there are no files."""
        return self.hashes

    def requested(self, request: Request) -> ConvertedBatches:
        """Returns the batches of the source, each converted."""
        return ConvertedBatches(self.source, partial(self.convert, request))

    def contents(self, request: Request) -> Contents:
        """Reads an iterator of Keras item by item, and any other `PyDataset` twice."""
        source = self.source
        if not flows.is_known(source):
            return super().contents(request)
        flows.check_steady(source)
        beside = (None, None) if self.targets is None else flows.labels(source)
        reading = f"{flows.reading(source)} {self.image_size} {self.resampling} {self.rescale}"
        return flows.FlowContents(
            hashes=flows.hashes(source),
            reading=reading,
            source=source,
            order=flows.order_of(source),
            pixels=self.pixels,
            rest=self.rest(request, *beside),
        )

    def epoch(self, batches: ConvertedBatches) -> Iterator[tuple[np.ndarray, ...]]:
        """Reads one epoch, ahead of need and in as many threads as the source has workers."""
        workers = max(batches.workers, 1)
        batches.on_epoch_begin()
        try:
            with ThreadPoolExecutor(workers) as pool:

                def start(index: np.ndarray) -> Callable[[], Any]:
                    return pool.submit(batches.__getitem__, int(index[0])).result

                ahead = max(workers, AHEAD)
                for _, batch in read_ahead(start, np.arange(len(batches)), 1, ahead=ahead):
                    yield batch
        finally:
            batches.on_epoch_end()


def load_generator(
    source: keras.utils.PyDataset, options: ImageOptions, target: Target | None
) -> GeneratorDataset:
    """Makes a dataset of a `PyDataset`.

    Args:
        source: A `PyDataset` that gives batches of images, with targets or without.
        options: Says how the images are read.
        target: What is to be learnt of the images; `None`: nothing, they are predicted on.

    Raises:
        ValueError: The source gives nothing, or something that cannot be used.
    """
    if not source.num_batches:
        raise ValueError(
            "The PyDataset must have a length, its number of batches (`__len__`), of 1 or more. "
            f"Received: {source.num_batches}"
        )
    settings = getattr(source, "image_data_generator", None)
    if settings is None:
        return _load_any(source, options, target)
    _check_settings(settings)
    load = _load_files if hasattr(source, "target_size") else _load_array
    return load(source, settings.rescale or None, options, target)


def _load_any(
    source: keras.utils.PyDataset, options: ImageOptions, target: Target | None
) -> GeneratorDataset:
    """Makes a dataset of a `PyDataset` that is no `ImageDataGenerator` iterator."""
    first = _parts(source[0])
    images, targets = np.asarray(first[0]), None
    rescale = peeked_rescale([images], options, "The first batch")
    shape = (*(options.image_size or images.shape[1:3]), 3)
    if target is not None:
        if len(first) < 2:
            raise ValueError(_NO_LABELS)
        origin = ByBatch(
            what="The PyDataset",
            first=np.asarray(first[1]),
            read=lambda: patiently(_targets(source)),
            shape=images.shape[1:],
        )
        targets = target.of_stream(origin).of_shape(shape, letterboxed=options.fit == "letterbox")
    return GeneratorDataset(
        source=source,
        rescale=rescale,
        shape=shape,
        interpolation=options.interpolation,
        resampling=options.resizing,
        targets=targets,
        size=None if targets is None else targets.count,
    )


def _targets(source: keras.utils.PyDataset) -> Iterator[np.ndarray]:
    """Reads the whole `PyDataset`, and gives the targets of each batch."""
    return (np.asarray(source[i][1]) for i in range(source.num_batches))


def _check_settings(settings: object) -> None:
    """Refuses settings that prepare pixels for a network."""
    used = [name for name in _REFUSED if getattr(settings, name, None)]
    if used:
        raise ValueError(
            f"The ImageDataGenerator uses {', '.join(used)}, but the model gets raw pixels and "
            "does the preprocessing of its backbone itself. Leave them out of the "
            "ImageDataGenerator. Its rescale is undone; random shifts, turns and flips are fine."
        )


def _load_files(
    source: keras.utils.PyDataset,
    rescale: float | None,
    options: ImageOptions,
    target: Target | None,
) -> GeneratorDataset:
    """Makes a dataset of an `ImageDataGenerator` iterator over files."""
    size = tuple(source.target_size)
    if source.color_mode != "rgb" or source.data_format != "channels_last":
        raise ValueError(
            'The generator must give RGB images, color_mode="rgb", data_format="channels_last"; '
            "grey files are turned into RGB. "
            f"Received: color_mode={source.color_mode!r}, data_format={source.data_format!r}"
        )
    if options.image_size not in (None, size):
        raise ValueError(
            f"The generator gives images of {size}, image_size is {options.image_size}. "
            f"Pass target_size={options.image_size} to the generator."
        )
    if options.fit != "stretch":
        raise ValueError(
            "The generator stretches its files itself, so they cannot be letterboxed: pass the "
            f"folder itself. Received: fit={options.fit!r}"
        )
    if source.keep_aspect_ratio:
        notice("The generator crops to keep the aspect ratio; `predict` resizes without cropping.")
    targets = None if target is None else _targets_of_files(source, target)
    paths = list(source.filepaths)
    return GeneratorDataset(
        source=source,
        hashes=refuse_bad(paths),
        rescale=rescale,
        shape=(*size, 3),
        interpolation=source.interpolation,
        targets=targets,
        size=len(paths),
        names=paths,
    )


def _targets_of_files(source: keras.utils.PyDataset, target: Target) -> Targets:
    """Finds the targets that an iterator over files holds for all of them."""
    mode = source.class_mode
    if mode in (None, "input"):
        raise ValueError(f'{_NO_LABELS} Pass class_mode="categorical". Received: {mode!r}')
    rows, names = source.classes if mode not in ("raw", "multi_output") else None, None
    if rows is None:
        columns = np.column_stack(source.labels) if mode == "multi_output" else source.labels
        rows = np.asarray(columns).astype(float)
    else:
        names = tuple(sorted(source.class_indices, key=source.class_indices.get))
    origin = ByBatch(
        what="The generator",
        first=np.empty(0),
        read=list,
        rows=rows,
        names=names,
        mode=mode,
    )
    return target.of_stream(origin)


def _load_array(
    source: keras.utils.PyDataset,
    rescale: float | None,
    options: ImageOptions,
    target: Target | None,
) -> GeneratorDataset:
    """Makes a dataset of an `ImageDataGenerator` iterator over an array."""
    shape, targets = (*(options.image_size or source.x.shape[1:3]), 3), None
    if target is not None:
        if source.y is None:
            raise ValueError(f"{_NO_LABELS} Pass y to `flow`.")
        first, of_item = np.asarray(source.y), source.x.shape[1:]
        origin = ByBatch(what="The generator", first=first, read=list, rows=source.y, shape=of_item)
        targets = target.of_stream(origin).of_shape(shape, letterboxed=options.fit == "letterbox")
    # The array is what `rescale` is applied to, so a value_range describes it only without one.
    range_of_x = replace(options, value_range=None) if rescale else options
    divided = is_divided(source.x, range_of_x, "x of the generator")
    return GeneratorDataset(
        source=source,
        rescale=(rescale or 1) * (1 / 255 if divided else 1) if rescale or divided else None,
        shape=shape,
        interpolation=options.interpolation,
        resampling=options.resizing,
        targets=targets,
        size=len(source.x),
    )
