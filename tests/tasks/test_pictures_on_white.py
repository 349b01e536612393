"""Drawings on white: what is learnt above white, and figures that white grounds do not hide."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import small_backbone
from tests.pictures import blocks
from transferlearn.tasks.image_to_image.figures import PictureTally


@pytest.fixture(scope="module")
def model():
    head = tl.heads.PictureUNet(width=4, features=("image", "stride_2", "stride_4"))
    builder = tl.ImageToImageBuilder(small_backbone(), image_size=(32, 32), head=head, seed=0)
    model = builder.build()
    model.get_layer("change").bias.assign([4.0, 4.0, -4.0])  # 128 more, or less
    return model


def test_a_tenth_of_what_is_beyond_the_clip_counts(model):
    given, wanted = blocks(4).astype("float32"), blocks(4, seed=1).astype("float32")
    before = keras.Model(model.input, model.get_layer("changed").output)
    raw = before.predict(given, verbose=0)
    assert raw.max() > 300
    assert raw.min() < -50
    found = model.predict(given, verbose=0)
    np.testing.assert_array_equal(found, raw.clip(0, 255))
    loss = model.evaluate(given, wanted, verbose=0)[0]
    beyond = np.abs(raw - found).mean()
    assert beyond > 20
    assert loss == pytest.approx(np.abs(found - wanted).mean() + 0.1 * beyond, rel=1e-5)


def test_a_clean_ground_does_not_hide_what_was_not_learnt():
    rng = np.random.default_rng(0)
    target = np.full((32, 32, 3), 255.0)
    target[:8, :16] = 100  # a twelfth or so of the windows
    given = (target + rng.normal(0, 20, target.shape)).clip(0, 255)
    clean = given.copy()
    clean[target == 255] = 255
    tally = PictureTally.of([clean, given], [target, target], [given, given])
    figures = PictureTally.of([clean], [target], [given]).evaluation()
    assert figures.mae_of_worst_tenth > 4 * figures.mae
    of_answer, of_input = tally.by_item[:, 3]
    assert 0.6 * of_input < of_answer <= of_input
    assert "mae_of_worst_tenth" not in PictureTally.of([clean], [target]).evaluation()
