import keras
import numpy as np
import pytest
from conftest import picture, save
from PIL import Image

from tests.loading import batches_of, load, load_images, load_pair
from transferlearn.data import DataWarning

pandas = pytest.importorskip("pandas")
legacy = pytest.importorskip("tensorflow.keras.preprocessing.image")


def flow(folder, *, rescale=None, size=(10, 12), shuffle=False, settings=None, **how):
    generator = legacy.ImageDataGenerator(rescale=rescale, **(settings or {}))
    return generator.flow_from_directory(
        folder, target_size=size, shuffle=shuffle, batch_size=4, **how
    )


def collect(batches):
    return [np.concatenate(part) for part in zip(*batches, strict=True)]


@pytest.mark.parametrize("rescale", [None, 1 / 255, 1 / 127.5, 0.004, 2])
@pytest.mark.parametrize("class_mode", ["categorical", "sparse"])
def test_rescale_is_undone_exactly(make_folder, recwarn, rescale, class_mode):
    folder = make_folder()
    save(folder / "cat/all.png", picture(3, (12, 10)))
    data = load(flow(folder, rescale=rescale, class_mode=class_mode))
    x, y = collect(batches_of(data, batch_size=99, encoding="one-hot"))
    expected = load(folder, image_size=(10, 12))
    assert np.array_equal(x, np.stack([expected.image(i) for i in range(11)]))
    assert np.array_equal(y, np.eye(2)[expected.targets.labels])
    assert data.targets.class_names == ("cat", "dog")
    assert data.targets.labels.tolist() == expected.targets.labels.tolist()
    assert data.names == expected.names
    assert (data.size, data.image_size, data.interpolation) == (11, (10, 12), "nearest")
    assert len(recwarn) == 0


def test_every_value_comes_back(tmp_path):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for label in ("a", "b"):
        save(tmp_path / f"{label}/0.png", Image.fromarray(values).convert("RGB"))
    data = load(flow(tmp_path, rescale=1.0 / 255, size=(16, 16)))
    assert np.array_equal(batches_of(data, batch_size=4)[0][0][0, ..., 0], values)


def test_the_iterator_keeps_its_order_and_batches(make_folder):
    iterator = flow(make_folder(), shuffle=True, seed=5)
    batches = batches_of(load(iterator), batch_size=99, encoding="index")
    assert len(batches) == 3
    assert [len(batch[0]) for batch in batches] == [4, 4, 2]
    before = iterator.index_array.copy()
    assert np.array_equal(batches[0][1], iterator.labels[before[:4]])
    batches.on_epoch_end()
    assert not np.array_equal(iterator.index_array, before)


def test_numeric_folder_names_are_positions(make_folder):
    folder = make_folder(counts={"1": 2, "10": 2, "2": 2})
    data = load(flow(folder, class_mode="sparse"))
    assert data.targets.class_names == ("1", "10", "2")
    assert collect(batches_of(data, batch_size=4, encoding="index"))[1].tolist() == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]


def test_binary_and_class_weights(make_folder):
    data = load(flow(make_folder(), class_mode="binary"))
    _, y, weights = collect(batches_of(data, batch_size=4, encoding="binary", class_weight={1: 3}))
    assert y.tolist() == [[0]] * 5 + [[1]] * 5
    assert weights.tolist() == [1] * 5 + [3] * 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("preprocessing_function", lambda x: x),
        ("samplewise_center", True),
        ("samplewise_std_normalization", True),
        ("featurewise_center", True),
        ("featurewise_std_normalization", True),
        ("zca_whitening", True),
    ],
)
def test_preprocessing_is_refused_with_the_fix(make_folder, name, value):
    iterator = flow(make_folder())
    setattr(iterator.image_data_generator, name, value)
    with pytest.raises(ValueError, match=rf"uses {name}, .*raw pixels"):
        load(iterator)


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")  # Keras on SciPy
def test_augmentation_is_fine(make_folder):
    settings = {
        "rotation_range": 30,
        "horizontal_flip": True,
        "channel_shift_range": 60,
        "brightness_range": (0.5, 1.5),
    }
    data = load(flow(make_folder(), rescale=1 / 255, settings=settings))
    x, _ = collect(batches_of(data, batch_size=4))
    assert x.max() > 100


@pytest.mark.parametrize(
    ("how", "options", "message"),
    [
        ({"color_mode": "grayscale"}, {}, 'color_mode="rgb"'),
        ({"class_mode": None}, {}, 'Pass class_mode="categorical"'),
        ({"class_mode": "input"}, {}, 'Pass class_mode="categorical"'),
        ({}, {"image_size": (9, 9)}, r"Pass target_size=\(9, 9\)"),
        ({}, {"class_names": ["dog", "cat"]}, "has its own class names"),
        ({"class_mode": "sparse"}, {"multi_label": True}, 'needs class_mode="categorical"'),
    ],
)
def test_iterators_that_are_refused(make_folder, how, options, message):
    with pytest.raises(ValueError, match=message):
        load(flow(make_folder(), **how), **options)


def test_cropping_is_said(make_folder):
    with pytest.warns(DataWarning, match="crops"):
        load(flow(make_folder(), keep_aspect_ratio=True))


@pytest.mark.parametrize("on_error", ["skip", "raise"])
def test_corrupt_files_are_named_before_training(make_folder, on_error):
    folder = make_folder()
    (folder / "cat/empty.png").touch()
    save(folder / "dog/fine.png").rename(folder / "dog/misnamed.jpg")
    with pytest.raises(ValueError, match=r"(?s)1 files.*cannot\s+skip.*empty.png: empty") as caught:
        load(flow(folder), on_error=on_error)
    assert "misnamed" not in str(caught.value)


