"""`tf.data.Dataset`, batched or not. TensorFlow is there if somebody hands one in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .dataset import Request
from .options import Options
from .streams import StreamDataset, own_names, peeked_rescale, stream_classes

_PEEK = 32  # images of an unbatched stream: a black one alone would look divided by 255
_FORMS = "(image, label) or (image, label, sample_weight), batched or not"


def is_tf_data(source: object) -> bool:
    """Whether it is a `tf.data.Dataset`, without importing TensorFlow."""
    return hasattr(source, "element_spec") and hasattr(source, "cardinality")


@dataclass(frozen=True, kw_only=True, eq=False)
class TfDataset(StreamDataset):
    """A `tf.data` pipeline with the conversion as its last `map`."""

    def _batches(self, request: Request) -> Any:
        import tensorflow as tf

        batch_size, encoding, class_weight, *_ = request
        image, label = (*_specs(self.source), None)[:2]
        integers = image.dtype.is_integer and self.rescale is None
        types: list[Any] = [tf.uint8 if integers else tf.float32]
        shapes: list[tuple[int | None, ...]] = [(None, *self.image_size, 3)]
        if self.class_names:
            types.append(_label_type(encoding, label))
            shapes.append(self._label_shape(encoding, label))
            if class_weight is not None or len(_specs(self.source)) == 3:
                types.append(tf.float32)
                shapes.append((None,))

        def convert(*batch: Any) -> Any:
            def run(*parts: np.ndarray) -> Any:
                return self.convert(encoding, class_weight, *parts)

            parts = tf.numpy_function(run, batch, types, stateful=False)
            for part, shape in zip(parts, shapes, strict=True):
                part.set_shape(shape)
            return tuple(parts)

        source = self.source
        if image.shape.rank == 4:
            return source.map(convert, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
        if image.shape.is_fully_defined():
            source = source.batch(batch_size).map(convert, tf.data.AUTOTUNE)
        else:  # of different sizes: a batch is possible only after the resize
            source = source.batch(1).map(convert, tf.data.AUTOTUNE).unbatch().batch(batch_size)
        return source.prefetch(tf.data.AUTOTUNE)

    def _epoch(self, batches: Any) -> Iterator[tuple[np.ndarray, ...]]:
        return batches.as_numpy_iterator()

    @property
    def _may_be_endless(self) -> bool:
        import tensorflow as tf

        return bool(self.source.cardinality() == tf.data.UNKNOWN_CARDINALITY)

    def _label_shape(self, encoding: str | None, label: Any) -> tuple[int | None, ...]:
        if encoding is None:
            unbatched = _specs(self.source)[0].shape.rank == 3
            return (None, *label.shape[0 if unbatched else 1 :])
        width = {"index": (), "one-hot": (len(self.class_names),), "binary": (1,)}
        return (None, *width[encoding])


def _label_type(encoding: str | None, label: Any) -> Any:
    import tensorflow as tf

    return {None: label.dtype, "index": tf.int32}.get(encoding, tf.float32)


def load_tf_data(source: Any, options: Options, *, labelled: bool = True) -> TfDataset:
    """A dataset over a `tf.data.Dataset`."""
    specs = _specs(source)
    _check(source, specs, labelled)
    unbatched = specs[0].shape.rank == 3
    peek = source.batch(1).take(_PEEK) if unbatched else source.take(1)
    first = [batch if isinstance(batch, tuple) else (batch,) for batch in peek.as_numpy_iterator()]
    if not first:
        raise ValueError("The tf.data.Dataset is empty: it gave no element.")
    names = getattr(source, "class_names", None) if labelled else None
    if names:
        options = replace(options, class_names=own_names(names, options, "The tf.data.Dataset"))
    class_names: tuple[str, ...] = ()
    labels = None
    if labelled:
        targets = np.concatenate([batch[1] for batch in first])
        class_names, labels = stream_classes(
            targets, options, lambda: _labels(source), positions=bool(names)
        )
    known = tuple(specs[0].shape[-3:-1])
    size = options.image_size or (options.default_image_size if None in known else known)
    return TfDataset(
        source=source,
        rescale=peeked_rescale([batch[0] for batch in first], options, "The tf.data.Dataset"),
        positions=bool(names),
        class_names=class_names,
        labels=labels,
        shape=(*size, 3),
        interpolation=options.interpolation,
        resampling=options.interpolation,
        multi_label=options.multi_label,
        size=_count(source, labels, unbatched),
    )


def _specs(source: Any) -> tuple[Any, ...]:
    spec = source.element_spec
    return spec if isinstance(spec, tuple) else (spec,)


def _labels(source: Any) -> Iterator[np.ndarray]:
    return (np.atleast_1d(y) for y in source.map(lambda *parts: parts[1]).as_numpy_iterator())


def _count(source: Any, labels: np.ndarray | None, unbatched: bool) -> int | None:
    if labels is not None:
        return len(labels)
    count = int(source.cardinality())
    return count if unbatched and count >= 0 else None


def _check(source: Any, specs: tuple[Any, ...], labelled: bool) -> None:
    import tensorflow as tf

    if source.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError("The tf.data.Dataset never ends. Leave out .repeat(), or add .take(n).")
    received = f"Received: element_spec={source.element_spec}"
    if not all(isinstance(spec, tf.TensorSpec) for spec in specs):
        raise ValueError(f"A tf.data.Dataset must hold {_FORMS}. {received}")
    if labelled and len(specs) not in (2, 3):
        raise ValueError(f"A tf.data.Dataset to learn from must hold {_FORMS}. {received}")
    image = specs[0]
    if not (image.dtype.is_integer or image.dtype.is_floating) or image.shape.rank not in (3, 4):
        raise ValueError(
            "Images in a tf.data.Dataset must be numbers of shape (height, width, 3), or "
            "(batch, height, width, 3). tf.io.decode_image tells its shape with "
            f"expand_animations=False. {received}"
        )
    ranks = (0, 1) if image.shape.rank == 3 else (1, 2)
    if labelled and (specs[1].shape.rank not in ranks or specs[1].dtype == tf.string):
        raise ValueError(
            "Labels in a tf.data.Dataset must be ids or one-hot rows, as batched as the images. "
            + received
        )
