import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.loading import batches_of, load, load_images, load_pair
from transferlearn.data.batches import ItemBatches, epoch_order, joined_weights
from transferlearn.data.images import items
from transferlearn.data.images.items import ArrayItems, FileItems

N = 23
X = np.arange(N, dtype=np.uint8)[:, None, None, None].repeat(3, axis=-1)  # image i holds i
Y = np.arange(N) % 3


def arrays(**options):
    return load((X, Y), **options)


class Recorder(keras.callbacks.Callback):
    """Which images each batch of training had, epoch by epoch."""

    def __init__(self, monkeypatch):
        super().__init__()
        self.seen, self.epochs = [], []
        get = ItemBatches.__getitem__

        def watch(batches, index):
            batch = get(batches, index)
            self.seen.append(batch[0][:, 0, 0, 0].tolist())
            return batch

        monkeypatch.setattr(ItemBatches, "__getitem__", watch)

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.clear()  # Keras has looked at some batches before

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(list(self.seen))


@pytest.fixture
def train(monkeypatch):
    """The order in which `fit` takes the images."""

    def run(batches, epochs, shuffle=False):
        inputs = keras.Input((1, 1, 3))
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs)))
        model.compile("sgd", "mse", metrics=["mae"])
        with monkeypatch.context() as context:
            recorder = Recorder(context)
            model.fit(batches, epochs=epochs, shuffle=shuffle, verbose=0, callbacks=[recorder])
        return recorder.epochs

    return run


def test_order_in_fit_is_a_function_of_seed_and_epoch(train):
    def run(seed):
        return train(batches_of(arrays(), batch_size=4, shuffle=True, seed=seed), epochs=3)

    first = run(7)
    for epoch, batches in enumerate(first):
        assert [len(batch) for batch in batches] == [4, 4, 4, 4, 4, 3]
        assert np.concatenate(batches).tolist() == epoch_order(N, 7, epoch).tolist()
    assert first[0] != first[1]
    assert run(7) == first
    assert run(8) != first


def test_without_shuffle_the_order_is_that_of_the_data(train):
    for epoch in train(batches_of(arrays(), batch_size=5, seed=1), epochs=2):
        assert np.concatenate(epoch).tolist() == list(range(N))


def test_keras_own_shuffling_of_batches_loses_none(train):
    for epoch in train(batches_of(arrays(), batch_size=4, shuffle=True, seed=7), 2, shuffle=True):
        assert sorted(np.concatenate(epoch)) == list(range(N))


def test_a_later_epoch_can_be_set(train):
    batches = batches_of(arrays(), batch_size=4, shuffle=True, seed=7)
    batches.epoch = 5
    assert np.concatenate(train(batches, 1)[0]).tolist() == epoch_order(N, 7, 5).tolist()


def test_a_broken_off_epoch_is_started_again():
    batches = batches_of(arrays(), batch_size=4, shuffle=True, seed=7)
    batches.on_epoch_begin()
    _ = batches[0], batches[1]
    batches.on_epoch_end()
    assert batches.epoch == 0
    batches.on_epoch_begin()
    _ = [batches[i] for i in range(len(batches))]
    batches.on_epoch_end()
    assert batches.epoch == 1


def test_no_seed_is_another_order_each_time():
    one, two = (batches_of(arrays(), batch_size=N, shuffle=True)[0][0] for _ in range(2))
    assert not np.array_equal(one, two)


def test_files_keep_order_and_seed_over_threads_and_epochs(make_folder):
    data = load(make_folder(counts={"a": 9, "b": 8}), image_size=(10, 12))
    batches = batches_of(data, batch_size=4, encoding="index", shuffle=True, seed=3)
    for epoch in range(3):
        batches.on_epoch_begin()
        order = epoch_order(17, 3, epoch)
        for i, (x, y) in enumerate(batches):
            rows = order[4 * i : 4 * i + 4]
            assert np.array_equal(x, np.stack([data.image(j) for j in rows]))
            assert np.array_equal(y, data.targets.labels[rows])
        batches.on_epoch_end()


def test_any_batch_can_be_asked_for_at_any_time(make_folder):
    data = load(make_folder(), image_size=(10, 12))
    batches = batches_of(data, batch_size=3)
    for i in (3, 0, 0, 2, 1, 3):
        assert np.array_equal(batches[i][0][0], data.image(3 * i))


def test_the_next_batches_are_decoded_ahead(make_folder, monkeypatch):
    data = load(make_folder(), image_size=(10, 12))
    asked = []
    start = FileItems.start
    monkeypatch.setattr(
        FileItems, "start", lambda s, rows, *_: (asked.append(rows[0]), start(s, rows))[1]
    )
    batches = batches_of(data, batch_size=2)
    _ = batches[0]
    assert asked == [0, 2, 4]
    _ = batches[1]
    assert asked == [0, 2, 4, 6]
    _ = batches[4]  # not the next one: nobody knows what comes then
    assert asked == [0, 2, 4, 6, 8]


def test_a_photo_is_decoded_once_while_there_is_room(make_folder, monkeypatch):
    folder = make_folder()
    monkeypatch.setattr("transferlearn.data.images.checking.KEPT_BYTES", 0)
    expected = batches_of(load(folder, image_size=(7, 9)), batch_size=10)[0][0]
    monkeypatch.setattr("transferlearn.data.images.checking.KEPT_BYTES", 2 * 7 * 9 * 3)
    data = load(folder, image_size=(7, 9))
    decoded = []
    decode = items.decode
    monkeypatch.setattr(items, "decode", lambda path: (decoded.append(path), decode(path))[1])
    images = np.concatenate([batches_of(data, batch_size=10)[0][0] for _ in range(2)])
    assert len(decoded) == 2 * (len(data.targets.labels) - 2)
    assert np.array_equal(images, np.concatenate([expected, expected]))
    assert len({image.tobytes() for image in images}) == 10