def test_an_empty_class_and_shared_images_are_seen(make_folder, tmp_path):
    folder = make_folder()
    make_folder("other", {"cat": 2, "dog": 2})
    with pytest.warns(DataWarning, match=r"photos/cat/0.png = .*other/cat/0.png"):
        load_pair(flow(folder), flow(tmp_path / "other"))
    (folder / "owl").mkdir()
    with pytest.raises(ValueError, match="No image of class 'owl'"):
        load_pair(flow(folder))


def test_arrays_through_flow():
    x = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3)).astype(np.float32)
    y = np.array([0, 1, 2, 0, 1, 2])

    def run(x, rescale=None, y=y, **options):
        iterator = legacy.ImageDataGenerator(rescale=rescale).flow(
            x, y, batch_size=4, shuffle=False
        )
        return load(iterator, **options)

    for data in (run(x), run(x, 1 / 255), run(x, 1 / 255, value_range=(0, 1))):
        assert np.array_equal(collect(batches_of(data, batch_size=9))[0], x)
        assert data.targets.labels.tolist() == y.tolist()
    with pytest.warns(DataWarning, match="divided by 255"):
        assert np.array_equal(collect(batches_of(run(x / 255), batch_size=9))[0], x)
    one_hot = batches_of(run(x, y=np.eye(3)[y]), batch_size=9, encoding="index")
    assert collect(one_hot)[1].tolist() == y.tolist()
    assert batches_of(run(x, image_size=(2, 2)), batch_size=9)[0][0].shape == (4, 2, 2, 3)
    with pytest.raises(ValueError, match="Pass y to"):
        run(x, y=None)
    with pytest.raises(ValueError, match="preprocess_input"):
        run(x - 100)


def test_frames_with_several_labels(make_folder):
    folder = make_folder()
    frame = pandas.DataFrame(
        {
            "filename": ["cat/0.png", "cat/1.png", "dog/0.png"],
            "class": [["a", "b"], ["b"], ["c", "a"]],
            "x": [1, 0, 1],
            "y": [0, 1, 1],
        }
    )

    def run(**how):
        return legacy.ImageDataGenerator().flow_from_dataframe(
            frame, folder, target_size=(10, 12), shuffle=False, **how
        )

    rows = [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    data = load(run(), multi_label=True)
    assert data.targets.class_names == ("a", "b", "c")
    assert data.targets.labels.tolist() == rows
    assert batches_of(data, batch_size=9, encoding="one-hot")[0][1].tolist() == rows
    with pytest.raises(ValueError, match="pass multi_label=True"):
        load(run())
    for mode in ("raw", "multi_output"):
        iterator = run(class_mode=mode, y_col=["x", "y"])
        data = load(iterator, multi_label=True)
        assert data.targets.labels.tolist() == [[1, 0], [0, 1], [1, 1]]
        assert (
            batches_of(data, batch_size=9, encoding="one-hot")[0][1].tolist()
            == data.targets.labels.tolist()
        )
        with pytest.raises(ValueError, match="is for multi_label=True"):
            load(iterator)


class Plain(keras.utils.PyDataset):
    """Somebody's own PyDataset: images 0 to 9 in batches of 4."""

    def __init__(self, scale=1.0, labels=None, **how):
        super().__init__(**how)
        x = np.arange(10, dtype=np.float32)[:, None, None, None].repeat(3, axis=-1) * 25
        self.parts = (x * np.float32(scale), np.arange(10) % 3 if labels is None else labels)
        self.epochs = []

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return tuple(part[4 * i : 4 * i + 4] for part in self.parts)

    def on_epoch_begin(self):
        self.epochs.append("begin")

    def on_epoch_end(self):
        self.epochs.append("end")


def test_any_py_dataset_is_wrapped():
    source = Plain(workers=3, max_queue_size=2)
    data = load(source)
    assert data.targets.class_names == ("0", "1", "2")
    assert data.targets.labels.tolist() == [0, 1, 2] * 3 + [0]
    assert (data.size, data.image_size) == (10, (1, 1))
    batches = batches_of(data, batch_size=99, encoding="one-hot")
    assert (len(batches), batches.workers, batches.max_queue_size) == (3, 3, 2)
    assert np.array_equal(collect(batches)[0], source.parts[0])
    batches.on_epoch_begin()
    batches.on_epoch_end()
    assert source.epochs == ["begin", "end"]
    assert load(Plain(), class_names=["a", "b", "c"]).targets.labels is None
    assert batches_of(load(Plain(), image_size=(2, 2)), batch_size=1)[0][0].shape == (4, 2, 2, 3)


def test_the_range_of_a_py_dataset():
    with pytest.warns(DataWarning, match="divided by 255"):
        data = load(Plain(1 / 255))
    assert collect(batches_of(data, batch_size=1))[0].max() == 225
    with pytest.raises(ValueError, match="preprocess_input"):
        load(Plain(-1))
    late = Plain()
    late.parts[0][9] = 300
    with pytest.raises(ValueError, match="preprocess_input"):
        collect(batches_of(load(late), batch_size=1))


def test_predicting_on_generators(make_folder):
    folder = make_folder()
    data = load_images(flow(folder, class_mode=None), image_size=(10, 12))
    assert len(data.paths) == 10
    assert collect(batches_of(data, batch_size=9))[0].shape == (10, 10, 12, 3)
    assert load_images(flow(folder, shuffle=True), image_size=(10, 12)).paths is None
    assert len(batches_of(load_images(Plain(), image_size=(1, 1)), batch_size=1)[0]) == 1
