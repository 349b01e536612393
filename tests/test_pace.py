"""How the learning rate goes within a phase."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.freezing import FreezeAll

pytestmark = pytest.mark.core
X, Y = pixels(40, 32), np.arange(40) % 2


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


@pytest.mark.parametrize("cache", [True, False])
def test_it_warms_up_and_falls_along_a_wave(cache):
    seen = rates(cache=cache, warm_up=0.2, decay="cosine")
    assert len(seen) == 20
    np.testing.assert_allclose(seen[:5], 0.5 * np.array([0.2, 0.4, 0.6, 0.8, 1]), rtol=1e-5)
    np.testing.assert_allclose(seen[4:], 0.25 * (1 + np.cos(np.pi * np.arange(16) / 16)), rtol=1e-4)


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
