from pathlib import Path

import numpy as np
import pytest
from PIL import Image


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
