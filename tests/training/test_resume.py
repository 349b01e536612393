"""A run that was killed goes on exactly where it was."""

import json
import random
import subprocess
import sys
from dataclasses import dataclass
from types import FunctionType

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.builders.run_description import digests_of_code
from transferlearn.data import DataWarning
from transferlearn.training import recording

pytestmark = pytest.mark.core
X = pixels(48, 32)
Y = (X.mean((1, 2, 3)) > np.median(X.mean((1, 2, 3)))).astype(int)
Y[::7] = 1 - Y[::7]  # so that the loss does not fall to 0


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def builder_of(backbone, **settings):
    return tl.ImageClassifierBuilder(backbone, **{"batch_size": 8, "seed": 3, **settings})


class Early(keras.callbacks.EarlyStopping):
    """Keras's own, under another class, with a state as users write it."""

    def get_state(self):
        return {"wait": self.wait, "best": self.best, "best_weights": self.best_weights}

    def set_state(self, state):
        vars(self).update(state)


class Draws(keras.callbacks.Callback):
    """Draws the rate of each epoch from the random states of Python and NumPy."""

    def get_state(self):
        return None

    def set_state(self, state):
        pass

    def on_epoch_begin(self, epoch, logs=None):
        drawn = random.random() + np.random.random()  # noqa: NPY002
        self.model.optimizer.learning_rate = 1e-3 * drawn


class Noise(keras.layers.Layer):
    """Draws from the random state that Keras shares between all who name no seed."""

    def call(self, x, training=False):
        return x + keras.random.normal(keras.ops.shape(x)) if training else x


@dataclass(frozen=True)
class NoisyHead(tl.heads.Head):
    def __call__(self, features, num_classes, *, activation="softmax"):
        x = keras.layers.GlobalAveragePooling2D()(features)
        return keras.layers.Dense(num_classes, activation=activation)(Noise()(x))


def early():
    return keras.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)


def slower():
    return keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=1.0)


full = pytest.mark.full
CASES = {
    "the default": ({}, {"epochs": 3}),
    "average": (
        {"optimizer": keras.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.5)},
        {"schedule": "one-phase", "epochs": 3, "callbacks": [Draws()], "validation_split": 0},
    ),
}
MORE = {
    "new images in each epoch": (
        {"augmentation": "light", "views": 1, "freeze": "none", "batch_norm": "train"},
        {"validation_split": 0, "epochs": 2},
    ),
    "a callback's state": ({}, {"callbacks": [Early("loss", patience=1)], "epochs": 6}),
    "views": ({"augmentation": "light", "views": 2, "freeze": "all"}, {"cache": True}),
    "mixup": ({"mixup": 0.3}, {"schedule": "one-phase", "cache": True}),
    "the best": ({}, {"schedule": tl.FineTune(keep="best", patience=2), "epochs": 6}),
    "gradual": ({}, {"schedule": "gradual", "epochs": 5}),
    "layer decay": ({}, {"schedule": tl.FineTune(layer_decay=0.5, decay="cosine")}),
    "callbacks": ({}, {"callbacks": [early(), slower()], "schedule": "fine-tune", "epochs": 6}),
}


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        *(pytest.param(*case, id=name) for name, case in CASES.items()),
        *(pytest.param(*case, id=name, marks=full) for name, case in MORE.items()),
    ],
)
def test_weights_are_those_of_a_run_that_was_not_stopped(backbone, settings, options):
    keras.utils.set_random_seed(7)  # what the process did before must not matter
    tl.testing.check_resume(
        builder_of(backbone, **settings),
        (X, Y),
        **{"epochs": 4, "validation_split": 0.25, **options},
    )


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX wants a seed for each layer that draws"
)
def test_layers_that_name_no_seed_go_on_too(backbone):
    builder = builder_of(backbone, head=NoisyHead(), freeze="all")
    options = {"schedule": "one-phase", "epochs": 2, "validation_split": 0}
    tl.testing.check_resume(builder, (X[:16], Y[:16]), **options)


class Watch(keras.callbacks.LambdaCallback):
    """Does something at the end of an epoch, and remembers nothing."""

    def __init__(self, epoch, act):
        super().__init__(on_epoch_end=lambda now, logs: act() if now == epoch else None)

    def get_state(self):
        return None

    def set_state(self, state):
        pass


class Gone(BaseException):
    pass


def gone():
    raise Gone


def begin(backbone, folder, data=(X, Y), epoch=2, act=gone, **settings):
    """Begins a run, and ends it in an epoch."""
    with pytest.raises(Gone):
        fit(backbone, folder, data, callbacks=[Watch(epoch, act)], **settings)


def fit(backbone, folder, data=(X, Y), callbacks=None, **settings):
    callbacks = [Watch(None, None)] if callbacks is None else callbacks
    options = {"epochs": 4, "schedule": "fine-tune", "validation_split": 0.25}
    given = {name: settings.pop(name) for name in [*settings] if name in {**options, "cache": 0}}
    builder = builder_of(backbone, **settings)
    return builder.fit(data, callbacks=callbacks, verbose=0, resume=folder, **{**options, **given})