def test_a_file_that_goes_away_is_named(make_folder, monkeypatch):
    monkeypatch.setattr("transferlearn.data.images.checking.KEPT_BYTES", 0)
    folder = make_folder()
    batches = batches_of(load(folder), batch_size=10)
    (folder / "dog/2.png").unlink()
    with pytest.raises(OSError, match=r"Cannot read .*dog/2\.png .*unreadable"):
        _ = batches[0]


@pytest.mark.parametrize(
    ("encoding", "dtype", "expected"),
    [
        (None, np.int32, [1, 0]),
        ("index", np.int32, [1, 0]),
        ("one-hot", np.float32, [[0, 1], [1, 0]]),
        ("binary", np.float32, [[1], [0]]),
    ],
)
def test_encodings(encoding, dtype, expected):
    y = batches_of(load((X[:2], [1, 0])), batch_size=2, encoding=encoding)[0][1]
    assert y.dtype == dtype
    assert y.tolist() == expected
    soft = load((X[:2], [[0.25, 0.75], [0.5, 0.5]]))
    if encoding in (None, "one-hot"):
        assert (
            batches_of(soft, batch_size=2, encoding=encoding)[0][1].tolist()
            == soft.targets.labels.tolist()
        )


def test_class_weights_multiply_sample_weights():
    data = load((X[:4], [0, 1, 2, 1], [1, 1, 3, 5]))
    weights = batches_of(data, batch_size=4, class_weight={1: 2, 2: 0.5})[0][2]
    assert weights.dtype == np.float32
    assert weights.tolist() == [1, 2, 1.5, 10]
    assert batches_of(data, batch_size=4)[0][2].tolist() == [1, 1, 3, 5]
    assert batches_of(arrays(), batch_size=4, class_weight={1: 2})[0][2].tolist() == [1, 2, 1, 1]
    assert len(batches_of(arrays(), batch_size=4)[0]) == 2


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(ValueError, match="Received: batch_size=0"):
        batches_of(arrays(), batch_size=0)


def test_split_is_stratified_seeded_and_complete():
    y = np.array([0] * 10 + [1] * 5 + [2] * 2 + [3])
    data = load((np.arange(18, dtype=np.uint8)[:, None, None].repeat(1, 1), y))
    train, validation = data.split(0.2, seed=1)
    assert np.bincount(validation.targets.labels, minlength=4).tolist() == [2, 1, 1, 0]
    both = [part.image(i)[0, 0, 0] for part in (train, validation) for i in range(part.size)]
    assert sorted(both) == list(range(18))
    for part in (train, validation):
        assert [y[part.image(i)[0, 0, 0]] for i in range(part.size)] == part.targets.labels.tolist()
    again = data.split(0.2, seed=1)[1]
    assert again.content_hashes() == validation.content_hashes()
    assert data.split(0.2, seed=2)[1].content_hashes() != validation.content_hashes()
    assert np.bincount(data.split(0.99, seed=1)[0].targets.labels).tolist() == [1, 1, 1, 1]
    for fraction in (0, 1, 1.5):
        with pytest.raises(ValueError, match="between 0 and 1"):
            data.split(fraction, seed=1)


def test_split_keeps_names_weights_and_files_together(make_folder):
    folder = make_folder()
    names = load(folder).names
    data = load((names, [Path(name).parent.name for name in names], range(10)), image_size=(10, 12))
    for part in data.split(0.4, seed=0):
        for i, name in enumerate(part.names):
            j = names.index(name)
            assert part.sample_weight[i] == j
            assert part.content_hashes()[i] == data.content_hashes()[j]
            assert np.array_equal(part.image(i), data.image(j))


def test_multi_label_split_has_rare_classes_on_both_sides():
    rows = np.zeros((40, 3))
    rows[:, 0] = 1
    rows[:2, 1] = 1
    rows[2:6, 2] = 1
    pixels = np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    data = load((pixels, rows), multi_label=True)
    for part in data.split(0.2, seed=0):
        assert (part.targets.labels.sum(axis=0) > 0).all()


def test_splitting_copies_no_pixels():
    data = load((X, Y))
    for part in data.split(0.5, seed=0):
        assert isinstance(part.items, ArrayItems)
        assert part.items._pixels is X


def test_arrays_and_files_need_no_tensorflow(make_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    folder = make_folder()
    train, validation = load_pair(folder, image_size=(8, 8), seed=0)
    x, y = batches_of(train, batch_size=4, encoding="one-hot", shuffle=True, seed=0)[0]
    assert (x.shape, y.shape, validation.size) == ((4, 8, 8, 3), (4, 2), 2)
    assert batches_of(arrays(), batch_size=2)[0][0].shape == (2, 1, 1, 3)
    assert batches_of(load_images(folder, image_size=(8, 8)), batch_size=9)[1][0].shape == (
        1,
        8,
        8,
        3,
    )


def test_an_item_s_weight_goes_over_all_of_its_finer_weights():
    finer = np.arange(6.0).reshape(3, 2)
    joined = joined_weights(np.zeros(3), np.array([1.0, 2.0, 0.0]), None, finer)
    np.testing.assert_array_equal(joined, [[0, 1], [4, 6], [0, 0]])
