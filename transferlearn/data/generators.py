"""`ImageDataGenerator` iterators, and any other `keras.utils.PyDataset`."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
import numpy as np

from . import flows
from .batches import AHEAD
from .contents import Contents, read_ahead
from .dataset import Request
from .labels import class_labels
from .notices import notice
from .options import Options
from .pixels import is_divided
from .streams import StreamDataset, own_names, peeked_rescale, stream_classes
from .verify import refuse_bad

_REFUSED = (
    "preprocessing_function",
    "samplewise_center",
    "samplewise_std_normalization",
    "featurewise_center",
    "featurewise_std_normalization",
    "zca_whitening",
)


class ConvertedBatches(keras.utils.PyDataset):
    """Another `PyDataset` with each batch converted, and all else as it was."""

    def __init__(self, source: keras.utils.PyDataset, convert: partial) -> None:
        super().__init__(source.workers, source.use_multiprocessing, source.max_queue_size)
        self._source = source
        self._convert = convert

    def __len__(self) -> int:
        return self._source.num_batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        return self._convert(*_parts(self._source[index]))

    def on_epoch_begin(self) -> None:
        """Keras's hook, handed on."""
        self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Keras's hook, handed on."""
        self._source.on_epoch_end()


def _parts(batch: Any) -> tuple[Any, ...]:
    return tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorDataset(StreamDataset):
    """A `PyDataset` of images; `hashes` where it lists its files."""

    hashes: list[str] | None = None

    def content_hashes(self) -> list[str] | None:
        """SHA-256 of the decoded pixels of each file; `None` where there are no files."""
        return self.hashes

    def _batches(self, request: Request) -> ConvertedBatches:
        convert = partial(self.convert, request.encoding, request.class_weight)
        return ConvertedBatches(self.source, convert)

    def _contents(self, request: Request) -> Contents:
        source = self.source
        if not flows.is_known(source):
            return super()._contents(request)
        flows.check_steady(source)
        given = flows.labels(source) if self.class_names else (None, None)
        return flows.FlowContents(
            hashes=flows.hashes(source),
            reading=f"{flows.reading(source)} {self.image_size} {self.resampling} {self.rescale}",
            source=source,
            order=flows.order_of(source),
            pixels=self._pixels,
            rest=self._rest(request.encoding, request.class_weight, *given),
        )

    def _epoch(self, batches: ConvertedBatches) -> Iterator[tuple[np.ndarray, ...]]:
        """Read ahead by as many threads as the source has workers."""
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
    source: keras.utils.PyDataset, options: Options, *, labelled: bool = True
) -> GeneratorDataset:
    """A dataset over a `PyDataset`."""
    if not source.num_batches:
        raise ValueError(
            "The PyDataset must have a length, its number of batches (`__len__`), of 1 or more. "
            f"Received: {source.num_batches}"
        )
    settings = getattr(source, "image_data_generator", None)
    if settings is None:
        return _load_any(source, options, labelled)
    _check_settings(settings)
    if hasattr(source, "target_size"):
        return _load_files(source, settings.rescale or None, options, labelled)
    return _load_array(source, settings.rescale or None, options, labelled)


def _load_any(source: Any, options: Options, labelled: bool) -> GeneratorDataset:
    first = _parts(source[0])
    class_names: tuple[str, ...] = ()
    labels = None
    if labelled:
        if len(first) < 2:
            raise ValueError(_NO_LABELS)
        targets = np.asarray(first[1])
        class_names, labels = stream_classes(
            targets, options, lambda: _labels(source), positions=False
        )
    x = np.asarray(first[0])
    rescale = peeked_rescale([x], options, "The first batch")
    return GeneratorDataset(
        source=source,
        rescale=rescale,
        shape=(*(options.image_size or x.shape[1:3]), 3),
        interpolation=options.interpolation,
        resampling=options.interpolation,
        class_names=class_names,
        labels=labels,
        multi_label=options.multi_label,
        size=None if labels is None else len(labels),
    )


_NO_LABELS = "The generator gives images without labels, and training needs both."


def _labels(source: keras.utils.PyDataset) -> Iterator[np.ndarray]:
    return (np.asarray(source[i][1]) for i in range(source.num_batches))


def _check_settings(settings: Any) -> None:
    used = [name for name in _REFUSED if getattr(settings, name, None)]
    if used:
        raise ValueError(
            f"The ImageDataGenerator uses {', '.join(used)}, but the model gets raw pixels and "
            "does the preprocessing of its backbone itself. Leave them out of the "
            "ImageDataGenerator. Its rescale is undone; random shifts, turns and flips are fine."
        )


def _load_files(
    source: Any, rescale: float | None, options: Options, labelled: bool
) -> GeneratorDataset:
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
    if source.keep_aspect_ratio:
        notice("The generator crops to keep the aspect ratio; `predict` resizes without cropping.")
    class_names, labels = _file_classes(source, options) if labelled else ((), None)
    paths = list(source.filepaths)
    return GeneratorDataset(
        source=source,
        hashes=refuse_bad(paths),
        rescale=rescale,
        positions=True,
        shape=(*size, 3),
        interpolation=source.interpolation,
        class_names=class_names,
        labels=labels,
        multi_label=options.multi_label,
        size=len(paths),
        names=None if source.shuffle and not labelled else paths,
    )


def _file_classes(source: Any, options: Options) -> tuple[tuple[str, ...], np.ndarray]:
    mode = source.class_mode
    if mode in (None, "input"):
        raise ValueError(f'{_NO_LABELS} Pass class_mode="categorical". Received: {mode!r}')
    if mode in ("raw", "multi_output"):
        if not options.multi_label:
            raise ValueError(
                f"class_mode={mode!r} is for multi_label=True; for one class an image pass "
                'class_mode="categorical".'
            )
        rows = np.column_stack(source.labels) if mode == "multi_output" else source.labels
        labels, class_names = class_labels(np.asarray(rows).astype(float), options)
        return class_names, labels
    names = own_names(
        sorted(source.class_indices, key=source.class_indices.get), options, "The generator"
    )
    several = any(isinstance(ids, list) for ids in source.classes)
    if several and not options.multi_label:
        raise ValueError("The generator has images of several classes: pass multi_label=True.")
    if not options.multi_label:
        return names, np.asarray(source.classes, np.int32)
    if mode != "categorical":
        raise ValueError(f'multi_label=True needs class_mode="categorical". Received: {mode!r}')
    rows = np.zeros((len(source.classes), len(names)), np.float32)
    for row, ids in zip(rows, source.classes, strict=True):
        row[ids] = 1
    return names, rows


def _load_array(
    source: Any, rescale: float | None, options: Options, labelled: bool
) -> GeneratorDataset:
    class_names: tuple[str, ...] = ()
    labels = None
    if labelled:
        if source.y is None:
            raise ValueError(f"{_NO_LABELS} Pass y to `flow`.")
        labels, class_names = class_labels(source.y, options)
    # The array is what `rescale` is applied to, so a value_range describes it only without one.
    range_of_x = replace(options, value_range=None) if rescale else options
    divided = is_divided(source.x, range_of_x, "x of the generator")
    return GeneratorDataset(
        source=source,
        rescale=(rescale or 1) * (1 / 255 if divided else 1) if rescale or divided else None,
        shape=(*(options.image_size or source.x.shape[1:3]), 3),
        interpolation=options.interpolation,
        resampling=options.interpolation,
        class_names=class_names,
        labels=labels,
        multi_label=options.multi_label,
        size=len(source.x),
    )
