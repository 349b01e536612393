# ruff: noqa: NPY002 - the iterators draw from NumPy's global random state
import copy

import keras
import numpy as np
import pytest
from conftest import Stored, assert_same, epochs, picture, read_all, save
from PIL import Image

from tests.loading import batches_of, contents_of, load, load_images
from transferlearn.data.contents import UnsteadyData

pandas = pytest.importorskip("pandas")
legacy = pytest.importorskip("tensorflow.keras.preprocessing.image")

X = np.random.default_rng(0).integers(0, 256, (11, 4, 6, 3)).astype(np.float32)
Y = np.arange(11) % 3


def flow(folder, settings=None, **how):
    generator = legacy.ImageDataGenerator(**{"rescale": 1 / 255, **(settings or {})})
    how = {"target_size": (10, 12), "batch_size": 4, "seed": 3, **how}
    return generator.flow_from_directory(folder, **how)


def flow_array(*parts, seed=3, **how):
    generator = legacy.ImageDataGenerator()
    return generator.flow(*parts, batch_size=4, seed=seed, **how)


def flow_frame(folder, **how):
    frame = pandas.DataFrame(
        {
            "filename": [f"{name}/{i}.png" for name in ("cat", "dog") for i in range(5)],
            "class": [["a", "b"], ["b"]] * 5,
            "weight": np.arange(10) / 4,
            "x": [1, 0] * 5,
            "y": [0, 1] * 5,
        }
    )
    return legacy.ImageDataGenerator().flow_from_dataframe(
        frame, folder, target_size=(10, 12), batch_size=4, **how
    )


def assert_alike(source, request=None, **options):
    """Training gets the same of the iterator and of its contents, hooks and all."""
    request = {"batch_size": 99, **(request or {})}
    contents = contents_of(load(source, **options), **request)
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    stored = Stored(read_all(contents))
    assert np.array_equal(np.random.get_state()[1], state)
    ours = epochs(contents.batches(stored)) + epochs(contents.batches(stored))
    np.random.seed(1)
    data = load(source, **options)
    assert_same(ours, epochs(batches_of(data, **request)) + epochs(batches_of(data, **request)))
    return ours


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("seed", [3, None])
@pytest.mark.parametrize("mode", ["categorical", "binary", "sparse"])
def test_folders(make_folder, shuffle, seed, mode):
    source = flow(make_folder(), shuffle=shuffle, seed=seed, class_mode=mode)
    first, second, *_ = assert_alike(source)
    assert shuffle == (not np.array_equal(first[0][0], second[0][0]))
    for encoding in ("index", "one-hot", "binary"):
        assert_alike(source, {"encoding": encoding, "class_weight": {1: 3}})


def test_frames(make_folder):
    folder = make_folder()
    one_hot = {"encoding": "one-hot"}
    for request in ({}, one_hot):
        assert_alike(flow_frame(folder, weight_col="weight"), request, multi_label=True)
        for mode in ("raw", "multi_output"):
            source = flow_frame(folder, class_mode=mode, y_col=["x", "y"])
            assert_alike(source, request, multi_label=True)


@pytest.mark.parametrize("labels", [Y, np.eye(3)[Y], np.float32([[0.5, 0.25, 0.25]] * 11)])
def test_arrays(labels):
    assert_alike(flow_array(X, labels))
    assert_alike(
        flow_array(X, labels, sample_weight=np.arange(11.0), seed=None), {"class_weight": {0: 2}}
    )
    resized = flow_array(X[..., :1] / 255, labels, shuffle=False)
    assert_alike(resized, image_size=(2, 2), value_range=(0, 1))


def test_without_labels(make_folder):
    source = flow(make_folder(), class_mode=None, shuffle=False)
    data = load_images(source, image_size=(10, 12))
    contents = contents_of(data, batch_size=99)
    ours = epochs(contents.batches(Stored(read_all(contents))))
    assert_same(ours, epochs(batches_of(data, batch_size=99)))


@pytest.mark.full
def test_in_fit_the_order_is_that_of_the_iterator(make_folder):
    class Recorder(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = []

        def call(self, x):
            self.seen.append(np.asarray(x))
            return keras.ops.mean(x, axis=(1, 2))

    def train(batches):
        model = keras.Sequential([recorder := Recorder(), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        np.random.seed(8)
        for _ in range(2):
            model.fit(batches, epochs=3, shuffle=False, verbose=0)
        return recorder.seen

    for seed in (3, None):
        source = flow(make_folder(f"photos{seed}"), shuffle=True, seed=seed, class_mode="binary")
        contents = contents_of(load(source), batch_size=99)
        ours = train(contents.batches(Stored(read_all(contents))))
        theirs = train(batches_of(load(source), batch_size=99))
        assert len(ours) == len(theirs) >= 18
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_iterator_stays_as_it_is(make_folder):
    source = flow(make_folder(), shuffle=True)
    _ = source[1]
    before, settings = copy.copy(vars(source)), copy.copy(vars(source.image_data_generator))
    contents = contents_of(load(source), batch_size=4)
    first, *_ = epochs(contents.batches(Stored(read_all(contents))))
    assert vars(source) == before
    assert vars(source.image_data_generator) == settings
    assert np.array_equal(first[0][0], batches_of(load(source), batch_size=4)[0][0])  # it goes on


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rotation_range", 9),
        ("width_shift_range", 0.1),
        ("height_shift_range", [1, 2]),
        ("shear_range", 1.0),
        ("zoom_range", 0.2),
        ("channel_shift_range", 3),
        ("brightness_range", (0.5, 1)),
        ("horizontal_flip", True),
        ("vertical_flip", True),
    ],
)
def test_random_changes_are_named(make_folder, name, value):
    source = flow(make_folder(), {name: value})
    with pytest.raises(UnsteadyData, match=f"at random, by {name}$"):
        contents_of(load(source), batch_size=4)


def test_pictures_that_are_saved_would_be_missed(make_folder, tmp_path):
    with pytest.raises(UnsteadyData, match="save_to_dir"):
        contents_of(load(flow(make_folder(), save_to_dir=str(tmp_path))), batch_size=4)


def test_changes_of_a_subclass_are_found_by_reading(make_folder):
    class Noisy(legacy.ImageDataGenerator):
        def standardize(self, x):
            return super().standardize(x // np.random.randint(1, 9))

    source = Noisy().flow_from_directory(make_folder(), target_size=(10, 12), batch_size=4)
    with pytest.raises(UnsteadyData, match="gave other images"):
        contents_of(load(source), batch_size=4)


def test_one_hash_and_one_reading_are_the_same_pixels(make_folder):
    folder = make_folder()
    upright = picture(50, (12, 10))
    turned = Image.Exif()
    turned[0x0112] = 3
    save(folder / "cat/a.png", upright)
    save(folder / "cat/b.png", upright.rotate(180), exif=turned)  # which Keras does not turn
    save(folder / "dog/c.png", upright)
    data = load(flow(folder, shuffle=False))
    contents = contents_of(data, batch_size=4)
    a, b, c = (
        contents.hashes[data.names.index(str(folder / x))]
        for x in ("cat/a.png", "cat/b.png", "dog/c.png")
    )
    assert a == c != b
    variants = [
        {},
        {"target_size": (5, 5)},
        {"interpolation": "bilinear"},
        {"settings": {"rescale": 0.5}},
    ]
    readings = {contents_of(load(flow(folder, **how)), batch_size=4).reading for how in variants}
    assert len(readings) == 4