class KillWithin(keras.callbacks.Callback):
    """Kills a run after a batch of an epoch, both counted from 0."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.at = epoch, batch

    def get_state(self):
        return None

    def set_state(self, state):
        pass

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise Gone


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"freeze": "residual_conv", "cache": True}, id="stored"),
        pytest.param(
            {"freeze": "none", "batch_norm": "train", "augmentation": "light"},
            id="live",
            marks=full,
        ),
    ],
)
def test_within_an_epoch_too(backbone, tmp_path, monkeypatch, settings):
    monkeypatch.setattr(recording, "_EVERY", 0.0)
    settings = {**settings, "schedule": "one-phase", "epochs": 2}
    whole = fit(backbone, tmp_path / "whole", callbacks=[KillWithin(-1, 0)], **settings)
    # The second batch after the state that was taken up, which is counted from there.
    for kill in (KillWithin(0, 3), KillWithin(1, 2)):
        with pytest.raises(Gone):
            fit(backbone, tmp_path / "run", callbacks=[kill], **settings)
        newest = sorted((tmp_path / "run").glob("epoch-*.npz"))[-1]
        assert not newest.stem.endswith("-000000000")
    fitted = fit(backbone, tmp_path / "run", callbacks=[KillWithin(-1, 0)], **settings)
    for a, b in zip(fitted.model.weights, whole.model.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert fitted.history.history == whole.history.history


def test_what_differs_is_named(backbone, tmp_path):
    begin(backbone, tmp_path / "run")
    x, y = X.copy(), Y.copy()
    x[3] += 1
    y[5] = 1 - y[5]
    with pytest.raises(ValueError, match=r"train: image \d+ has changed"):
        fit(backbone, tmp_path / "run", (x, y))
    with pytest.raises(ValueError, match=r"data\.train: .* is gone"):
        fit(backbone, tmp_path / "run", (X[:-4], Y[:-4]))
    with pytest.raises(ValueError, match=r"builder\.learning_rate: it was not set, and now"):
        fit(backbone, tmp_path / "run", learning_rate=0.1)
    begin(backbone, tmp_path / "loss", loss=lambda y, p: keras.ops.mean((p[:, 0] - y) ** 2))
    with pytest.raises(ValueError, match="code_of_loss_and_metrics: it was"):
        fit(backbone, tmp_path / "loss", loss=lambda y, p: keras.ops.mean((p[:, 1] - y) ** 2))
    with pytest.raises(ValueError, match=r"fit\.epochs: it was 4, and now it is 5"):
        fit(backbone, tmp_path / "run", epochs=5)
    with pytest.raises(ValueError, match=r"backbone\.weights: it was"):
        fit(small_backbone(seed=1), tmp_path / "run")
    described = json.loads((tmp_path / "run/run.json").read_text())
    described["run"]["versions"]["keras"] = "3.1.0"
    (tmp_path / "run/run.json").write_text(json.dumps(described))
    with pytest.raises(ValueError, match=r"versions\.keras: it was '3\.1\.0'"):
        fit(backbone, tmp_path / "run")


def scaled(factor):
    return lambda y, p: factor * keras.ops.mean((p[:, 0] - y) ** 2)


def by_default(factor=2.0):
    return factor


def digest(loss):
    return digests_of_code(tl.ImageClassifierBuilder("VGG16", loss=loss)._settings(None))


def test_a_loss_is_another_one_if_the_values_beside_it_are():
    assert digest(scaled(2.0)) == digest(scaled(2.0)) != digest(scaled(3.0))
    before = digest(by_default)
    by_default.__defaults__ = (3.0,)
    assert digest(by_default) != before


def test_a_loss_is_the_same_whatever_order_a_process_gives_its_sets():
    def loss(y, p):
        return y if p in {0, 8} else p

    def in_order(*members):
        constants = (None, frozenset(members))
        return FunctionType(loss.__code__.replace(co_consts=constants), {})

    one, other = in_order(0, 8), in_order(8, 0)
    assert repr(one.__code__.co_consts) != repr(other.__code__.co_consts)
    assert digest(one) == digest(other) != digest(in_order(0, 7))


def test_a_damaged_state_is_said_and_the_one_before_it_is_used(backbone, tmp_path):
    whole = fit(backbone, tmp_path / "whole")
    begin(backbone, tmp_path / "run", epoch=3)
    newest = sorted((tmp_path / "run").glob("epoch-*.npz"))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    (tmp_path / "run/.phase-009.npz.tmp").write_bytes(b"of a process that was killed")
    with pytest.warns(DataWarning, match=f"{newest.name} is no whole state"):
        fitted = fit(backbone, tmp_path / "run")
    for a, b in zip(fitted.model.weights, whole.model.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not [*(tmp_path / "run").glob(".*.tmp")]


@pytest.mark.full
def test_without_a_seed_a_run_has_one_of_its_own(backbone, tmp_path):
    begin(backbone, tmp_path / "run", epoch=1, seed=None)
    seed = json.loads((tmp_path / "run/run.json").read_text())["seed"]
    files = {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}
    first = fit(backbone, tmp_path / "run", seed=None)
    (tmp_path / "again").mkdir()
    for name, content in files.items():
        (tmp_path / "again" / name).write_bytes(content)
    keras.utils.set_random_seed(5)
    second = fit(backbone, tmp_path / "again", seed=None)
    assert json.loads((tmp_path / "run/run.json").read_text())["seed"] == seed
    for a, b in zip(first.model.weights, second.model.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_folders_that_cannot_be_used(backbone, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.png").touch()
    with pytest.raises(OSError, match=r"not the folder of a run: it holds cat\.png"):
        fit(backbone, tmp_path / "photos")
    refused = []

    def again():
        with pytest.raises(OSError, match="in use by another process"):
            fit(backbone, tmp_path / "run")
        refused.append(True)

    fit(backbone, tmp_path / "run", callbacks=[Watch(1, again)])
    assert refused


def test_callbacks_that_cannot_go_on_are_named(backbone, tmp_path):
    other = keras.callbacks.LambdaCallback()
    with pytest.warns(DataWarning, match=r"may differ: LambdaCallback. Give them get_state\(\)"):
        fit(backbone, tmp_path / "run", callbacks=[other])
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(ValueError, match=r"knows no phases(?s:.*)resume='runs/name'"):
        fit(backbone, tmp_path / "other", callbacks=[backup])


class Interrupt(keras.callbacks.Callback):
    """Interrupts training in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.at = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (self.at, 2):
            raise KeyboardInterrupt


