"""Settings that people get wrong, and what would cost them a finished training."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn import configs, training
from transferlearn.fitted import saving
from transferlearn.freezing import FreezeMatching
from transferlearn.schedules import Schedule


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def fit(backbone, *, labels=3, **settings):
    own = {"schedule", "epochs", "callbacks"} & set(settings)
    training_settings = {
        "epochs": 1,
        "schedule": "one-phase",
        **{name: settings.pop(name) for name in own},
    }
    builder = tl.ImageClassifierBuilder(backbone, seed=0, **settings)
    data = (pixels(12, 32), np.arange(12) % labels)
    return builder.fit(data, verbose=0, validation_split=0, **training_settings)


def test_a_metric_with_a_number_for_each_class_is_kept_and_saved(backbone, tmp_path):
    fitted = fit(backbone, metrics=[keras.metrics.F1Score()])
    assert len(fitted.phases[0].metrics["f1_score"]) == 3
    fitted.save(tmp_path / "model")
    assert tl.load(tmp_path / "model").history.history == fitted.history.history


def test_a_history_among_the_callbacks_does_not_count_twice(backbone):
    fitted = fit(backbone, callbacks=keras.callbacks.History(), epochs=2, schedule="fine-tune")
    assert len(fitted.history.history["loss"]) == len(fitted.history.epoch) == 2


@pytest.mark.parametrize("callbacks", ["x", [print], [keras.callbacks.TerminateOnNaN]])
def test_what_is_no_callback_is_refused(callbacks):
    with pytest.raises(TypeError, match="callbacks are Keras callbacks"):
        training.as_callbacks(callbacks)


class NoPhase(Schedule):
    def phases(self, job):
        yield from ()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"schedule": NoPhase()}, "no phase"),
        ({"class_weight": [1, 2, 3]}, "or goes from class names"),
        ({"class_weight": {0: float("nan")}}, "or goes from class names"),
        ({"image_size": 32}, "image_size"),
        ({"value_range": (0, 100)}, "value_range"),
        ({"loss": "no-loss"}, "no-loss"),
        ({"weights": __file__}, "has its weights already"),
    ],
)
def test_settings_that_cannot_work_are_named(backbone, settings, problem):
    with pytest.raises(ValueError, match=problem):
        fit(backbone, **settings)


def test_a_name_that_no_layer_has_is_found_before_the_first_phase(backbone):
    seen = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    with pytest.raises(ValueError, match="nowhere"):
        fit(backbone, freeze=FreezeMatching("nowhere"), epochs=2, schedule="fine-tune",
            callbacks=[watch])  # fmt: skip
    assert not seen


def test_whole_numbers_of_numpy_are_taken(backbone):
    builder = tl.ImageClassifierBuilder(backbone, batch_size=np.int64(4), seed=np.int64(1))
    assert builder.build(np.int64(3)).output_shape == (None, 3)


class Twice(keras.layers.Layer):
    def __init__(self, rate=2.0, **options):
        super().__init__(**options)
        self.rate = rate

    def call(self, x):
        return x * self.rate


def user_model():
    image = keras.Input((32, 32, 3))
    return keras.Model(image, Twice()(keras.layers.Conv2D(4, 3)(image)))


def test_a_rate_that_is_no_noise_stays_in_a_frozen_layer():
    built = tl.ImageClassifierBuilder(user_model(), freeze="all").build(3)
    assert built.get_layer("twice").rate == 2.0


@pytest.mark.full
def test_a_save_with_a_layer_of_ones_own_says_what_is_missing(tmp_path):
    fit(user_model()).save(tmp_path / "model")
    code = f"import transferlearn as tl; tl.load({str(tmp_path / 'model')!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = run.stderr.strip().splitlines()[-1]
    assert "A layer of your own must be known before" in last
    assert "it names tests.test_hostile_settings.Twice" in last


def test_adapted_preprocessing_keeps_what_it_was_adapted_to():
    norm = keras.layers.Normalization()
    norm.adapt(pixels(8, 32).astype("float32"))
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    built = tl.ImageClassifierBuilder(tl.backbones.from_model(model, preprocessing=norm)).build(3)
    x = pixels(4, 32, seed=1).astype("float32")
    np.testing.assert_allclose(built.get_layer("preprocessing")(x), norm(x), rtol=1e-6)


@pytest.mark.parametrize("backbone", [None, 3, keras.applications.VGG16])
def test_what_is_no_backbone_is_refused_at_once(backbone):
    with pytest.raises(TypeError, match="backbone is a name"):
        tl.ImageClassifierBuilder(backbone)


def test_a_place_that_cannot_be_written_is_found_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "model", tmp_path / ("a" * 250)):
        with pytest.raises(OSError, match="cannot be written"):
            saving.check_target(path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_of_a_class_that_was_defined_twice_the_later_counts():
    def cell():
        return type("Own", (Schedule,), {"__module__": "notebook"})

    first, second = cell(), cell()
    assert configs.subclasses(Schedule)["notebook.Own"] is second is not first
