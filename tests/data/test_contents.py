import keras
import numpy as np
import pytest
from conftest import Stored, assert_same, epochs, picture, read_all, save

from tests.loading import batches_of, contents_of, load, load_images
from transferlearn.data import DataWarning
from transferlearn.data.contents import UnsteadyData
from transferlearn.data.images.streams import rereading

pytestmark = pytest.mark.core

X = np.random.default_rng(0).integers(0, 256, (11, 4, 6, 3)).astype(np.uint8)
X[7] = X[2]
Y = np.arange(11) % 3
SOFT = np.float32([[0.5, 0.25, 0.25], [0, 1, 0], [0.25, 0.25, 0.5]])[Y]
ROWS = np.stack([Y > 0, Y > 1, Y == 0], axis=1).astype(np.int64)


@pytest.mark.parametrize(
    ("source", "options", "request_"),
    [
        ((X, Y), {}, {"encoding": "one-hot", "class_weight": {1: 3}}),
        ((X, Y, np.arange(11.0)), {}, {"encoding": "index"}),
        ((X, SOFT), {"image_size": (3, 3)}, {}),
        ((X / 255, ROWS), {"multi_label": True, "value_range": (0, 1)}, {"encoding": "one-hot"}),
    ],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_arrays_in_order_batches_targets_and_weights(source, options, request_, shuffle):
    data = load(source, **options)
    request_ = {**request_, "batch_size": 4, "shuffle": shuffle}
    contents = contents_of(data, **request_)
    batches = contents.batches(Stored(read_all(contents)), seed=5)
    assert_same(epochs(batches), epochs(batches_of(data, **request_, seed=5)))


def test_files_and_tables(make_folder):
    folder = make_folder()
    save(folder / "dog/again.png", picture(0))
    data = load(folder, image_size=(10, 12))
    contents = contents_of(data, batch_size=4, encoding="binary", shuffle=True)
    assert contents.hashes == data.content_hashes()
    assert contents.hashes[0] == contents.hashes[-1]
    assert contents.reading == "10x12 bilinear"
    batches = contents.batches(Stored(read_all(contents)), seed=1)
    expected = batches_of(data, batch_size=4, encoding="binary", shuffle=True, seed=1)
    assert_same(epochs(batches), epochs(expected))
    wanted = np.array([7, 2, 5])
    (rows, images), (last, _) = contents.read(wanted, batch_size=2)
    assert (rows.tolist(), last.tolist()) == ([7, 2], [5])
    assert np.array_equal(images[1], data.image(2))


def test_several_tensors_stand_for_an_image():
    contents = contents_of(load((X, Y)), batch_size=4)
    features = np.arange(11.0), np.arange(22).reshape(11, 2)
    x, y = contents.batches(Stored(*features))[1]
    assert [part.tolist() for part in x] == [part[4:8].tolist() for part in features]
    assert y.tolist() == Y[4:8].tolist()


def test_items_are_told_the_epoch():
    class Counting(Stored):
        def start(self, rows, epoch=0):
            return lambda: np.full(len(rows), epoch)

    batches = contents_of(load((X, Y)), batch_size=4).batches(Counting(np.zeros(11)))
    assert [np.concatenate([x for x, _ in epoch]).max() for epoch in epochs(batches)] == [0, 1, 2]


def test_arrays_are_hashed_once(monkeypatch):
    data = load((X, Y))
    first = contents_of(data, batch_size=4).hashes
    monkeypatch.setattr("transferlearn.data.images.items.fingerprint", None)
    assert contents_of(data, batch_size=2).hashes == first
    assert len(set(first)) == 10


def test_one_hash_and_one_reading_are_the_same_pixels():
    readings = {
        contents_of(load((x, Y), image_size=size), batch_size=4).reading
        for x in (X, X.astype(np.float32))  # the hashes agree, a resize rounds only the first
        for size in ((4, 6), (2, 2))
    }
    assert len(readings) == 4
    assert (
        contents_of(load((X, Y), image_size=(2, 2), interpolation="nearest"), batch_size=4).reading
        not in readings
    )


class Source(keras.utils.PyDataset):
    """Somebody's own PyDataset, in batches of 4, or of the sizes given."""

    def __init__(self, x=X, *rest, sizes=(4, 4, 3), shuffle=False, change=None, **how):
        super().__init__(**how)
        self.parts = (x, *(rest or (Y,)))
        self.ends = np.cumsum((0, *sizes))
        self.shuffle, self.change = shuffle, change
        self.order = np.arange(len(x))
        self.rng = np.random.default_rng(0)
        self.taken, self.hooks = [], []

    def __len__(self):
        return len(self.ends) - 1

    def __getitem__(self, i):
        rows = self.order[self.ends[i] : self.ends[i + 1]]
        self.taken.append(rows.tolist())
        x, *rest = (part[rows] for part in self.parts)
        return (x if self.change is None else self.change(x, self.rng), *rest)

    def on_epoch_begin(self):
        self.hooks.append("begin")

    def on_epoch_end(self):
        self.hooks.append("end")
        if self.shuffle:
            self.order = self.rng.permutation(len(self.order))


@pytest.mark.parametrize("sizes", [(4, 4, 3), (5, 1, 5)])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_steady_py_dataset_keeps_order_and_batches(sizes, workers):
    source = Source(X, Y, np.arange(11.0), sizes=sizes, workers=workers)
    data = load(source)
    request = {"batch_size": 99, "encoding": "one-hot", "class_weight": {2: 5}}
    contents = contents_of(data, **request)
    assert source.hooks == ["begin", "end"] * 2
    batches = contents.batches(Stored(read_all(contents)), seed=3)
    assert_same(epochs(batches), epochs(batches_of(data, **request)))


def test_a_shuffling_py_dataset_gets_our_order():
    data = load(Source(shuffle=True))
    contents = contents_of(data, batch_size=99, encoding="index")
    images = read_all(contents)
    (targets,) = contents.rest
    for x, y in zip(images, targets, strict=True):
        assert y in {int(Y[i]) for i in range(11) if np.array_equal(X[i], x)}
    expected = load((images, targets))
    theirs = batches_of(expected, batch_size=4, encoding="index", shuffle=True, seed=6)
    assert_same(epochs(contents.batches(Stored(images), seed=6)), epochs(theirs))


def flip(x, rng):
    return np.where(rng.random((len(x), 1, 1, 1)) < 0.5, x[:, :, ::-1], x)


@pytest.mark.parametrize("shuffle", [False, True])
def test_random_changes_are_seen(shuffle):
    with pytest.raises(UnsteadyData, match="gave other images"):
        contents_of(load(Source(change=flip, shuffle=shuffle)), batch_size=4)


def test_changes_are_seen_at_the_first_image():
    source = Source(change=lambda x, rng: x ^ rng.integers(1, 255, dtype=np.uint8))
    with pytest.raises(UnsteadyData):
        contents_of(load(source, class_names=["a", "b", "c"]), batch_size=4)
    assert source.taken[1:4] == source.taken[4:7]
    assert source.hooks == ["begin", "end"] * 2


def test_changing_labels_and_missing_images_are_seen():
    source = Source()
    contents = contents_of(load(source), batch_size=4)

    class Noisy(Source):
        def on_epoch_end(self):
            self.parts = X, np.roll(self.parts[1], 1)

    class Shrinking(Source):
        def on_epoch_end(self):
            self.ends = self.ends[:3]

    class Repeating(Source):
        def on_epoch_end(self):
            self.order[0] = 1

    for changed in (Noisy(), Shrinking(), Repeating()):
        with pytest.raises(UnsteadyData, match="other images or labels"):
            contents_of(load(changed), batch_size=4)
    source.parts = X[::-1] // 2, Y
    with pytest.raises(UnsteadyData):
        read_all(contents)
    source.parts = np.concatenate([X[:1] // 2, X[1:]]), Y
    with pytest.raises(UnsteadyData):
        list(contents.read(np.array([10]), batch_size=2))
    source.parts = X[[0] * 11], Y
    with pytest.raises(UnsteadyData):
        read_all(contents)


def test_wanted_images_are_read_once():
    source = Source()
    contents = contents_of(load(source), batch_size=4)
    source.hooks.clear()
    (rows, images), (last, _) = contents.read(np.array([2, 5, 7]), batch_size=2)
    assert (rows.tolist(), last.tolist()) == ([2, 5], [7])
    assert np.array_equal(images, X[[2, 5]])
    ((only, _),) = contents.read(np.array([7]), batch_size=2)  # equal to the image in row 2
    assert only.tolist() == [7]
    assert list(contents.read(np.array([], int), batch_size=2)) == []
    assert source.hooks.count("begin") == source.hooks.count("end") == 3


def test_images_without_labels():
    contents = contents_of(load_images(Source(), image_size=(4, 6)), batch_size=4)
    assert [len(batch) for batch in contents.batches(Stored(X))] == [1, 1, 1]
    contents = contents_of(load_images(X, image_size=(4, 6)), batch_size=4)
    assert np.array_equal(read_all(contents), X)


def test_long_reading_is_said_once(monkeypatch):
    monkeypatch.setattr(rereading, "_PATIENCE", -1)
    with pytest.warns(DataWarning, match=r"4 items.*never ends, add .take\(n\)") as said:
        load(Source())
    assert len(said) == 1
    monkeypatch.undo()
