"""Which weights a phase ends with."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.freezing import FreezeAll
from transferlearn.tasks.scores import Overlap, Share
from transferlearn.training.keeping import Keeping, _State

pytestmark = pytest.mark.core
X, Y = pixels(40, 32), np.arange(40) % 2


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@dataclass(frozen=True)
class Several(tl.Schedule):
    given: tuple

    def phases(self, job):
        yield from self.given


class Watch(keras.callbacks.Callback):
    """The weights at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


def phase(**settings):
    return tl.Phase(**{"freeze": FreezeAll(), "epochs": 4, "learning_rate": 0.1, **settings})


def fit(
    backbone, *phases, accuracies=None, monkeypatch=None, held_out=0.5, callbacks=(), **options
):
    watch = Watch()
    if accuracies is not None:
        given = iter(accuracies)
        state = Keeping._state

        def with_accuracy(self, epoch, logs):
            return state(self, epoch, logs | {"val_accuracy": next(given)} if logs else logs)

        monkeypatch.setattr(Keeping, "_state", with_accuracy)
    builder = tl.ImageClassifierBuilder(backbone, **{"seed": 0, "metrics": ["accuracy"], **options})
    fitted = builder.fit(
        (X, Y),
        validation_split=held_out,
        schedule=Several(phases),
        callbacks=[watch, *callbacks],
        verbose=0,
    )
    return fitted, watch.weights


def same(model, weights):
    return all(map(np.array_equal, model.get_weights(), weights))


@pytest.mark.parametrize(
    ("accuracies", "best"), [([1, 3, 2, 2.9], 1), ([1, 2, 3, 4], 3), ([4, 3, 2, 1], 0)]
)
def test_the_best_epoch_is_kept(backbone, monkeypatch, accuracies, best):
    fitted, seen = fit(backbone, phase(keep="best"), accuracies=accuracies, monkeypatch=monkeypatch)
    assert [same(fitted.model, weights) for weights in seen] == [i == best for i in range(4)]
    (done,) = fitted.phases
    assert f"of epoch {best + 1} (val_accuracy " in done.kept
    assert done.kept.endswith("the best of 4 epochs")
    assert done.metrics["loss"] == fitted.history.history["loss"][best]
    assert done.epochs == 4


def test_otherwise_the_last_epoch_stays(backbone, monkeypatch):
    fitted, seen = fit(backbone, phase(), accuracies=[4, 3, 2, 1], monkeypatch=monkeypatch)
    assert same(fitted.model, seen[-1])
    assert fitted.phases[0].kept == ""


@pytest.mark.parametrize(
    ("before", "epochs", "kept"),
    [
        (0.8, [0.9, 0.7], 0),
        (0.8, [0.9, 0.72], 2),
        pytest.param(0.8, [0.1, 0.9], 2, marks=pytest.mark.full),
        pytest.param(0.8, [0.9, 0.1], 0, marks=pytest.mark.full),
    ],
)
def test_the_end_or_what_was_before_is_kept(backbone, monkeypatch, before, epochs, kept):
    both = phase(epochs=1), phase(keep="better", epochs=2)
    told = [before, before, *epochs]  # the first phase's metrics are looked at twice
    # Of 20 items the standard error of an accuracy of 0.8 is 0.089.
    fitted, seen = fit(backbone, *both, accuracies=told, monkeypatch=monkeypatch)
    assert [same(fitted.model, weights) for weights in seen] == [i == kept for i in range(3)]
    assert fitted.epoch == 1 + kept
    note = (
        "better than those of epoch 3" if kept == 0 else "not clearly beaten by those from before"
    )
    assert note in fitted.phases[1].kept


def restoring(monitor, **options):
    return keras.callbacks.EarlyStopping(monitor, restore_best_weights=True, **options)


@pytest.mark.parametrize(
    ("keep", "others"),
    [
        ("last", []),
        ("best", [restoring("val_loss")]),
        pytest.param("last", [restoring("val_loss")], marks=pytest.mark.full),
        pytest.param("better", [], marks=pytest.mark.full),
        pytest.param("best", [], marks=pytest.mark.full),
    ],
)
def test_what_the_last_callback_restores_is_kept(backbone, keep, others):
    callbacks = [*others, restoring("loss", mode="max")]
    both = phase(epochs=1), phase(keep=keep, epochs=3)
    fitted, seen = fit(backbone, *both, callbacks=callbacks)
    losses = fitted.history.history["loss"]
    restored = 1 + int(np.argmax(losses[1:]))
    assert same(fitted.model, seen[restored])
    assert fitted.phases[1].metrics["loss"] == losses[restored]
    assert (fitted.phases[1].kept_epoch, fitted.epoch) == (restored, restored + 1)


