"""Figures, metrics and losses of pictures, against scikit-image."""

import keras
import numpy as np
import pytest
import skimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import transferlearn as tl
from tests.networks import Levels
from tests.pictures import blocks, darker
from transferlearn.backbones import registry
from transferlearn.data import DegradedImages, Originals, load
from transferlearn.tasks.image_to_image.figures import psnr, ssim

pytestmark = pytest.mark.core
ENCODING = tl.tasks.PictureEncoding(scale=1, size=(24, 20), originals=False)


def pairs():
    """Returns pictures beside worse ones: random, flat, and crops of a real photo."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (2, 24, 20, 3)).astype("uint8")
    flat = np.full((1, 24, 20, 3), 200, "uint8")
    photo = skimage.data.astronaut()[200:248:2, 200:240:2][None]
    good = np.concatenate([noise, flat, photo, photo[:, ::-1]])
    worse = np.clip(good + rng.normal(0, 20, good.shape), 0, 255).astype("float32")
    worse[1] = noise[0]
    return good, worse


def test_psnr_and_ssim_are_those_of_scikit_image():
    good, worse = pairs()
    expected = [
        (
            peak_signal_noise_ratio(a.astype(float), b, data_range=255),
            structural_similarity(a.astype(float), b, channel_axis=-1, data_range=255),
        )
        for a, b in zip(good, worse.astype(float), strict=True)
    ]
    found = [(psnr(a, b), ssim(a, b)) for a, b in zip(good, worse, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    whole = [(psnr(a, b), ssim(a, b)) for a, b in zip(good, worse.astype("uint8"), strict=True)]
    expected = [
        structural_similarity(a, b, channel_axis=-1)
        for a, b in zip(good, worse.astype("uint8"), strict=True)
    ]
    np.testing.assert_allclose([one[1] for one in whole], expected, rtol=1e-9)
    assert psnr(good[0], good[0]) == 100
    assert ssim(good[0], good[0]) == pytest.approx(1)


def test_metrics_are_the_figures_as_means_over_pictures():
    good, worse = pairs()
    scores = ENCODING.scoring.measure(worse, good)
    for metric in (tl.tasks.PSNR(), tl.tasks.SSIM()):
        metric.update_state(good[:2], worse[:2])
        metric.update_state(good[2:], worse[2:])
        assert float(metric.result()) == pytest.approx(scores[metric.name], rel=1e-4)
        again = type(metric).from_config(metric.get_config())
        assert again.name == metric.name


def test_figures_have_intervals_and_go_batch_by_batch():
    good, worse = pairs()
    whole = ENCODING.scoring.measure(worse, good)
    parts = [ENCODING.scoring.tally(worse[i : i + 2], good[i : i + 2]) for i in (0, 2, 4)]
    assert dict(type(parts[0]).joined(parts).evaluation()) == pytest.approx(dict(whole))
    assert whole["mae"] == pytest.approx(np.abs(good - worse).mean())
    for name in ("psnr", "ssim", "mae"):
        low, high = whole.intervals[name]
        assert low < whole[name] < high
    test = ENCODING.scoring.compare(whole, ENCODING.scoring.measure(good, good))
    assert test.difference == pytest.approx(1 - whole.ssim)


def test_a_perceptual_loss_sees_more_than_pixels(sources):
    registry.register(Levels())
    keras.utils.set_random_seed(0)
    seen = tl.tasks.Perceptual("Levels", features=("stride_2", "stride_4"))
    good = blocks(2, size=40).astype("float32")
    distance = keras.ops.convert_to_numpy(seen.distance(good, good))
    np.testing.assert_allclose(distance, 0, atol=1e-5)
    moved = keras.ops.convert_to_numpy(seen.distance(good, good[::-1]))
    assert (moved > 0.001).all()
    assert (moved <= 4).all()
    assert [tuple(gram.shape) for gram in seen.style(good)] == [(2, 4, 4)] * 2
    loss = tl.tasks.PerceptualLoss("Levels", features=("stride_2", "stride_4"), weight=3)
    error = np.abs(good - darker(good)).mean()
    assert float(loss(good, good)) == pytest.approx(0, abs=1e-4)
    assert float(loss(good, darker(good).astype("float32"))) > error
    plain = tl.tasks.PerceptualLoss("Levels", features=("stride_2",), weight=0)
    assert float(plain(good, darker(good).astype("float32"))) == pytest.approx(error, rel=1e-5)
    assert loss.get_config()["features"] == ["stride_2", "stride_4"]
    assert loss.get_config()["weight"] == 3


def test_what_cannot_be_learnt_is_refused():
    kind = DegradedImages(image_size=(3, 3), degradation=tl.data.super_resolution(2))
    small = load(blocks(3), kind, Originals())
    with pytest.raises(ValueError, match=r"at least 7 x 7 pixels. Received: 6 x 6"):
        tl.tasks.ImageToImage().learn(small.targets)
    with pytest.raises(ValueError, match="Pictures cannot be mixed"):
        ENCODING.objective(loss=None, metrics=None, targets=None, mixed=True)
