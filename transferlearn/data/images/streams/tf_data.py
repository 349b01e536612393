"""Makes datasets of images of a `tf.data.Dataset`, batched or not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transferlearn.data.dataset import Request
from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.streams.base import StreamDataset, peeked_rescale
from transferlearn.data.images.streams.rereading import patiently
from transferlearn.data.iterating import refuse_endless
from transferlearn.data.targets.base import ByBatch, Target
from transferlearn.types import TfData

_PEEK = 32  # images of an unbatched stream: a black one alone would look divided by 255
_FORMS = "(image, label) or (image, label, sample_weight), batched or not"


@dataclass(frozen=True, kw_only=True, eq=False)
class TfDataset(StreamDataset):
    """Holds a `tf.data` pipeline of images, to which it adds a `map` that converts each batch.

    Attributes:
        example: The targets and weights of a few items, as the pipeline gives them.
    """

    example: tuple[np.ndarray, ...] = ()

    def requested(self, request: Request) -> TfData:
        """Returns the pipeline in batches, each converted."""
        import tensorflow as tf  # whoever passes such a dataset has it installed

        image = _specs(self.source)[0]
        integers = image.dtype.is_integer and self.rescale is None
        example = self.rest(request, *(*self.example, None)[:2]) if self.targets else ()
        types: list[Any] = [tf.uint8 if integers else tf.float32]
        types += [tf.as_dtype(part.dtype) for part in example]
        shapes = [(None, *self.shape), *((None, *part.shape[1:]) for part in example)]

        def convert(*batch: object) -> tuple[object, ...]:
            def run(*parts: np.ndarray) -> tuple[np.ndarray, ...]:
                return self.convert(request, *parts)

            parts = tf.numpy_function(run, batch, types, stateful=False)
            # TensorFlow cannot know the shapes that a NumPy function gives.
            for part, shape in zip(parts, shapes, strict=True):
                part.set_shape(shape)
            return tuple(parts)

        source = self.source
        if image.shape.rank == 4:
            return source.map(convert, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
        if image.shape.is_fully_defined():
            source = source.batch(request.batch_size).map(convert, tf.data.AUTOTUNE)
        else:  # of different sizes: a batch is possible only after the resize
            one_by_one = source.batch(1).map(convert, tf.data.AUTOTUNE).unbatch()
            source = one_by_one.batch(request.batch_size)
        return source.prefetch(tf.data.AUTOTUNE)

    def epoch(self, batches: TfData) -> Iterator[tuple[np.ndarray, ...]]:
        """Reads one epoch of the converted batches, as arrays."""
        return batches.as_numpy_iterator()

    @property
    def may_be_endless(self) -> bool:
        """Returns whether TensorFlow does not know how many batches there are."""
        import tensorflow as tf

        return bool(self.source.cardinality() == tf.data.UNKNOWN_CARDINALITY)


def load_tf_data(source: Any, options: ImageOptions, target: Target | None) -> TfDataset:
    """Makes a dataset of a `tf.data.Dataset`.

    Args:
        source: A `tf.data.Dataset` of images, or of batches of them, with targets or without.
        options: Says how the images are read.
        target: What is to be learnt of the images; `None`: nothing, they are predicted on.

    Raises:
        ValueError: The source is empty, never ends, or gives something that cannot be used.
    """
    source = _photos_alone(source) if target is None else target.packed(source)
    specs = _specs(source)
    _check(source, specs, target)
    unbatched = specs[0].shape.rank == 3
    peek = source.batch(1).take(_PEEK) if unbatched else source.take(1)
    first = [batch if isinstance(batch, tuple) else (batch,) for batch in peek.as_numpy_iterator()]
    if not first:
        raise ValueError("The tf.data.Dataset is empty: it gave no element.")
    images, *beside = zip(*first, strict=True)
    example = tuple(_joined(part) for part in beside)
    known = tuple(specs[0].shape[-3:-1])
    size = options.image_size or (options.default_image_size if None in known else known)
    shape, targets = (*size, 3), None
    if target is not None:
        names = getattr(source, "class_names", None)
        origin = ByBatch(
            what="The tf.data.Dataset",
            first=example[0],
            read=lambda: patiently(_targets(source.batch(1) if unbatched else source)),
            shape=images[0].shape[1:],
            names=tuple(names) if names else None,
        )
        targets = target.of_stream(origin).of_shape(shape, letterboxed=options.fit == "letterbox")
    return TfDataset(
        source=source,
        rescale=peeked_rescale(images, options, "The tf.data.Dataset"),
        example=example,
        targets=targets,
        shape=shape,
        interpolation=options.interpolation,
        resampling=options.resizing,
        size=_count(source, None if targets is None else targets.count, unbatched),
    )


def _photos_alone(source: Any) -> Any:
    """Leaves out targets that are no single tensor, such as boxes, where none are asked for."""
    import tensorflow as tf

    if all(isinstance(spec, tf.TensorSpec) for spec in _specs(source)[1:]):
        return source
    return source.map(lambda image, *_: image)


def _specs(source: TfData) -> tuple[Any, ...]:
    """Returns the specs of an element's parts, as a tuple."""
    spec = source.element_spec
    return spec if isinstance(spec, tuple) else (spec,)


def _targets(source: Any) -> Iterator[np.ndarray]:
    """Reads the whole stream of batches, and gives the targets of each."""
    targets: Iterator[np.ndarray] = source.map(lambda *parts: parts[1]).as_numpy_iterator()
    return targets


def _count(source: TfData, targets: int | None, unbatched: bool) -> int | None:
    """Returns the number of items; `None` where only a reading of the stream would tell."""
    if targets is not None:
        return targets
    count = int(source.cardinality())
    return count if unbatched and count >= 0 else None


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Joins those of the first targets that have the shape of the very first: masks may differ."""
    return np.concatenate([part for part in parts if part.shape[1:] == parts[0].shape[1:]])


def _check(source: TfData, specs: tuple[Any, ...], target: Target | None) -> None:
    """Refuses a stream that is endless, or whose elements cannot be used."""
    import tensorflow as tf

    refuse_endless(source)
    received = f"Received: element_spec={source.element_spec}"
    if not all(isinstance(spec, tf.TensorSpec) for spec in specs):
        raise ValueError(f"A tf.data.Dataset must hold {_FORMS}. {received}")
    if target is not None and len(specs) not in (2, 3):
        raise ValueError(f"A tf.data.Dataset to learn from must hold {_FORMS}. {received}")
    image = specs[0]
    if not (image.dtype.is_integer or image.dtype.is_floating) or image.shape.rank not in (3, 4):
        raise ValueError(
            "Images in a tf.data.Dataset must be numbers of shape (height, width, 3), or "
            "(batch, height, width, 3). tf.io.decode_image tells its shape with "
            f"expand_animations=False. {received}"
        )
    if target is None:
        return
    ranks = [rank + (image.shape.rank == 4) for rank in target.ranks]
    if specs[1].shape.rank not in ranks or specs[1].dtype == tf.string:
        form = "ids or one-hot rows" if target.ranks == (0, 1) else f"arrays of {ranks} axes"
        raise ValueError(
            f"Labels in a tf.data.Dataset must be {form}, as batched as the images. {received}"
        )