@pytest.mark.full
def test_what_was_before_may_be_better_than_what_is_restored(backbone, monkeypatch):
    both = phase(epochs=1), phase(keep="better", epochs=3)
    callbacks = [restoring("val_loss")]
    told = [0.9, 0.9, 0.1, 0.1, 0.1]
    fitted, seen = fit(
        backbone, *both, accuracies=told, monkeypatch=monkeypatch, callbacks=callbacks
    )
    assert same(fitted.model, seen[0])
    assert (fitted.phases[1].kept_epoch, fitted.epoch) == (0, 1)


@pytest.mark.parametrize(
    ("schedule", "freeze"),
    [
        ("auto", None),
        ("probe", None),
        pytest.param("fine-tune", "none", marks=pytest.mark.full),
        pytest.param("one-phase", "all", marks=pytest.mark.full),
    ],
)
def test_callbacks_know_that_more_accuracy_is_better(backbone, schedule, freeze):
    stop = keras.callbacks.EarlyStopping("val_accuracy", restore_best_weights=True)
    builder = tl.ImageClassifierBuilder(backbone, freeze=freeze, seed=0)
    fitted = builder.fit(
        (X, Y), validation_split=0.5, epochs=3, schedule=schedule, callbacks=[stop], verbose=0
    )
    reached = fitted.history.history["val_accuracy"][fitted.epoch - 1]
    assert fitted.phases[-1].metrics["val_accuracy"] == reached


@pytest.mark.full
@pytest.mark.parametrize("keep", ["better", pytest.param("best", marks=pytest.mark.full)])
def test_with_nothing_held_out_the_last_epoch_stays(backbone, keep):
    both = phase(epochs=1), phase(keep=keep, epochs=2)
    fitted, seen = fit(backbone, *both, held_out=0)
    assert fitted.epoch == 3
    assert same(fitted.model, seen[2])
    assert not same(fitted.model, seen[0])


@pytest.mark.full
def test_norms_without_weights_to_train_are_kept_too():
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, use_bias=False)(image)
    x = keras.layers.BatchNormalization(center=False, scale=False)(x)
    backbone = tl.backbones.from_model(keras.Model(image, keras.layers.ReLU()(x)))
    alone = phase(freeze=tl.freezing.FreezeNone(), keep="best", learning_rate=0.3)
    fitted, seen = fit(backbone, alone, batch_norm="train")
    assert fitted.epoch < 4
    assert same(fitted.model, seen[fitted.epoch - 1])


@pytest.mark.full
def test_the_best_may_be_before_the_phase(backbone, monkeypatch):
    both = phase(epochs=1), phase(keep="best")
    fitted, seen = fit(backbone, *both, accuracies=[9, 9, 1, 8, 2, 3], monkeypatch=monkeypatch)
    assert same(fitted.model, seen[0])
    assert fitted.phases[1].kept.startswith("the weights from before this phase")


def test_patience_ends_a_phase(backbone, monkeypatch):
    fitted, seen = fit(
        backbone,
        phase(keep="best", patience=2, epochs=9),
        accuracies=[1, 5, 4, 3, 9],
        monkeypatch=monkeypatch,
    )
    assert fitted.phases[0].epochs == 4
    assert same(fitted.model, seen[1])


@pytest.mark.full
def test_best_is_by_accuracy_and_then_by_loss(backbone):
    fitted, seen = fit(backbone, phase(keep="best", epochs=8))
    history = fitted.history.history
    ranks = list(zip(history["val_accuracy"], [-x for x in history["val_loss"]], strict=True))
    assert same(fitted.model, seen[ranks.index(max(ranks))])
    assert fitted.phases[0].metrics["val_loss"] == history["val_loss"][ranks.index(max(ranks))]


@pytest.mark.full
def test_nothing_held_out_keeps_the_last(backbone):
    fitted, seen = fit(backbone, phase(keep="best"), held_out=0)
    assert same(fitted.model, seen[-1])
    assert "the last, since nothing is held out" in fitted.phases[0].kept


