import keras
import numpy as np
import pytest
from conftest import picture, save

from tests.loading import batches_of, load, load_images, load_pair
from transferlearn.data import DataWarning

tf = pytest.importorskip("tensorflow")

X = np.random.default_rng(0).integers(0, 256, (10, 4, 6, 3)).astype(np.uint8)
Y = np.arange(10) % 3


def stream(*parts, batch=None):
    dataset = tf.data.Dataset.from_tensor_slices(parts)
    return dataset.batch(batch) if batch else dataset


def collect(batches):
    assert isinstance(batches, tf.data.Dataset)
    return [np.concatenate(part) for part in zip(*batches.as_numpy_iterator(), strict=True)]


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("labels", [Y, Y[:, None], np.eye(3)[Y], Y.astype(np.int64)])
def test_batched_or_not_ids_or_rows(batch, labels):
    data = load(stream(X, labels, batch=batch), class_names=["a", "b", "c"])
    assert data.image_size == (4, 6)
    assert data.targets.labels is None
    assert data.size == (None if batch else 10)
    batches = batches_of(data, batch_size=4, encoding="one-hot")
    x, y = collect(batches)
    assert x.dtype == np.uint8
    assert np.array_equal(x, X)
    assert y.dtype == np.float32
    assert np.array_equal(y, np.eye(3)[Y])
    assert batches.element_spec[0].shape.as_list() == [None, 4, 6, 3]
    assert batches.element_spec[1].shape.as_list() == [None, 3]
    assert len(next(iter(batches))[0]) == (batch or 4)
    assert collect(batches_of(data, batch_size=4, encoding="index"))[1].tolist() == Y.tolist()
    assert np.array_equal(collect(batches_of(data, batch_size=4))[1], labels)


def test_ids_are_read_once_for_the_classes():
    for batch in (None, 4):
        data = load(stream(X, Y * 2 + 1, batch=batch))
        assert data.targets.class_names == ("1", "3", "5")
        assert data.targets.labels.tolist() == Y.tolist()
        assert data.size == 10
        assert collect(batches_of(data, batch_size=4, encoding="index"))[1].tolist() == Y.tolist()


def test_binary_labels_and_weights():
    labels = (Y % 2).astype(np.float32)
    data = load(stream(X, labels, np.arange(10.0), batch=4))
    _, y, weights = collect(batches_of(data, batch_size=4, encoding="binary", class_weight={1: 10}))
    assert y.tolist() == labels[:, None].tolist()
    assert weights.dtype == np.float32
    assert weights.tolist() == (np.arange(10) * np.where(labels, 10, 1)).tolist()


def test_multi_label():
    rows = np.stack([Y > 0, Y > 1], axis=1).astype(np.int64)
    data = load(stream(X, rows, batch=4), multi_label=True)
    assert np.array_equal(collect(batches_of(data, batch_size=4, encoding="one-hot"))[1], rows)
    with pytest.raises(ValueError, match="pass multi_label=True"):
        load(stream(X, rows, batch=4))


def test_division_by_255_is_undone():
    divided = stream(X / np.float32(255), Y, batch=4)
    with pytest.warns(DataWarning, match=r"value_range=\(0, 1\)"):
        data = load(divided)
    assert np.array_equal(collect(batches_of(data, batch_size=4))[0], X)
    assert np.array_equal(
        collect(batches_of(load(divided, value_range=(0, 1)), batch_size=4))[0], X
    )
    assert collect(batches_of(load(divided, value_range=(0, 255)), batch_size=4))[0].max() == 1


def test_a_dark_first_image_is_not_taken_as_divided():
    x = X.astype(np.float32)
    x[0] = 0
    assert collect(batches_of(load(stream(x, Y)), batch_size=4))[0].max() == 255


def test_other_ranges_are_refused_at_once_or_as_they_come():
    with pytest.raises(ValueError, match="leave out preprocess_input"):
        load(stream(X / 127.5 - 1, Y, batch=4))
    late = X.astype(np.float32)
    late[8] = -3
    batches = batches_of(load(stream(late, Y, batch=4)), batch_size=4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="leave out preprocess_input"):
        collect(batches)


