"""Reads recordings from a `tf.data.Dataset`, whose elements are samples, batched or not."""

from typing import Any

import numpy as np

from transferlearn.data.iterating import refuse_endless
from transferlearn.edge import AudioReader
from transferlearn.types import TfData

_EXPECTED = (
    "A tf.data.Dataset of recordings holds samples, (samples,) or (samples, channels), batched or "
    "not, and to learn from them (samples, label)"
)


def recordings_of(source: TfData, reader: AudioReader) -> list[np.ndarray]:
    """Reads all recordings of a stream, with or without labels."""
    spec = source.element_spec
    _check(source, spec[0] if isinstance(spec, tuple) and spec else spec)
    elements = (x[0] if isinstance(x, tuple) else x for x in source)
    return [samples for x in elements for samples in _apart(x, reader)]


def labelled_recordings(source: TfData, reader: AudioReader) -> tuple[Any, ...]:
    """Reads all recordings, labels and maybe weights of a stream.

    What `keras.utils.audio_dataset_from_directory` made has names of classes for its labels.
    """
    spec = source.element_spec
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        raise ValueError(f"{_EXPECTED}. Received: element_spec={spec}")
    _check(source, spec[0])
    x: list[np.ndarray] = []
    beside: list[list[np.ndarray]] = [[] for _ in spec[1:]]
    for element in source:
        found = _apart(element[0], reader)
        batched = len(found) > 1 or element[0].shape.rank > found[0].ndim
        x += found
        for rows, part in zip(beside, element[1:], strict=True):
            rows += list(part.numpy()) if batched else [part.numpy()]
    if not x:
        raise ValueError("The tf.data.Dataset is empty: it gave no element.")
    labels, *weights = (np.stack(rows) for rows in beside)
    return (x, _named(labels, getattr(source, "class_names", None)), *weights)


def _check(source: TfData, spec: Any) -> None:
    """Refuses a stream that is endless or holds no samples."""
    dtype = getattr(spec, "dtype", None)
    if dtype is None or not (dtype.is_floating or dtype.is_integer) or not spec.shape.rank:
        raise ValueError(f"{_EXPECTED}. Received: element_spec={source.element_spec}")
    refuse_endless(source)


def _apart(x: Any, reader: AudioReader) -> list[np.ndarray]:
    """Returns the recordings that an element holds: one, or a batch, which may be ragged."""
    if hasattr(x, "row_splits"):
        return [row.numpy() for row in x]
    array = x.numpy()
    return [array] if reader.is_one(array) else list(array)


def _named(labels: np.ndarray, names: object) -> np.ndarray:
    """Returns the names of the classes that ids or one-hot rows stand for."""
    if labels.dtype.kind in "SO":
        return np.array([label.decode("utf-8", "backslashreplace") for label in labels.ravel()])
    if not names:
        return labels
    ids = labels.argmax(axis=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.ravel()
    return np.array(names)[ids.astype(int)]
