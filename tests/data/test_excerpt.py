"""A few images in the place of many."""

import numpy as np
import pytest

from tests.data.conftest import Stored, picture, read_all, save
from tests.loading import batches_of, contents_of, load_pair, reading
from transferlearn.data.excerpt import Observer
from transferlearn.data.images import checking
from transferlearn.data.loading import load_excerpt

pytestmark = pytest.mark.core


class Watch(Observer):
    """Notes everything; an epoch is as long as it is told."""

    def __init__(self, length=None, *, varied=False):
        self.origin, self.varied, self.seen, self.bytes = length, varied, [], []

    def length(self, sample, item_bytes):
        self.bytes.append(item_bytes)
        return self.origin or sample.size

    @property
    def wants_variety(self):
        return self.varied

    def computing(self, sample, items):
        self.seen.append((sample.training, items))

    def asked(self, sample, batch):
        self.seen.append((sample.training, batch))


def pair(train, validation_data=None, *, share=0.25, watch=None, validation_split=0.1, **options):
    return load_excerpt(
        train,
        validation_data,
        reading(**{"image_size": (8, 8), **options}),
        validation_split=validation_split,
        least_to_split=0,
        seed=0,
        share=lambda listed: share,
        observer=watch or Watch(),
    )


@pytest.fixture
def folder(make_folder):
    return make_folder(counts={"cat": 30, "dog": 10, "emu": 2})


def test_it_says_what_the_whole_says_and_opens_a_few(folder, monkeypatch):
    whole = load_pair(folder, seed=0, image_size=(8, 8))
    opened = []
    decode = checking.decode

    def spy(path, **options):
        opened.append(path)
        return decode(path, **options)

    monkeypatch.setattr(checking, "decode", spy)
    parts = pair(folder)
    for part, known in zip(parts, whole, strict=True):
        assert part.size == known.size
        assert part.targets.class_names == known.targets.class_names == ("cat", "dog", "emu")
        assert sorted(part.targets.labels) == sorted(known.targets.labels)
        assert len(part.few.items) == -(-known.size // 4)
        assert set(part.few.names) <= {*whole.train.names, *whole.validation.names}
    assert not set(parts.train.few.names) & set(parts.validation.few.names)
    assert len(opened) == 9 + 3 + 2  # a quarter of 33 and of 9, and one before each


@pytest.mark.parametrize("kind", ["csv", "frame", "paths", "array", "list", "pair of folders"])
def test_every_source(make_folder, tmp_path, kind):
    folder = make_folder(counts={"cat": 12, "dog": 12})
    paths = sorted(map(str, folder.rglob("*.png")))
    names = ["cat"] * 12 + ["dog"] * 12
    pictures = [np.asarray(picture(seed)) for seed in range(24)]
    validation = None
    if kind == "csv":
        lines = [
            "path,label,sample_weight",
            *(f"{p},{n},2" for p, n in zip(paths, names, strict=True)),
        ]
        source = tmp_path / "table.csv"
        source.write_text("\n".join(lines))
    elif kind == "frame":
        pandas = pytest.importorskip("pandas")
        source = pandas.DataFrame({"path": paths, "label": names})
    elif kind == "pair of folders":
        source, validation = folder, make_folder("more", {"cat": 4, "dog": 4}, first=100)
    else:
        x = {"paths": paths, "array": np.stack(pictures), "list": pictures}[kind]
        source = (x, names)
    train, held_out = pair(source, validation)
    assert (train.size, held_out.size) == ((24, 8) if validation else (22, 2))
    batch = batches_of(train, batch_size=8, shuffle=True)[0]
    assert batch[0].shape == (8, 8, 8, 3)
    assert len(batch) == (3 if kind == "csv" else 2)


def test_the_few_come_again_with_their_labels_and_weights():
    x = np.repeat(np.arange(0, 200, 10, dtype="uint8"), 8 * 8 * 3).reshape(20, 8, 8, 3)
    y = np.arange(20) % 2
    watch = Watch()
    (train, none) = pair((x, y, y + 1.0), share=0.2, validation_split=0, watch=watch)
    assert none is None
    batches = batches_of(train, batch_size=6, shuffle=True, seed=1)
    read = [batches[i] for i in range(len(batches))]
    values = np.concatenate([images[:, 0, 0, 0] for images, _, _ in read])
    labels = np.concatenate([labels for _, labels, _ in read])
    assert sorted(values) == sorted(np.resize(np.unique(values), 20))
    assert len(np.unique(values)) == 4
    np.testing.assert_array_equal(labels, values // 10 % 2)
    np.testing.assert_array_equal(np.concatenate([w for *_, w in read]), labels + 1)
    assert watch.seen == [(True, i) for i in range(4)]


def test_what_is_stored_is_of_the_few_and_comes_again():
    x = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), "uint8")
    watch = Watch()
    train, _ = pair((x, np.arange(40) % 2), validation_split=0, share=0.25, watch=watch)
    contents = contents_of(train, batch_size=4, encoding="one-hot", shuffle=True)
    assert len(contents.hashes) == 10
    assert len(read_all(contents, batch_size=4)) == 10
    assert watch.seen == [(True, 4), (True, 4), (True, 2), (True, 0)]
    features = np.arange(30, dtype="float32").reshape(10, 3)
    batches = contents.batches(Stored(features), seed=0)
    assert len(batches) == 10  # of 40 items, four a batch
    rows = np.concatenate([batches[i][0] for i in range(10)])
    np.testing.assert_array_equal(rows[np.argsort(rows[:, 0])], features.repeat(4, axis=0))
    assert watch.bytes == [12]


def test_items_that_come_again_can_differ():
    x = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), "uint8")
    watch = Watch(varied=True)
    train, _ = pair((x, np.arange(40) % 2), validation_split=0, share=0.1, watch=watch)
    features = np.random.default_rng(1).normal(size=(4, 5)).astype("float32")
    batches = contents_of(train, batch_size=40).batches(Stored(features))
    rows = batches[0][0]
    assert len(np.unique(rows, axis=0)) == 40
    assert rows.dtype == np.float32
    assert 0 < np.abs(rows[::4] - features[0]).mean() < 1


def test_few_of_the_pixels_are_kept_where_few_of_all_would_be(folder, monkeypatch):
    monkeypatch.setattr(checking, "KEPT_BYTES", 21 * 8 * 8 * 3)  # half of the 42
    train, _ = pair(folder, share=0.5, validation_split=0)
    assert train.held_bytes == 10 * 8 * 8 * 3


def test_what_would_be_refused(make_folder):
    folder = make_folder(counts={"cat": 30, "dog": 10})
    other = make_folder("other", {"cat": 5, "cow": 5})
    with pytest.raises(ValueError, match="Classes differ"):
        pair(folder, other)
    with pytest.raises(ValueError, match="One class only"):
        pair(make_folder("one", {"cat": 5}))
    save(folder / "dog" / "x.png").write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be used"):
        pair(folder, share=1.0, on_error="raise")
