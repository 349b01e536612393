"""The hash of how an image looks."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from transferlearn.data.images.likeness import likeness, likeness_of_array

pytestmark = pytest.mark.core


def photos():
    """Parts of two photos."""
    rng = np.random.default_rng(0)
    for name in ("china.jpg", "flower.jpg"):
        photo = Image.fromarray(load_sample_image(name))
        for left, top in rng.integers(0, 220, (20, 2)):
            yield photo.crop((left, top, left + 400, top + 200))


def again(image, scale, quality):
    """The image, resized and compressed."""
    file = BytesIO()
    image.resize([int(side * scale) for side in image.size]).save(file, "JPEG", quality=quality)
    return Image.open(BytesIO(file.getvalue())).convert("RGB")


@pytest.mark.parametrize(("scale", "quality"), [(0.5, 90), (0.8, 60), (1, 40), (0.3, 80), (2, 75)])
def test_resizing_and_compressing_keep_it(scale, quality):
    bits = [(likeness(p) ^ likeness(again(p, scale, quality))).bit_count() for p in photos()]
    assert np.mean(np.array(bits) <= 2) > 0.9


def test_other_photos_have_others():
    found = [likeness(photo) for photo in photos()][::20]
    assert (found[0] ^ found[1]).bit_count() > 15


def test_it_compares_each_cell_with_its_right_neighbour():
    ramp = np.arange(90, dtype=np.uint8)[None, :, None].repeat(80, 0).repeat(3, 2)
    assert likeness_of_array(ramp) == 2**64 - 1
    assert likeness_of_array(ramp[:, ::-1]) == 0
    assert likeness_of_array(np.full_like(ramp, 7)) == 0
    half = np.concatenate([ramp[:40], ramp[:40, ::-1]])
    assert likeness_of_array(half) == (2**32 - 1) << 32


def test_arrays_have_that_of_pictures_and_small_ones_have_none():
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert likeness_of_array(pixels) == likeness(Image.fromarray(pixels))
    assert likeness_of_array(pixels.astype("float32")) == likeness_of_array(pixels)
    assert likeness_of_array(pixels[:8, :9]) is not None
    assert likeness_of_array(pixels[:7]) is None
    assert likeness_of_array(pixels[:, :8]) is None
