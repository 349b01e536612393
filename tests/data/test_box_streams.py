"""Tests that boxes of a tf.data.Dataset are read as those of arrays are."""

import numpy as np
import pytest

import transferlearn as tl
from tests import boxes as made
from tests.data.test_boxes import FORMATS

tf = pytest.importorskip("tensorflow")

X = np.stack([made.photo(i) for i in range(4)])
LABELS = [[made.NAMES.index(name) for name in names] for names in made.LABELS]
BOXES = tl.data.Boxes(class_names=made.NAMES)
KIND = tl.data.Images(image_size=(32, 32), fit="letterbox")


def expected():
    """Returns the batches that arrays give."""
    given = (X, {"boxes": made.BOXES, "labels": LABELS})
    data = tl.data.load(given, KIND, BOXES)
    return data, data.batches(batch_size=2, encode=tl.data.BoxRows())


def one_by_one(dtype="int32"):
    """Returns a dataset of single photos with any number of boxes each."""

    def read():
        for photo, boxes, labels in zip(X, made.BOXES, LABELS, strict=True):
            boxes = np.array(boxes, "float32").reshape(-1, 4)
            yield photo, {"boxes": boxes, "labels": np.array(labels, dtype)}

    spec = {"boxes": tf.TensorSpec((None, 4)), "labels": tf.TensorSpec((None,), dtype)}
    photo = tf.TensorSpec((*made.SIZE, 3), tf.uint8)
    return tf.data.Dataset.from_generator(read, output_signature=(photo, spec))


def dense():
    """Returns a dataset of batches of two, padded with -1."""
    boxes, labels = np.full((4, 3, 4), -1, "float32"), np.full((4, 3), -1)
    for i, (some, names) in enumerate(zip(made.BOXES, LABELS, strict=True)):
        if some:
            boxes[i, : len(some)], labels[i, : len(some)] = some, names
    return tf.data.Dataset.from_tensor_slices((X, {"boxes": boxes, "labels": labels})).batch(2)


def ragged():
    """Returns a dataset of batches of two, with ragged boxes."""
    return (
        one_by_one()
        .ragged_batch(2)
        .map(
            lambda photos, given: (
                photos.to_tensor() if hasattr(photos, "to_tensor") else photos,
                given,
            )
        )
    )


@pytest.mark.parametrize("make", [one_by_one, dense, ragged])
def test_streams_give_what_arrays_give(make):
    data, batches = expected()
    stream = tl.data.load(make(), KIND, BOXES)
    assert stream.size == 4
    assert stream.targets.table() == data.targets.table()
    found = list(stream.batches(batch_size=2, encode=tl.data.BoxRows()))
    for i, (photos, boxes) in enumerate(found):
        np.testing.assert_array_equal(photos, batches[i][0])
        np.testing.assert_allclose(boxes, batches[i][1], rtol=1e-6)
    assert len(found) == 2


@pytest.mark.parametrize("name", FORMATS)
def test_streams_take_every_format(name):
    boxes = {"boxes": np.array([[FORMATS[name]]], "float32"), "labels": np.zeros((1, 1), "int64")}
    photos = np.zeros((1, 20, 40, 3), np.uint8)
    stream = tf.data.Dataset.from_tensors((photos, boxes))
    target = tl.data.Boxes(bounding_box_format=name)
    rows = tl.data.load(stream, target=target).targets[np.array([0])][0]
    np.testing.assert_allclose(rows[0], [0.1, 0.1, 0.4, 0.6, 0, 120, 0], rtol=1e-5)


def test_labelled_streams_are_predicted_on():
    photos = KIND.unlabelled(one_by_one())
    assert next(iter(photos.batches(batch_size=4)))[0].shape == (4, 32, 32, 3)


def test_bad_streams_are_refused():
    bad = {"boxes": np.array([[[9.0, 2, 4, 12]]]), "labels": np.zeros((1, 1), "int64")}
    stream = tf.data.Dataset.from_tensors((X[:1], bad))
    with pytest.raises(ValueError, match="photo 0: box 0: a box whose corners are swapped"):
        tl.data.load(stream, target=tl.data.Boxes())
    with pytest.raises(ValueError, match="must hold"):
        tl.data.load(tf.data.Dataset.from_tensors((X[:1], [0])), target=tl.data.Boxes())
    with pytest.raises(ValueError, match="unknown class 1"):
        tl.data.load(one_by_one(), target=tl.data.Boxes(class_names=["car"]))
    with pytest.raises(ValueError, match="most=2 to learn all"):
        tl.data.load(one_by_one(), target=tl.data.Boxes(most=1))


def named(stream, names):
    """Returns a stream whose labels are names, of which -1 has an empty one."""

    def name(photo, given):
        labels = given["labels"]
        return photo, {**given, "labels": tf.gather(["", *names], labels + 1)}

    return stream.map(name)


@pytest.mark.parametrize("names", [("car", "dog"), ("7", "5")], ids=["words", "digits"])
@pytest.mark.parametrize("make", [one_by_one, dense, ragged])
def test_labels_in_streams_may_be_names(make, names):
    _, batches = expected()
    stream = tl.data.load(named(make(), names), KIND, tl.data.Boxes(class_names=names))
    assert stream.targets.class_names == names
    found = list(stream.batches(batch_size=2, encode=tl.data.BoxRows()))
    for (_, boxes), (_, same) in zip(found, batches, strict=True):
        np.testing.assert_allclose(boxes, same, rtol=1e-6)


def test_names_in_streams_need_their_order_and_unknown_ones_are_named():
    stream = named(ragged(), made.NAMES)
    with pytest.raises(ValueError, match=r"are names.* class_names=\['car', 'dog'\]"):
        tl.data.load(stream, target=tl.data.Boxes())
    with pytest.raises(ValueError, match="photo 0: box 0: unknown class 'none of class_names'"):
        tl.data.load(stream, target=tl.data.Boxes(class_names=["car"]))
