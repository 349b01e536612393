import warnings

import numpy as np
import pytest
from conftest import picture, save
from PIL import Image

import transferlearn as tl
from tests.loading import load
from transferlearn.data import DataWarning

RAW = np.arange(4 * 5 * 6 * 3).reshape(4, 5, 6, 3).astype(np.uint8)
Y = [0, 1, 0, 1]


def images(data):
    return np.stack([data.image(i) for i in range(data.size)])


def test_bytes_stay_as_they_are():
    data = load((RAW, Y))
    assert data.image_size == (5, 6)
    assert images(data).dtype == np.uint8
    assert np.array_equal(images(data), RAW)
    assert data.targets.class_names == ("0", "1")


def test_raw_floats_stay_as_they_are():
    data = load((RAW.astype(np.float64), Y))
    assert images(data).dtype == np.float32
    assert np.array_equal(images(data), RAW)


def test_grey_and_transparent_arrays_become_rgb():
    for grey in (RAW[..., 0], RAW[..., :1]):
        assert np.array_equal(images(load((grey, Y))), RAW[..., :1].repeat(3, axis=-1))
    rgba = np.zeros((4, 5, 6, 4), np.uint8)
    assert (images(load((rgba, Y))) == 255).all()


VALUES = np.arange(256, dtype=np.uint8)
DIVIDED = {
    "float32 division": VALUES / np.float32(255),
    "float64 division": VALUES / 255.0,
    "float32 rescale": VALUES * np.float32(1 / 255),
}


@pytest.mark.parametrize("how", DIVIDED)
def test_division_by_255_is_recognised_and_undone_exactly(how):
    x = DIVIDED[how].reshape(1, 16, 16).repeat(4, axis=0)
    with pytest.warns(DataWarning, match=r"value_range=\(0, 1\)") as caught:
        data = tl.data.load((x, Y))
    assert caught[0].filename == __file__
    assert np.array_equal(data.image(0)[..., 0].ravel(), VALUES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(images(load((x, Y), value_range=(0, 1))), images(data))
        assert images(load((x, Y), value_range=(0, 255))).max() == 1


def test_value_range_says_nothing_about_integers():
    assert np.array_equal(images(load((RAW, Y), value_range=(0, 1))), RAW)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (RAW / 127.5 - 1, "leave out preprocess_input"),
        (RAW.astype(np.int16) * 2, "raw pixels, 0..255"),
        (np.where(RAW > 3, np.nan, RAW), "NaN or infinite"),
        (np.where(RAW > 3, np.inf, RAW), "NaN or infinite"),
        (RAW.astype(object), "dtype=object"),
        (RAW > 3, "dtype=bool"),
        (RAW[:, 0, 0], "must have shape"),
        (RAW[..., :2], "must have shape"),
        (RAW[:, :0], "empty"),
        ([*RAW[:3], RAW[0, 0, 0]], "x\\[3\\] must have shape"),
    ],
)
def test_pixels_that_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        load((x, Y))


def test_other_refusals():
    with pytest.raises(ValueError, match=r"value_range=\(0, 1\) was given, but x holds"):
        load((RAW.astype(float), Y), value_range=(0, 1))
    with pytest.raises(ValueError, match=r"Received: value_range=\(0, 2\)"):
        load((RAW, Y), value_range=(0, 2))
    with pytest.raises(ValueError, match=r"same length. Received: 4 and 3"):
        load((RAW, Y[:3]))
    with pytest.raises(ValueError, match="Received: a tuple of 1 parts"):
        load((RAW,))
    with pytest.raises(TypeError, match="Received: list"):
        load([RAW, Y])
    with pytest.raises(ValueError, match="interpolation must be one of 'nearest'"):
        load((RAW, Y), interpolation="linear")
    for size in (0, (0, 5), (5,), "ab"):
        with pytest.raises(ValueError, match=r"image_size must be \(height, width\)"):
            load((RAW, Y), image_size=size)