def test_an_interrupt_hands_over_what_there_is(backbone, tmp_path, capsys):
    builder = builder_of(backbone, freeze="none")
    options = {"epochs": 4, "verbose": 0}
    with pytest.raises(KeyboardInterrupt) as caught:
        builder.fit((X, Y), callbacks=Interrupt(2), **options)
    fitted = caught.value.fitted
    assert "fitted = sys.last_value.fitted" in capsys.readouterr().out
    assert [phase.epochs for phase in fitted.phases] == [2]
    kept = []
    look = Watch(1, lambda: kept.extend(fitted_weights(look.model)))
    returned = builder.fit((X, Y), callbacks=[look, Interrupt(2)], on_interrupt="return", **options)
    for a, b in zip(returned.model.weights, kept, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(returned.predict(X[:2])) == 2
    with pytest.raises(KeyboardInterrupt) as caught:
        builder.fit((X, Y), callbacks=Interrupt(0), **options)
    assert not hasattr(caught.value, "fitted")  # nothing was trained


def fitted_weights(model):
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


def test_after_an_error_what_was_trained_is_there_and_the_run_goes_on(backbone, tmp_path):
    def fail():
        raise OSError("No space left on device")

    whole = fit(backbone, tmp_path / "whole")
    with pytest.raises(OSError, match="No space left") as caught:
        fit(backbone, tmp_path / "run", callbacks=[Watch(2, fail)])
    assert [phase.epochs for phase in caught.value.fitted.phases] == [1, 1]
    with pytest.raises(OSError, match="No space left") as caught:
        fit(backbone, tmp_path / "run", callbacks=[Watch(3, fail)])
    assert [phase.epochs for phase in caught.value.fitted.phases] == [1, 2]
    assert caught.value.fitted.history.epoch == [0, 1, 2]
    fitted = fit(backbone, tmp_path / "run")
    for a, b in zip(fitted.model.weights, whole.model.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_full_disk_stops_no_training(backbone, tmp_path, monkeypatch):
    from transferlearn.resuming import folder

    def fail(path, state):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "write_state", fail)
    with pytest.warns(DataWarning, match="No state can be written to .*: No space left") as caught:
        fitted = fit(backbone, tmp_path / "run")
    assert sum(warning.category is DataWarning for warning in caught) == 1
    assert len(fitted.history.epoch) == 4


_SCRIPT = """
import os, signal, sys
import keras, numpy as np
import transferlearn as tl
from tests.training.test_resume import X, Y, builder_of, small_backbone

class Kill(keras.callbacks.Callback):
    def get_state(self): return None
    def set_state(self, state): pass
    def on_train_batch_end(self, batch, logs=None):
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == int(sys.argv[2]): os.kill(os.getpid(), signal.SIGKILL)

fitted = builder_of(small_backbone()).fit(
    (X, Y), resume=sys.argv[1], callbacks=Kill(), verbose=0, epochs=4, schedule="fine-tune"
)
np.savez(sys.argv[3], *fitted.model.get_weights())
"""


@pytest.mark.full
def test_processes_that_were_killed(tmp_path):
    def run(folder, step):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                _SCRIPT,
                tmp_path / folder,
                str(step),
                tmp_path / f"{folder}.npz",
            ],
            check=False,
        )
        return done.returncode

    assert run("whole", -1) == 0
    assert run("parts", 8) == -9
    assert run("parts", 7) == -9
    assert run("parts", -1) == 0
    whole, parts = (np.load(tmp_path / f"{name}.npz") for name in ("whole", "parts"))
    assert whole.files == parts.files
    for name in whole.files:
        np.testing.assert_array_equal(whole[name], parts[name])
