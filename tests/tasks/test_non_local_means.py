"""Pictures are denoised without learning, as scikit-image does it, to compare a network with."""

from dataclasses import replace

import numpy as np
import pytest
import skimage
from skimage.restoration import denoise_nl_means

import transferlearn as tl
from tests.networks import small_backbone
from transferlearn.tasks.image_to_image import figures
from transferlearn.tasks.image_to_image.denoising import noise_of, non_local_means
from transferlearn.tasks.image_to_image.encoding import PictureEncoding

PHOTO = skimage.data.astronaut()[100:164, 150:198]


def noisy(picture, strength, seed=0):
    noise = np.random.default_rng(seed).normal(0, 255 * strength, picture.shape)
    return np.clip(picture + noise, 0, 255).astype("uint8")


def test_it_is_that_of_scikit_image():
    worse = noisy(PHOTO, 0.1)
    sigma = noise_of(worse)
    expected = denoise_nl_means(
        worse.astype(float), patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma,
        fast_mode=False, channel_axis=-1,
    )  # fmt: skip
    # It takes weights below exp(-5) as 0, which moves the few pixels that are like no others.
    difference = np.abs(non_local_means(worse) - expected)
    assert difference.mean() < 0.15
    assert np.quantile(difference, 0.99) < 1.5
    assert np.abs(worse - expected).mean() > 10


@pytest.mark.parametrize("strength", [0.03, 0.1, 0.2])
def test_the_noise_is_estimated_on_a_photo_and_on_white(strength):
    assert noise_of(noisy(PHOTO, strength)) == pytest.approx(255 * strength, rel=0.2)
    drawing = np.full((64, 64, 3), 255.0)
    drawing[16:48, 16:48] = 128
    assert noise_of(noisy(drawing, strength)) == pytest.approx(255 * strength, rel=0.15)


@pytest.mark.parametrize("picture", [np.zeros((8, 8, 3)), np.full((7, 9, 3), 255), PHOTO[:7, :7]])
def test_pictures_without_noise_and_small_ones_stay_pictures(picture):
    made = non_local_means(picture)
    assert made.shape == picture.shape
    assert np.isfinite(made).all()


@pytest.fixture(scope="module")
def photos():
    whole = skimage.data.astronaut()
    return np.stack([whole[i : i + 32, j : j + 32] for i in (0, 100, 200) for j in (100, 200, 300)])


def fitted(photos, degradation):
    settings = {"image_size": (32, 32), "degradation": degradation, "freeze": "all", "seed": 0}
    builder = tl.ImageToImageBuilder(small_backbone(), batch_size=3, **settings)
    return builder.fit(photos, epochs=1, validation_split=0, verbose=0)


def test_evaluate_shows_what_needs_no_learning(photos, monkeypatch):
    model = fitted(photos, tl.data.denoise(0.1))
    scores = model.evaluate(photos)
    made = [tl.data.denoise(0.1)(photo) for photo in photos]
    values = np.stack([non_local_means(one) for one in made])
    alone = model.encoding.scoring.measure(values, photos)
    part = scores.parts["non-local means"]
    assert part["psnr"] == pytest.approx(alone.psnr, abs=0.01)
    assert part["ssim"] == pytest.approx(alone.ssim, abs=1e-3)
    assert part["psnr_gained"] == pytest.approx(scores.psnr - part["psnr"], abs=1e-6)
    assert "count" not in part
    words = f"By PSNR, non-local means are better by {-part['psnr_gained']:.2g} dB, and need no"
    assert words in str(scores)
    assert words in scores._repr_html_()
    scores.figures["psnr_gained: non-local means"] = 0.2
    assert "need no" not in str(scores)


@pytest.mark.parametrize("size", [9, None])
def test_of_many_pictures_some_are_denoised_however_small_the_batches(photos, monkeypatch, size):
    known = PictureEncoding(scale=1, size=(32, 32), originals=True)
    monkeypatch.setattr(figures, "_DENOISED", 32 * 32 * 3)
    worse = np.stack([noisy(photo, 0.1) for photo in photos])
    tallies = [
        known.scoring.classical(worse[i : i + 2], photos[i : i + 2], before=i, of=size)
        for i in range(0, 9, 2)
    ]
    done = np.isfinite(type(tallies[0]).joined(tallies).by_item[:, 0])
    expected = [0, 1, 2] if size is None else [0, 3, 6]
    assert np.flatnonzero(done).tolist() == expected


def test_how_many_were_denoised_is_shown(photos, monkeypatch):
    monkeypatch.setattr(figures, "_DENOISED", 32 * 32 * 3)
    model = fitted(photos, tl.data.denoise(0.1))
    assert model.evaluate(photos).parts["non-local means"]["count"] == 3


def test_it_is_not_shown_where_there_is_no_noise(photos):
    known = PictureEncoding(scale=1, size=(32, 32), originals=True)
    grey = np.stack([tl.data.colourise()(photo) for photo in photos])
    same = known.scoring.tally(grey, photos, grey).evaluation()
    assert [*same.beside(same, known.scoring.classical(grey, photos, before=0, of=9)).parts] == [
        "input"
    ]
    assert replace(known, scale=2).scoring.classical(grey, photos, before=0, of=9) is None