def test_image_size_resizes_bytes_like_pillow_and_floats_alike():
    data = load((RAW, Y), image_size=(9, 4))
    expected = np.asarray(Image.fromarray(RAW[1]).resize((4, 9), Image.Resampling.BILINEAR))
    assert np.array_equal(data.image(1), expected)
    floats = load((RAW.astype(np.float32), Y), image_size=(9, 4)).image(1)
    assert np.abs(floats - expected).max() < 1.01
    nearest = load((RAW, Y), image_size=(9, 4), interpolation="nearest")
    assert nearest.interpolation == "nearest"
    assert set(nearest.image(1).ravel()) <= set(RAW[1].ravel())


def test_lists_of_pictures_and_arrays_of_different_sizes():
    mixed = [picture(0, (8, 8)), RAW[0], RAW[1].astype(np.float32), np.zeros((3, 3), np.uint8)]
    data = load((mixed, Y), image_size=(5, 6))
    assert images(data).shape == (4, 5, 6, 3)
    assert np.array_equal(data.image(1), RAW[0])
    assert np.array_equal(data.image(2), RAW[1])
    assert load((mixed, Y), default_image_size=(7, 7)).image_size == (7, 7)
    assert load(([picture(i) for i in range(4)], Y)).image_size == (10, 12)


def test_a_dark_image_in_a_list_is_not_taken_as_divided():
    x = [np.full((2, 2, 3), 0.5, np.float32), np.full((3, 3, 3), 200.0, np.float32)]
    assert load((x, [0, 1]), image_size=(2, 2)).image(0).max() == 0.5


def test_lists_of_paths_lose_the_labels_of_skipped_files(tmp_path):
    paths = [save(tmp_path / f"{i}.png", picture(i)) for i in range(4)]
    paths[1].write_bytes(b"")
    with pytest.warns(DataWarning, match=r"1.png: empty"):
        data = load((paths, ["a", "b", "c", "b"], [1, 2, 3, 4]), image_size=(10, 12))
    assert data.targets.labels.tolist() == [0, 2, 1]
    assert data.targets.class_names == ("a", "b", "c")
    assert data.sample_weight.tolist() == [1, 3, 4]
    assert np.array_equal(data.image(1), np.asarray(picture(2)))
    assert load((np.array(list(map(str, paths[2:]))), [0, 1])).size == 2


@pytest.mark.parametrize("weights", [[1, 2], [1, 1, 1, -1], [1, 1, 1, np.nan], ["a"] * 4])
def test_sample_weights_that_are_refused(weights):
    with pytest.raises(ValueError, match="4 finite numbers"):
        load((RAW, Y, weights))


def test_the_same_pixels_have_the_same_hash(tmp_path):
    path = save(tmp_path / "a.bmp", picture())
    again = save(tmp_path / "b.png", picture())
    files = load(([path, again, save(tmp_path / "c.png", picture(1))], Y[:3]))
    x = np.stack([np.asarray(picture())] * 3)
    array, floats = load((x, Y[:3])), load((x.astype(float), Y[:3]), image_size=(5, 5))
    assert files.content_hashes()[0] == files.content_hashes()[1] == array.content_hashes()[0]
    assert floats.content_hashes()[2] == array.content_hashes()[0]
    assert files.content_hashes()[2] != files.content_hashes()[0]


@pytest.mark.parametrize("part", [None, 3, "photos", iter([])])
def test_parts_that_are_no_rows(part):
    with pytest.raises(TypeError, match=r"y of \(x, y\) must be an array or a list"):
        load((np.zeros((4, 8, 8, 3), np.uint8), part))


@pytest.mark.parametrize("size", ["32", (32.5, 32)])
def test_sizes_that_are_no_whole_numbers(size):
    with pytest.raises(ValueError, match="image_size must be"):
        load((np.zeros((4, 8, 8, 3), np.uint8), [0, 1, 0, 1]), image_size=size)


def test_another_size_is_made_of_the_same_images(tmp_path):
    paths = [save(tmp_path / f"{i}.png", picture(i)) for i in range(3)]
    x = np.stack([np.asarray(picture(i)) for i in range(3)])
    for source in ((paths, Y[:3]), (x, Y[:3])):
        one, other = load(source, image_size=(4, 9)), load(source, image_size=(6, 5))
        again = other.resized((4, 9))
        assert again.image_size == (4, 9)
        assert again.content_hashes() == one.content_hashes()
        for i in range(3):
            np.testing.assert_array_equal(again.image(i), one.image(i))
        assert other.image(0).shape == (6, 5, 3)
