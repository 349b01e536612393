"""Numbers of texts: solved, fine-tuned, with long and missing ones, saved and loaded."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests import texts
from transferlearn.backbones import from_encoder
from transferlearn.backbones.keras_hub import HubTokenizer

pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def backbone():
    return from_encoder(texts.encoder(), HubTokenizer(texts.tokenizer()), name="small")


def rated(count, seed=0):
    """Reviews, and stars far from 0 that follow their class."""
    given, labels = texts.reviews(count, seed=seed)
    noise = np.random.default_rng(seed).normal(0, 5, count)
    return given, np.where(np.array(labels) == labels[0], 1000.0, 1100.0) + noise


def builder(backbone, **settings):
    return tl.TextRegressorBuilder(
        backbone, target_names="stars", sequence_length=32, batch_size=16, seed=0, **settings
    )


def weights_of(fitted):
    return [keras.ops.convert_to_numpy(weight) for weight in fitted.model.weights]


@pytest.mark.full
def test_texts_have_numbers_in_their_own_units(backbone, tmp_path):
    fitted = builder(backbone).fit(rated(160), verbose=0)
    assert fitted.phases[0].solved.score_name == "r2"
    scores = fitted.evaluate(rated(100))
    assert scores.r2 > 0.5
    assert scores.mae < 40
    given, _ = rated(20, seed=1)
    found = [prediction.values["stars"] for prediction in fitted.predict(given)]
    assert fitted.predict(given[3]).value == pytest.approx(found[3], rel=1e-5)
    fitted.save(tmp_path / "stars")
    again = tl.load(tmp_path / "stars").predict(given)
    np.testing.assert_allclose([p.value for p in again], found, rtol=1e-6)


def test_cached_equals_uncached_and_frozen_is_frozen(backbone):
    head = builder(backbone, freeze="all")
    fits = [head.fit(rated(60), epochs=3, cache=cache, verbose=0) for cache in (False, True)]
    (phase,) = fits[1].phases
    assert phase.stored
    for one, other in zip(*map(weights_of, fits), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    original = {layer.name: layer for layer in backbone.model.layers}
    assert set(phase.frozen_layers) == set(original)
    for name in phase.frozen_layers:
        pairs = zip(fits[1].model.get_layer(name).weights, original[name].weights, strict=True)
        for trained, given in pairs:
            np.testing.assert_array_equal(trained, given)


def test_a_table_with_missing_numbers(backbone, tmp_path):
    given, stars = rated(40)
    cells = ["" if i == 7 else f"{value:.3f}" for i, value in enumerate(stars)]
    lines = ["text,stars", *(f'"{t}",{c}' for t, c in zip(given, cells, strict=True))]
    (tmp_path / "reviews.csv").write_text("\n".join(lines), "utf-8")
    with pytest.warns(tl.data.DataWarning, match="no stars"):
        fitted = builder(backbone).fit(tmp_path / "reviews.csv", schedule="probe", verbose=0)
    assert fitted.outline.train_items + fitted.outline.validation_items == 39


@pytest.mark.full
def test_a_run_that_is_killed_goes_on(backbone):
    tl.testing.check_resume(builder(backbone), rated(24), epochs=3, validation_split=0.25)
