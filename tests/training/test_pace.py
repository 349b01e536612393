"""How the learning rate goes within a phase."""

from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.freezing import FreezeAll, FreezeNone

pytestmark = pytest.mark.core
X, Y = pixels(40, 32), np.arange(40) % 2


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@dataclass(frozen=True)
class One(tl.Schedule):
    phase: tl.Phase

    def phases(self, job):
        yield self.phase


def rates(train=(X, Y), cache=True, **phase):
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))

    schedule = One(tl.Phase(freeze=FreezeAll(), epochs=2, learning_rate=0.5, **phase))
    builder = tl.ImageClassifierBuilder(small_backbone(), optimizer="sgd", batch_size=4, seed=0)
    fitted = builder.fit(
        train, validation_split=0, schedule=schedule, cache=cache, callbacks=[Watch()], verbose=0
    )
    assert fitted.phases[0].learning_rate == 0.5
    return np.array(seen)


@pytest.mark.full
@pytest.mark.parametrize("cache", [True, False])
def test_it_warms_up_and_falls_along_a_wave(cache):
    seen = rates(cache=cache, warm_up=0.2, decay="cosine")
    assert len(seen) == 20
    np.testing.assert_allclose(seen[:5], 0.5 * np.array([0.2, 0.4, 0.6, 0.8, 1]), rtol=1e-5)
    np.testing.assert_allclose(seen[4:], 0.25 * (1 + np.cos(np.pi * np.arange(16) / 16)), rtol=1e-4)


@pytest.mark.full
def test_a_warm_up_alone_and_a_wave_alone():
    np.testing.assert_allclose(rates(warm_up=0.1), [0.5 / 3, 1 / 3, *[0.5] * 18], rtol=1e-5)
    falling = rates(decay="cosine")
    assert falling[0] == 0.5
    assert (np.diff(falling) < 0).all()
    np.testing.assert_array_equal(rates(), 0.5)


@pytest.mark.parametrize("wrong", [{"warm_up": 1.0}, {"warm_up": -0.1}, {"decay": "linear"}])
def test_what_cannot_be(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        tl.Phase(freeze=FreezeAll(), epochs=2, **wrong)


def moved(backbone, **phase):
    """How far one step goes, by layer."""
    schedule = One(tl.Phase(freeze=FreezeNone(), epochs=1, learning_rate=0.01, **phase))
    builder = tl.ImageClassifierBuilder(backbone, batch_size=len(X), seed=0)
    fitted = builder.fit((X, Y), validation_split=0, schedule=schedule, verbose=0)
    start = builder.build(2)
    return {
        layer.name: [a - b for a, b in zip(layer.get_weights(), start_layer, strict=True)]
        for layer in fitted.model.layers
        if (start_layer := start.get_layer(layer.name).get_weights())
    }


@pytest.mark.full
@pytest.mark.parametrize(
    "decay", [pytest.param(0.5, marks=pytest.mark.full), {"top_conv": 0.25, "stem_conv": 0.0}]
)
def test_layer_decay_makes_the_steps_of_blocks_smaller(backbone, decay):
    plain = moved(backbone, weight_decay=0.1)
    slowed = moved(backbone, weight_decay=0.1, layer_decay=decay)
    assert len(backbone.blocks) > 3
    for distance, block in enumerate(reversed(backbone.blocks), start=1):
        share = decay**distance if isinstance(decay, float) else decay.get(block.name, 1.0)
        for i in block.layers:
            name = backbone.model.layers[i].name
            for a, b in zip(plain.get(name, []), slowed.get(name, []), strict=True):
                np.testing.assert_allclose(b, share * a, atol=1e-6)
    assert abs(plain["top_conv"][0]).max() > 1e-3
    for a, b in zip(plain["predictions"], slowed["predictions"], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_trust_ratio_makes_steps_of_one_relative_size(backbone):
    plain, related = moved(backbone), moved(backbone, trust_ratio=True)
    start = tl.ImageClassifierBuilder(backbone, batch_size=len(X), seed=0).build(2)
    for name, steps in plain.items():
        for a, b, weight in zip(
            steps, related[name], start.get_layer(name).get_weights(), strict=True
        ):
            size = max(np.sqrt(np.square(weight).mean()), 1e-3)
            np.testing.assert_allclose(b, size * a, atol=1e-6)
    assert abs(related["top_conv"][0]).max() > 1e-4


@pytest.mark.full
def test_the_trust_ratio_suits_networks_of_any_scale(backbone):
    small = keras.models.clone_model(backbone.model)
    small.set_weights(backbone.model.get_weights())
    for norm in small.layers:  # BatchNorm takes out what the convolution before it is scaled by
        if isinstance(norm, keras.layers.BatchNormalization):
            (before,) = [x for x in small.layers if x.output is norm.input]
            before.set_weights([0.05 * weight for weight in before.get_weights()])
            norm.moving_mean.assign(0.05 * norm.moving_mean)
            norm.moving_variance.assign(0.05**2 * (norm.moving_variance + norm.epsilon))
            norm.epsilon = 0.0

    def losses(network, **phase):
        schedule = One(tl.Phase(freeze=FreezeNone(), epochs=6, **phase))
        builder = tl.ImageClassifierBuilder(network, head=tl.heads.PooledDense(dropout=0), seed=0)
        fitted = builder.fit((X, Y), validation_split=0, schedule=schedule, verbose=0)
        return np.array(fitted.history.history["loss"])

    both = backbone, replace(backbone, model=small)
    plain, scaled = (losses(network, learning_rate=0.02, trust_ratio=True) for network in both)
    np.testing.assert_allclose(scaled, plain, rtol=0.1)
    assert plain[-1] < 0.95 * plain[0]
    plain, scaled = (losses(network, learning_rate=0.005) for network in both)
    assert abs(scaled / plain - 1).max() > 0.3


@pytest.mark.full
def test_weight_decay_is_that_of_adamw_and_an_optimizer_object_keeps_its_own(backbone):
    def last(optimizer, **phase):
        schedule = One(tl.Phase(freeze=FreezeNone(), epochs=1, learning_rate=0.01, **phase))
        builder = tl.ImageClassifierBuilder(backbone, optimizer=optimizer, seed=0)
        return builder.fit((X, Y), validation_split=0, schedule=schedule, verbose=0).model

    adamw = keras.optimizers.AdamW(weight_decay=0.1)
    expected = last(adamw).get_layer("top_conv").get_weights()
    found = last("adam", weight_decay=0.1).get_layer("top_conv").get_weights()
    np.testing.assert_array_equal(found[0], expected[0])
    assert last("adam").optimizer.weight_decay is None
    assert last("adamw", weight_decay=0).optimizer.weight_decay == 0
    assert last(adamw, weight_decay=0.5).optimizer.weight_decay == 0.1


def test_a_checkpoint_with_layer_decay_loads_as_a_plain_model(backbone, tmp_path):
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "last.keras")
    schedule = One(tl.Phase(freeze=FreezeNone(), epochs=1, layer_decay=0.5))
    builder = tl.ImageClassifierBuilder(backbone, seed=0)
    fitted = builder.fit(
        (X, Y), validation_split=0, schedule=schedule, callbacks=checkpoint, verbose=0
    )
    loaded = keras.models.load_model(tmp_path / "last.keras")
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), fitted.model.predict(X, verbose=0), atol=1e-6
    )
    assert type(loaded.optimizer) is keras.optimizers.Adam
    loaded.fit(X, Y, verbose=0)
