import numpy as np
import pytest
from conftest import picture, save
from PIL import Image

from tests.loading import batches_of, load_images
from transferlearn.data import DataWarning

SIZE = (10, 12)


def images(source, **options):
    data = load_images(source, image_size=SIZE, **options)
    assert data.targets is None
    batches = [batch for (batch,) in batches_of(data, batch_size=2)]
    assert sum(map(len, batches)) == data.size
    return np.concatenate(batches), data.names


def test_paths_lists_and_folders(tmp_path):
    paths = [save(tmp_path / f"{name}.png", picture(i)) for i, name in enumerate("ba")]
    paths.append(save(tmp_path / "deep/er/c.png", picture(2)))
    expected = np.stack([np.asarray(picture(i)) for i in range(3)])
    for source in (paths[0], str(paths[0])):
        x, names = images(source)
        assert np.array_equal(x, expected[:1])
        assert names == [str(paths[0])]
    x, names = images(paths)
    assert np.array_equal(x, expected)
    x, names = images(tmp_path)
    assert np.array_equal(x, expected[[1, 0, 2]])
    assert names == [str(paths[i]) for i in (1, 0, 2)]


def test_pictures_and_arrays():
    one = np.asarray(picture())
    for source in (picture(), [picture()], one, one[None], [one], one.astype(np.float32)):
        x, names = images(source)
        assert np.array_equal(x, one[None])
        assert names is None
    assert images(one[..., 0])[0].shape == (1, *SIZE, 3)
    assert images(np.zeros((5, 7, 7), np.uint8))[0].shape == (5, *SIZE, 3)
    assert np.array_equal(images((one / 255).astype(np.float32), value_range=(0, 1))[0][0], one)


def test_bad_files(tmp_path):
    good, bad = save(tmp_path / "a.png"), tmp_path / "b.png"
    bad.touch()
    with pytest.warns(DataWarning, match=r"b.png: empty"):
        assert images([good, bad])[1] == [str(good)]
    with pytest.raises(ValueError, match=r"b.png cannot be used: empty"):
        images(bad)
    with pytest.raises(ValueError, match=r"b.png: empty"):
        images([good, bad], on_error="raise")
    with pytest.raises(FileNotFoundError, match="No such file or folder"):
        images(tmp_path / "c.png")
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="No image in"):
        images(tmp_path / "none")
    with pytest.raises(ValueError, match="x is empty"):
        images([])


def test_a_picture_that_cannot_be_decoded(tmp_path):
    path = save(tmp_path / "a.jpg", picture(size=(64, 64)))
    path.write_bytes(path.read_bytes()[:-900])
    with (
        Image.open(path) as image,
        pytest.raises(ValueError, match=r"x\[0\] cannot be decoded"),
    ):
        images(image)


@pytest.mark.parametrize("source", [None, 5, iter(["a.png"]), {"a.png"}])
def test_what_is_no_image(source):
    with pytest.raises(TypeError, match="Images are a path, a folder"):
        images(source)