def test_files_of_different_sizes_are_resized_as_ours_are(tmp_path):
    paths = [str(save(tmp_path / f"{i}.png", picture(i, (8 + i, 9)))) for i in range(4)]

    def decode(path, label):
        return tf.io.decode_image(tf.io.read_file(path), 3, expand_animations=False), label

    dataset = tf.data.Dataset.from_tensor_slices((paths, [0, 1, 0, 1])).map(decode)
    data = load(dataset, default_image_size=(5, 7))
    assert data.image_size == (5, 7)
    x, y = collect(batches_of(data, batch_size=3))
    ours = load((paths, [0, 1, 0, 1]), image_size=(5, 7))
    assert np.array_equal(x, np.stack([ours.image(i) for i in range(4)]))
    assert y.tolist() == [0, 1, 0, 1]
    batched = load(stream(X, Y, batch=4), image_size=(2, 2))
    expected = load((X, Y), image_size=(2, 2)).image(9)
    assert np.array_equal(collect(batched.batches(batch_size=1))[0][9], expected)


def test_class_names_of_image_dataset_from_directory(make_folder):
    folder = make_folder(counts={"1": 3, "2": 3})  # positions 0 and 1, whatever the names say
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(10, 12), shuffle=False, verbose=False
    )
    data = load(dataset)
    assert data.targets.class_names == ("1", "2")
    assert (
        collect(batches_of(data, batch_size=2, encoding="index"))[1].tolist() == [0] * 3 + [1] * 3
    )
    with pytest.raises(ValueError, match="has its own class names"):
        load(dataset, class_names=["2", "1"])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (lambda: stream(X, Y).repeat(), r"take\(n\)"),
        (lambda: tf.data.Dataset.from_tensor_slices(X), "image, label"),
        (lambda: stream(X, Y).map(lambda x, y: {"x": x, "y": y}), "must hold"),
        (lambda: stream(X[:, 0, 0], Y), "must be numbers of shape"),
        (lambda: stream(X.astype(str), Y), "must be numbers of shape"),
        (lambda: stream(X, Y).batch(2).batch(2), "must be numbers of shape"),
        (lambda: stream(X, Y[:, None, None].repeat(2, 1)), "ids or one-hot"),
        (lambda: stream(X, Y).take(0), "is empty"),
        (lambda: stream(X, Y.astype(str)), "ids or one-hot"),
    ],
)
def test_streams_that_are_refused(dataset, message):
    with pytest.raises(ValueError, match=message):
        load(dataset())


def test_unknown_ids_are_refused_as_they_come():
    batches = batches_of(load(stream(X, Y, batch=2), class_names=["a", "b"]), batch_size=2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"without a class: \[2\]"):
        collect(batches)


def test_fit_and_predict_take_it():
    inputs = keras.Input((4, 6, 3))
    outputs = keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "categorical_crossentropy")
    train, validation = load_pair(
        stream(X.repeat(2, axis=0), Y.repeat(2)), stream(X[:6], Y[:6], batch=2)
    )
    model.fit(
        batches_of(train, batch_size=4, encoding="one-hot", class_weight={0: 2}),
        validation_data=batches_of(validation, batch_size=4, encoding="one-hot"),
        shuffle=False,
        verbose=0,
    )
    images = load_images(stream(X, Y, batch=4), image_size=(4, 6))
    assert images.targets is None
    assert model.predict(images.batches(batch_size=4), verbose=0).shape == (10, 3)
    alone = load_images(tf.data.Dataset.from_tensor_slices(X), image_size=(2, 2))
    assert [part.shape for part in collect(alone.batches(batch_size=4))] == [(10, 2, 2, 3)]


def test_soft_labels_are_known_to_be_soft():
    soft = np.tile(np.float32([[0.25, 0.75]]), (4, 1))
    source = tf.data.Dataset.from_tensor_slices((np.full((4, 8, 8, 3), 9.0), soft)).batch(2)
    assert load(source).targets.labels.tolist() == soft.tolist()


def test_channels_first_is_refused_at_once():
    source = tf.data.Dataset.from_tensor_slices((np.full((4, 3, 8, 8), 9.0), [0, 1, 0, 1]))
    with pytest.raises(ValueError, match=r"with 1 or 4 channels. Received: shape=\(1, 3, 8, 8\)"):
        load(source.batch(1))
