import numpy as np
import pytest
from conftest import Stored, assert_same, epochs, read_all

from tests.loading import batches_of, contents_of, load
from transferlearn.data import DataWarning
from transferlearn.data.contents import UnsteadyData
from transferlearn.data.images.streams import rereading

tf = pytest.importorskip("tensorflow")

X = np.random.default_rng(0).integers(0, 256, (11, 4, 6, 3)).astype(np.uint8)
Y = np.arange(11) % 3
SOFT = np.float32([[0.5, 0.25, 0.25], [0, 1, 0], [0.25, 0.25, 0.5]])[Y]


def stream(*parts):
    return tf.data.Dataset.from_tensor_slices(parts)


@pytest.mark.parametrize(
    ("source", "request_"),
    [
        (stream(X, Y), {"encoding": "index"}),
        (stream(X, Y.astype(np.int64)), {}),
        (stream(X, Y).batch(3), {"encoding": "one-hot", "class_weight": {0: 2}}),
        (stream(X, SOFT, np.arange(11.0)).batch(3), {}),
        (stream(X, Y).batch(3, drop_remainder=True), {"encoding": "index"}),
        (stream(X, Y).shuffle(11, seed=1, reshuffle_each_iteration=False), {}),
    ],
)
def test_steady_streams_keep_order_batches_targets_and_weights(source, request_):
    data = load(source)
    request_ = {**request_, "batch_size": 4}
    contents = contents_of(data, **request_)
    batches = contents.batches(Stored(read_all(contents)), seed=3)
    assert_same(epochs(batches), epochs(batches_of(data, **request_)))


def test_a_shuffling_stream_gets_our_order():
    data = load(stream(X, Y, np.arange(11.0)).shuffle(11).batch(3), class_names=["a", "b", "c"])
    contents = contents_of(data, batch_size=99, encoding="index")
    images = read_all(contents)
    places = [next(i for i in range(11) if np.array_equal(X[i], image)) for image in images]
    assert sorted(places) == list(range(11))
    same = load((images, Y[places].astype(np.int32), np.arange(11.0)[places]))
    expected = batches_of(same, batch_size=3, encoding="index", shuffle=True, seed=4)
    assert_same(epochs(contents.batches(Stored(images), seed=4)), epochs(expected))


def brighter(x):
    """Not by TensorFlow's own random numbers: with a global seed, each reading begins with it."""
    return x // 2 + np.uint8(np.random.default_rng().integers(100))


def brightened(x, y):
    return tf.ensure_shape(tf.numpy_function(brighter, [x], x.dtype), x.shape), y


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.map(brightened),
        lambda data: data.shuffle(11).batch(4, drop_remainder=True),
    ],
)
def test_random_streams_are_seen(change):
    data = load(change(stream(X, Y)), class_names=["a", "b", "c"])
    with pytest.raises(UnsteadyData, match="gave other images"):
        contents_of(data, batch_size=4)


def test_an_endless_stream_is_seen():
    def generate():
        while True:
            yield X[0], 1
            yield X[1], 0

    endless = tf.data.Dataset.from_generator(
        generate, output_signature=(tf.TensorSpec((4, 6, 3), tf.uint8), tf.TensorSpec((), tf.int32))
    )
    data = load(endless.batch(50), class_names=["a", "b"])
    with pytest.raises(UnsteadyData, match=r"of 1,050 images that came only 2 .*\.take\(n\)"):
        contents_of(data, batch_size=4)
    known = contents_of(load(stream(X[:2], Y[:2]).repeat(600)), batch_size=4)
    assert len(known.hashes) == 1200


def test_long_reading_is_said(monkeypatch):
    monkeypatch.setattr(rereading, "_PATIENCE", -1)
    data = load(stream(X, np.eye(3)[Y]).batch(4))
    with pytest.warns(DataWarning, match=r"for 4 items\. If it never ends, add .take\(n\)"):
        contents_of(data, batch_size=4)