@pytest.mark.parametrize("held_out", [0, pytest.param(0.5, marks=pytest.mark.full)])
def test_a_lost_run_ends_with_the_last_finite_weights(backbone, held_out):
    good, bad = phase(epochs=2), phase(learning_rate=1e38)
    with pytest.warns(
        UserWarning, match=r"loss became .* at the learning rate 1e\+38, so training"
    ):
        fitted, seen = fit(
            backbone,
            good,
            bad,
            phase(epochs=1),
            optimizer="sgd",
            head=Linear(),
            held_out=held_out,
        )
    assert len(fitted.phases) == 2
    assert same(fitted.model, seen[1])
    assert all(np.isfinite(w).all() for w in fitted.model.get_weights())


@pytest.mark.full
def test_a_run_that_is_lost_at_once_is_an_error(backbone):
    with pytest.raises(
        ValueError, match=r"before any epoch was known to be good.*take a smaller learning_rate"
    ):
        fit(backbone, phase(learning_rate=1e38), optimizer="sgd", head=Linear())


class Linear(tl.heads.Head):
    """Logits, whose loss is not clipped."""

    def __call__(self, features, num_classes, *, activation="softmax"):
        x = keras.layers.GlobalAveragePooling2D()(features)
        return keras.layers.Dense(num_classes)(x)


@pytest.mark.full
def test_damage_shows_in_the_training_loss(backbone):
    head = tl.Phase(freeze=FreezeAll(), epochs=1, fit="solve")
    ruin = phase(epochs=2, keep="better", learning_rate=30.0)
    fitted, seen = fit(backbone, head, ruin, held_out=0, optimizer="sgd")
    assert same(fitted.model, seen[0])
    assert fitted.phases[1].kept_epoch == 0
    assert "came to a loss of" in fitted.phases[1].kept
    assert "in cross-validation" in fitted.phases[1].kept


@pytest.mark.full
def test_after_a_lost_loss_the_next_phase_begins_with_the_weights_before(backbone):
    phases = phase(epochs=1), phase(keep="better", learning_rate=1e38), phase(epochs=1)
    with pytest.warns(UserWarning, match="so the phase went back to the weights before it"):
        fitted, seen = fit(backbone, *phases, held_out=0, optimizer="sgd", head=Linear())
    assert len(fitted.phases) == 3
    assert fitted.phases[1].kept_epoch == 0
    assert same(fitted.model, seen[-1])
    assert np.isfinite(fitted.history.history["loss"][-1])


@pytest.mark.parametrize(
    ("score", "is_better"), [(Overlap("mean_iou"), True), (Share("mean_iou"), False)]
)
def test_of_masks_the_loss_of_few_photos_says_which_weights_are_better(score, is_better):
    before = _State(0, 4, {"val_mean_iou": 0.50, "val_loss": 1.0}, [])
    after = _State(4, 8, {"val_mean_iou": 0.51, "val_loss": 1.1}, [])
    assert before.beats(after, score, 20) == is_better
    assert not after.beats(before, score, 20)
    assert ("val_loss" in before.shown_as(score)) == is_better
    unknown = _State(0, 4, {}, [])
    assert not unknown.beats(after, score, 20)


def test_the_second_phase_of_masks_is_judged_by_held_out_photos():
    from tests.test_schedules import follow

    _, whole = follow(tl.schedules.AutoForMasks(), epochs=8)
    assert whole.keep == "better"
    assert tl.schedules.AutoForMasks.least_to_split == 100
    assert tl.schedules.AutoForPictures.least_to_split == 1000


@pytest.mark.parametrize(
    ("losses", "freeze", "is_frozen"),
    [
        ({"loss": 0.5, "val_loss": 1.0}, None, False),
        ({"loss": 0.25, "val_loss": 1.0}, None, True),
        ({"loss": 0.25, "val_loss": 1.0}, tl.freezing.FreezeUpTo("a"), False),
        ({"loss": 0.25}, None, False),
        ({}, None, False),
    ],
)
def test_masks_that_are_known_by_heart_do_not_free_the_backbone(losses, freeze, is_frozen):
    from tests.test_schedules import follow

    recipe = tl.schedules.AutoForMasks()
    first, second = follow(recipe, epochs=9, losses=losses, freeze=freeze)
    assert (second.freeze == tl.freezing.FreezeAll()) == is_frozen
    assert (second.epochs, second.decay) == (5, "cosine")
    if is_frozen:
        assert second.learning_rate == first.learning_rate
        assert second.reason.startswith("the held-out loss of 1 is far above the training loss of")
    for recipe in (tl.schedules.AutoForPictures(), tl.schedules.AutoForBoxes()):
        _, other = follow(recipe, epochs=9, losses=losses)
        assert other.freeze == tl.freezing.FreezeNone()
