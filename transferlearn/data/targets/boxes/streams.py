"""Reads boxes of a `tf.data.Dataset`, of which each batch holds one array."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from transferlearn.data.messages import indented
from transferlearn.data.targets.boxes.checking import Notes, check_format_fits, checked
from transferlearn.data.targets.boxes.drawn import Drawn, Found, Photo
from transferlearn.data.targets.boxes.formats import to_corners
from transferlearn.data.targets.boxes.naming import names_of, numbering
from transferlearn.data.targets.labels import class_values
from transferlearn.types import TfData

_FORM = '(image, {"boxes": (boxes, 4), "labels": (boxes,)}) or with a sample_weight, batched or not'
_LABEL, _HEIGHT, _WIDTH, _COLUMNS = 4, 5, 6, 7  # behind the four numbers of a box
_PADDING = -1
_LOOKED_AT = 1000  # elements of a stream, for an error that names its classes
_UNKNOWN = -2  # a name that is not among class_names


def with_packed_boxes(source: Any, most: int, class_names: Sequence[str] | None) -> TfData:
    """Puts the boxes and labels of each element into one tensor, `(boxes, 7)`.

    A row is a box in the stream's format, its label, and the height and width of the photo. There
    are `most` rows, of which those without a box have the label -1.

    Args:
        source: A dataset of photos with a mapping of `boxes` and `labels`, dense or ragged.
        most: How many rows a photo has at least.
        class_names: The names of the classes, by which labels that are names become numbers; an
            empty name is padding.

    Raises:
        ValueError: The dataset holds something else, or names without `class_names`.
    """
    import tensorflow as tf  # whoever passes such a dataset has it installed

    spec = source.element_spec
    is_tuple = isinstance(spec, tuple) and len(spec) in (2, 3)
    if not is_tuple or not isinstance(spec[1], dict) or not {"boxes", "labels"} <= set(spec[1]):
        raise ValueError(
            f"A tf.data.Dataset of boxes must hold {_FORM}. Received: element_spec={spec}"
        )
    named = spec[1]["labels"].dtype == tf.string
    if named and class_names is None:
        raise ValueError(
            "The labels of boxes in this tf.data.Dataset are names. Say which number each class "
            f"has: class_names={_names_in(source)}."
        )

    def pack(image, given, *rest):  # type: ignore[no-untyped-def]
        boxes, labels = given["boxes"], given["labels"]
        if isinstance(labels, tf.RaggedTensor):
            labels = labels.to_tensor("" if named else _PADDING)
        if isinstance(boxes, tf.RaggedTensor):
            boxes = boxes.to_tensor(_PADDING, shape=[None] * (boxes.shape.rank - 1) + [4])
        if named:
            alike = labels[..., None] == tf.constant(class_names)
            numbers = tf.gather(
                class_values(class_names or ()), tf.argmax(tf.cast(alike, tf.int32), -1)
            )
            numbers = tf.where(tf.reduce_any(alike, -1), numbers, _UNKNOWN)
            labels = tf.where(labels == "", tf.constant(_PADDING, tf.int64), numbers)
        boxes, labels = tf.cast(boxes, tf.float32), tf.cast(labels, tf.float32)[..., None]
        rows = tf.concat([boxes, labels], axis=-1)
        missing = tf.maximum(most - tf.shape(rows)[-2], 0)
        before = [[0, 0]] * (boxes.shape.rank - 2)
        rows = tf.pad(rows, [*before, [0, missing], [0, 0]], constant_values=_PADDING)
        size = tf.cast(tf.shape(image)[-3:-1], tf.float32)
        rows = tf.concat([rows, tf.zeros_like(rows[..., :2]) + size], axis=-1)
        rows.set_shape([*boxes.shape[:-2], None, _COLUMNS])
        return (image, rows, *rest)

    packed: TfData = source.map(pack, tf.data.AUTOTUNE)
    return packed


def _names_in(source: Any) -> list[str]:
    """Reads the names of the classes in a stream whose labels are names."""
    names: set[str] = set()
    for element in source.take(_LOOKED_AT):
        labels = element[1]["labels"]
        names |= {name.decode() for name in getattr(labels, "flat_values", labels).numpy().flat}
    return sorted(names - {""})


@dataclass(frozen=True)
class BoxStream:
    """Describes how the boxes of a stream's batches are read.

    Attributes:
        format: The name of their format.
        names: The names of the classes.
    """

    format: str
    names: tuple[str, ...]

    def found(self, batches: Sequence[np.ndarray], what: str, notes: Notes) -> list[Found]:
        """Checks the boxes of some batches, as `with_packed_boxes` gives them.

        Raises:
            ValueError: Boxes are bad; a stream cannot leave out their photos.
        """
        number_of, photos, bad = numbering(self.names), _photos(batches), []
        check_format_fits([drawn for drawn, _ in photos], self.format, chosen=True)
        found = []
        for i, (drawn, photo) in enumerate(photos):
            corners = to_corners(drawn.boxes, self.format, photo.size)
            lacking = ["none of class_names" if x == _UNKNOWN else x for x in drawn.labels]
            drawn = replace(drawn, labels=lacking)
            called = f"photo {i}"
            boxes, reason = checked(drawn, corners, photo, number_of, called, notes)
            found.append(boxes)
            if reason:
                bad.append(f"{called}: {reason}")
        if bad:
            raise ValueError(
                f"{what} has bad boxes; repair them, or leave their photos out:{indented(bad)}"
            )
        return found


def stream_names(batches: Sequence[np.ndarray]) -> tuple[str, ...]:
    """Returns the names of all classes in a stream: their numbers, since it has no names."""
    return names_of([label for drawn, _ in _photos(batches) for label in drawn.labels])


def _photos(batches: Sequence[np.ndarray]) -> list[tuple[Drawn, Photo]]:
    """Returns the boxes of each photo, and its size."""
    found = []
    for rows in (rows for batch in batches for rows in batch):
        kept = np.flatnonzero(rows[:, _LABEL] != _PADDING)
        real = rows[kept]
        drawn = Drawn(
            boxes=real[:, :4].astype(float),
            labels=real[:, _LABEL].tolist(),
            places=[f"box {i}" for i in kept],
        )
        height, width = rows[:, _HEIGHT].max(initial=1), rows[:, _WIDTH].max(initial=1)
        found.append((drawn, Photo((max(1, int(height)), max(1, int(width))))))
    return found
