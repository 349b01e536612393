from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from transferlearn.data.items import Items


def picture(seed=0, size=(12, 10)):
    """A random RGB picture; size is (width, height)."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3))
    return Image.fromarray(pixels.astype(np.uint8))


def save(path, image=None, **how):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or picture(seed=sum(map(ord, str(path.name))))).save(path, **how)
    return path


@pytest.fixture
def make_folder(tmp_path):
    """A folder `name/<class>/i.png` with pictures that all differ."""

    def make(name="photos", counts=None, first=0):
        seed = first
        for label, count in (counts or {"cat": 5, "dog": 5}).items():
            (tmp_path / name / label).mkdir(parents=True)
            for i in range(count):
                save(tmp_path / name / label / f"{i}.png", picture(seed))
                seed += 1
        return tmp_path / name

    return make


class Stored(Items):
    """Arrays in place of the images."""

    def __init__(self, *parts):
        self.parts = parts

    def __len__(self):
        return len(self.parts[0])

    def start(self, rows, epoch=0):
        picked = tuple(part[rows] for part in self.parts)
        return lambda: picked if len(picked) > 1 else picked[0]


def read_all(contents, batch_size=3):
    """All images of `Contents`, in order, each read exactly once."""
    rows, images = zip(
        *contents.read(np.arange(len(contents.hashes)), batch_size=batch_size), strict=True
    )
    assert [len(part) for part in rows] == [len(part) for part in images]
    rows = np.concatenate(rows)
    assert sorted(rows) == list(range(len(contents.hashes)))
    return np.concatenate(images)[np.argsort(rows)]


def epochs(batches, count=3):
    """What Keras would take in `count` epochs: a list of batches, each a tuple of arrays."""
    result = []
    for _ in range(count):
        if isinstance(batches, keras.utils.PyDataset):
            batches.on_epoch_begin()
            result.append([batches[i] for i in range(len(batches))])
            batches.on_epoch_end()
        else:
            result.append(list(batches.as_numpy_iterator()))
    return result


def assert_same(ours, theirs):
    """Equal values, dtypes and batches, in each epoch."""
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert [len(batch[0]) for batch in one] == [len(batch[0]) for batch in other]
        for mine, its in zip(one, other, strict=True):
            assert [part.dtype for part in mine] == [part.dtype for part in its]
            for a, b in zip(mine, its, strict=True):
                assert np.array_equal(a, b)
