"""Over- and underfitting: the rules on made curves, and on networks that truly do it."""

import dataclasses
import json
import warnings

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn import configs
from transferlearn.advice.diagnosis import remedies
from transferlearn.advice.diagnosis.curves import Curves
from transferlearn.advice.diagnosis.evidence import gather, loss_noise
from transferlearn.fitted import Outline
from transferlearn.schedules import PhaseResult, SolvedHead
from transferlearn.tasks import ClassEncoding, Share

SOLVED = SolvedHead(
    items=9,
    seen=9,
    features=2,
    score_name="accuracy",
    score=0.9,
    loss=0.3,
    interval=(0.8, 0.95),
    strength=(0.1,),
)
GOOD = [0.6, 0.45, 0.36, 0.32, 0.30, 0.31, 0.29, 0.30]  # falls, then stays


def made(
    loss,
    val_loss=None,
    accuracy=(0.9, 0.88),
    *,
    phases=None,
    items=1000,
    held_out=400,
    frozen=1.0,
    solved=False,
    kept_epoch=None,
    **settings,
):
    """A `FittedModel` with such curves; `accuracy` at the end, of those trained on and held out."""
    history = keras.callbacks.History()
    history.on_train_begin()
    history.epoch = list(range(len(loss)))
    history.history = {"loss": list(loss)}
    if accuracy:
        history.history["accuracy"] = [accuracy[0]] * len(loss)
    if val_loss is not None:
        history.history["val_loss"] = list(val_loss)
        if accuracy:
            history.history["val_accuracy"] = [accuracy[1]] * len(loss)
    results = [
        PhaseResult(
            epochs=epochs,
            learning_rate=1e-3,
            frozen_layers=tuple("x" * round(20 * frozen)),
            trainable_parameters=1,
            seconds=1.0,
            metrics={},
            solved=SOLVED if solved else None,
            kept_epoch=kept_epoch,
        )
        for epochs in phases or [len(loss)]
    ]
    outline = Outline(
        backbone="Small",
        source="",
        batch_size=32,
        settings={name: configs.write(value) for name, value in settings.items()},
        backbone_layers=20,
        train_items=items,
        validation_items=None if val_loss is None else held_out,
        baseline=0.5,
    )
    return tl.FittedModel(
        model=None,
        kind=tl.data.Images(image_size=(64, 96)),
        encoding=ClassEncoding(class_names=("a", "b"), units=2),
        history=history,
        phases=tuple(results),
        outline=outline,
    )


def verdict(*args, **kwargs):
    return tl.diagnose(made(*args, **kwargs)).verdict


def test_a_held_out_loss_that_rises_above_its_noise_is_overfitting():
    falling = [0.6, 0.4, 0.3, 0.2, 0.1, 0.05]
    rising = [0.6, 0.5, 0.5, 0.6, 0.7, 0.8]
    found = tl.diagnose(made(falling, rising))
    assert found.verdict == "overfitting"
    assert (found.evidence.best_epoch, found.evidence.best_loss) == (2, 0.5)
    assert found.evidence.rise == pytest.approx(0.3)
    assert found.evidence.rise_noise == pytest.approx(2 * 2 * 0.8 / 20)
    assert "lowest after epoch 2 of 6, 0.5, and is 0.8 now" in found.reason
    assert verdict(falling, rising, held_out=20) != "overfitting"  # noise 0.45
    together = [0.6, 0.4, 0.41, 0.42, 0.43, 0.44]
    assert verdict(together, rising) != "overfitting"  # the training loss rose too


def test_one_wrong_example_is_no_rise():
    falling = [0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.01]
    jumping = [0.21, 0.016, 1.14, 0.0006, 0.11, 0.11, 0.12, 0.13]  # one of 15 is wrong: 1.9 / 15
    assert verdict(falling, jumping, (0.99, 0.933), held_out=15) == "neither"
    assert verdict(falling, jumping, (0.99, 0.933), held_out=600) == "overfitting"


def test_where_nothing_is_wrong_nothing_is_to_improve():
    falling = np.linspace(1.0, 0.4, 8)
    assert verdict(falling, falling, (1.0, 1.0)) == "neither"
    lower_before = np.array([0.1, *falling[1:]])
    assert verdict(falling, lower_before, (0.8, 0.78)) != "still improving"


def test_the_default_recipe_has_a_rate_of_its_own():
    falling = np.linspace(1.0, 0.4, 8)
    found = tl.diagnose(made(falling, falling + 0.05, (0.8, 0.78), schedule=tl.Auto()))
    assert found.verdict == "still improving"
    assert found.advice == ("more epochs: fit(..., epochs=16)",)
    assert not found.changes
    found = tl.diagnose(made(*OVERFITS, frozen=0.5, schedule=tl.Auto()))
    assert found.advice[0].startswith("augmentation")


def test_a_gap_above_its_noise_is_overfitting_where_it_is_the_larger_part_of_the_error():
    assert verdict(GOOD, GOOD, (0.99, 0.90)) == "overfitting"
    assert verdict(GOOD, GOOD, (0.99, 0.90), held_out=30) == "neither"
    assert verdict(GOOD, GOOD, (0.80, 0.70)) == "underfitting"  # an error of 0.20, a gap of 0.10
    assert verdict(GOOD, GOOD, (0.80, 0.79)) == "underfitting"
    assert verdict(GOOD, GOOD, (0.99, 0.98)) == "neither"
    assert verdict(GOOD, GOOD, (0.90, 0.95)) == "underfitting"


def test_the_noise_of_an_accuracy_covers_nineteen_in_twenty():
    rng = np.random.default_rng(0)
    for share, items in ((0.5, 30), (0.9, 100), (0.98, 200)):
        drawn = rng.binomial(items, share, 4000) / items
        inside = [
            abs(one - share) <= Share("accuracy").noise(one, items) + 1 / items for one in drawn
        ]
        assert np.mean(inside) > 0.94
    assert Share("accuracy").noise(1.0, 30) > 0.05
    assert loss_noise(0.5, 400) == 0.1


def test_a_held_out_loss_that_still_falls():
    falling = np.linspace(1.0, 0.4, 8)
    found = tl.diagnose(made(falling, falling + 0.05, (0.8, 0.78)))
    assert found.verdict == "still improving"
    assert found.advice[0] == "more epochs: fit(..., epochs=16)"
    assert found.advice[1].endswith("learning_rate=0.01")
    assert verdict(falling[:3], falling[:3], (0.8, 0.78)) == "underfitting"  # too few to tell
    slow = np.linspace(0.41, 0.40, 8)  # as much again would be lost in the noise
    assert verdict(slow, slow, (0.8, 0.78)) == "underfitting"
    assert verdict(falling, falling + 0.05, (0.999, 0.8)) == "overfitting"
    unsteady = [1.0, 0.9, 0.8, 0.7, 0.6, 0.65, 0.5, 0.4]
    assert verdict(unsteady, unsteady, (0.8, 0.78)) == "underfitting"
    assert verdict(falling, falling, (0.8, 0.78), phases=[4, 4]) == "still improving"
    assert verdict(falling, falling, (0.8, 0.78), phases=[6, 2]) == "underfitting"


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        ([0.7, 0.5, 0.9, 2.0], "went up from 0.5 to 2"),
        ([0.7, 0.5, float("nan")], "is not finite"),
        ([40.0, 30.0, 20.0, 15.0], "15, is above that of guessing, 0.693"),
    ],
)
def test_a_loss_that_explodes_needs_a_smaller_rate(loss, why):
    found = tl.diagnose(made(loss, loss, (0.9, 0.5)))
    assert found.verdict == "underfitting"
    assert why in found.reason
    assert found.changes == {"learning_rate": 1e-4}


def test_a_loss_that_was_never_below_guessing_needs_a_smaller_rate():
    found = tl.diagnose(made([51.0, 7.0, 300.0, 40.0], [51.0, 90.0, 400.0, 689.0], (0.34, 0.33)))
    assert (found.verdict, found.changes) == ("underfitting", {"learning_rate": 1e-4})


def test_a_random_head_begins_above_guessing():
    slow = [1.32, 1.25, 1.22, 1.13, 1.19]
    found = tl.diagnose(made(slow, slow, (0.3, 0.3), phases=[5]))
    assert (found.verdict, found.changes) == ("underfitting", {"learning_rate": 1e-2})


def test_what_is_pretrained_wants_a_solved_head_and_no_larger_rate():
    falling = np.linspace(1.0, 0.5, 8)
    for loss in (falling, GOOD):
        found = tl.diagnose(made(loss, loss, (0.67, 0.66), frozen=0.5))
        assert found.advice[0].endswith("fit(..., schedule='fine-tune')")
        assert not any("rate" in advice for advice in found.advice)


def test_only_what_fit_gave_is_diagnosed():
    with pytest.raises(TypeError, match="what a builder's fit gave"):
        tl.diagnose("flowers")


def test_a_rising_loss_is_no_overfitting_where_more_of_those_held_out_are_right():
    rising = [0.6, 0.5, 0.5, 0.6, 0.7, 0.8]
    assert verdict([0.6, 0.4, 0.3, 0.2, 0.1, 0.05], rising, (0.89, 0.94)) == "underfitting"


def test_phases_that_were_given_back_are_not_looked_at():
    fitted = made([0.1, 0.5, 0.5], [0.5, 0.9, 0.9], (0.9, 0.88), phases=[1, 1, 1])
    solved = dataclasses.replace(fitted.phases[0], solved=SOLVED)
    given_back = dataclasses.replace(fitted.phases[0], kept_epoch=0, frozen_layers=())
    fitted = dataclasses.replace(fitted, phases=(solved, given_back, given_back))
    found = tl.diagnose(fitted)
    assert not found.note  # of a solved head the scores are exact
    assert found.advice[0].startswith("free the last blocks")


def test_a_loss_that_wobbles_near_0_has_not_exploded():
    loss = [1.7, 1.1, 0.6, 0.3, 0.1, 0.02, 0.001, 0.003]
    assert verdict(loss, [0.8] * 8, (1.0, 0.7)) == "overfitting"


def test_a_loss_that_wobbles_with_dropout_has_not_exploded():
    loss = [1.2, 0.6, 0.4, 0.3, 0.2, 0.25, 0.19, 0.26]
    assert verdict(loss, [0.8] * 8, (0.95, 0.77)) == "overfitting"


def test_what_the_measured_model_has_learnt_has_not_exploded(memorised):
    loss = [0.7, 0.5, *[0.9] * 17, 2.0]
    history = made(loss, loss, (0.9, 0.5)).history
    wild = dataclasses.replace(memorised, history=history)
    assert tl.diagnose(wild).verdict == "underfitting"
    assert tl.diagnose(wild, TRAIN).verdict == "overfitting"


def test_a_phase_that_begins_higher_has_not_exploded():
    loss = [0.3, 0.2, 0.9, 0.5, 0.45, 0.4]
    assert verdict(loss, [0.3] * 6, (0.98, 0.98), phases=[2, 4], held_out=100) == "neither"
    assert verdict(loss, [0.3] * 6, (0.98, 0.98), phases=[6], held_out=100) == "underfitting"


def test_what_cannot_be_told():
    nothing = tl.diagnose(made(GOOD))
    assert nothing.verdict == "cannot tell"
    assert nothing.advice[0].startswith("hold examples out")
    assert verdict(GOOD, GOOD, None) == "cannot tell"
    assert verdict(GOOD, GOOD, held_out=None) == "cannot tell"
    assert verdict([0.6], [0.5], (0.8, 0.85)) == "cannot tell"  # the mean of one epoch
    assert verdict([0.6], [0.5], (0.8, 0.85), solved=True) == "underfitting"
    assert verdict([0.6], [0.5], (0.52, 0.51)) == "underfitting"  # no better than guessing
    assert verdict([0.6], [0.5], (0.95, 0.75)) == "overfitting"  # in truth the gap is wider still
    assert verdict(GOOD, GOOD, (0.6, 0.88), mixup=0.2) == "cannot tell"
    assert verdict(GOOD, GOOD, (0.52, 0.51), mixup=0.2) == "cannot tell"


def test_a_model_whose_best_epoch_was_put_back_is_of_that_epoch():
    loss, val_loss = [0.6, 0.4, 0.2, 0.1], [0.6, 0.4, 0.9, 1.2]
    found = tl.diagnose(made(loss, val_loss, (0.99, 0.98), kept_epoch=2))
    assert found.verdict == "neither"
    assert (found.evidence.last_loss, found.evidence.train_loss) == (0.4, 0.4)
    found = tl.diagnose(made(loss, val_loss, (0.99, 0.98)))
    assert found.verdict == "overfitting"
    assert (found.evidence.last_loss, found.evidence.train_loss) == (1.2, 0.1)


OVERFITS = (GOOD, GOOD, (0.99, 0.8))
EVERYTHING = {
    "augmentation": "RandomFlip",
    "head": tl.heads.FlattenDense(units=(64,), dropout=0.5, l2=0.001),
    "mixup": 0.2,
}


def test_against_overfitting_what_is_not_there_yet_comes_in_order():
    found = tl.diagnose(made(*OVERFITS, frozen=0.5))
    assert found.changes == {"augmentation": "light", "views": 4}
    advice = found.advice
    assert [text.partition(":")[0] for text in advice] == [
        "keep the best epoch",
        "augmentation",
        "more dropout in the head",
        "an L2 penalty in the head",
        "mixup",
        "fewer trained blocks",
        "more examples to train on",
    ]
    assert "restore_best_weights=True" in advice[0]
    best = [*GOOD[:-1], 0.28]  # the last epoch is the best
    assert tl.diagnose(made(GOOD, best, (0.99, 0.8))).advice[0].startswith("augmentation")


@pytest.mark.parametrize(
    ("frozen", "freeze", "change"),
    [
        (1.0, "all", {"head": tl.heads.PooledDense(dropout=0.5)}),
        (0.0, "none", {"freeze": tl.freezing.TrainLastBlocks(2)}),
        (0.5, tl.freezing.TrainLastBlocks(4), {"freeze": tl.freezing.TrainLastBlocks(2)}),
        (0.9, tl.freezing.TrainLastBlocks(1), {"freeze": "all"}),
        (0.5, 0.5, {"freeze": "all"}),
    ],
)
def test_then_there_is_less_to_train(frozen, freeze, change):
    best = [*GOOD[:-1], 0.28]
    fitted = made(GOOD, best, (0.99, 0.8), frozen=frozen, freeze=freeze, **EVERYTHING)
    assert tl.diagnose(fitted).changes == change


def test_a_solved_head_has_its_penalty_already():
    found = tl.diagnose(made([0.1], [0.5], (0.99, 0.8), solved=True))
    assert found.advice == ("more examples to train on",)
    assert not found.note


def test_a_head_that_is_as_sure_where_it_contradicts_the_labels_tells_of_wrong_ones(backbone):
    right = np.random.default_rng(0).integers(0, 2, 200)
    images = (pixels(200, 32) * 0.8 + 40 * right[:, None, None, None]).astype("uint8")
    wrong = np.where(np.random.default_rng(1).random(200) < 0.25, 1 - right, right)
    builder = tl.ImageClassifierBuilder(backbone, seed=0)
    found = tl.diagnose(builder.fit((images, wrong), schedule="probe", verbose=0))
    assert found.verdict == "wrong labels"
    assert "tl.doubt(builder" in found.advice[0]
    found = tl.diagnose(builder.fit((images, right), schedule="probe", verbose=0))
    assert found.verdict != "wrong labels"
    # Labels that nothing can be learnt of are no wrong ones.
    noise = np.random.default_rng(2).integers(0, 2, 200)
    fitted = builder.fit((images, noise), schedule="probe", validation_split=0.3, verbose=0)
    assert tl.diagnose(fitted, (images, noise)).verdict != "wrong labels"


def test_against_underfitting():
    def first(loss, **kwargs):
        advice = tl.diagnose(made(loss, loss, (0.7, 0.69), **kwargs)).advice
        return next(text for text in advice if not text.startswith("solve the head first"))

    assert first([0.8, 0.7, 0.65]) == "more epochs: fit(..., epochs=6)"
    assert first([0.69, 0.7, 0.68, 0.7, 0.69, 0.69]).endswith("learning_rate=0.01")
    assert first(GOOD) == (
        "free the last blocks: freeze=tl.freezing.TrainLastBlocks(count=2), with "
        "fit(..., schedule='fine-tune')"
    )
    assert first(GOOD, frozen=0.5) == "free more blocks: freeze='none'"
    assert first(GOOD, frozen=0) == (
        "a larger head: head=tl.heads.FlattenDense(units=(128,), dropout=0.0, l2=0.0)"
    )
    assert first(GOOD, solved=True).startswith("free the last blocks")
    assert first(GOOD, mixup=0.2, solved=True).startswith("free the last blocks")
    strong = tl.heads.FlattenDense(units=(8,), dropout=0.5, l2=0.01)
    assert first(GOOD, head=strong) == (
        "less regularisation: head=tl.heads.FlattenDense(units=(8,), dropout=0.2, l2=0.0)"
    )
    assert first(GOOD, head=strong, solved=True).startswith("free the last blocks")
    assert first(GOOD, frozen=0, head=tl.heads.FlattenDense(units=(8,))) == (
        "a larger head: head=tl.heads.FlattenDense(units=(16,), dropout=0.0, l2=0.0)"
    )
    assert first(GOOD, frozen=0, head=print) == "larger images: image_size=(96, 128)"


Y = np.random.default_rng(0).integers(0, 3, 96)
X = pixels(96, 32)
TRAIN, HELD_OUT = (X[:64], Y[:64]), (X[64:], Y[64:])


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture(scope="module")
def memorised(backbone):
    """Random labels, which can only be learnt by heart."""
    builder = tl.ImageClassifierBuilder(
        backbone, head=tl.heads.FlattenDense((128,)), freeze="all", learning_rate=3e-3, seed=0
    )
    return builder.fit(TRAIN, HELD_OUT, epochs=20, verbose=0)


def test_learning_by_heart_is_overfitting(memorised):
    for data in ((), (TRAIN, HELD_OUT), (TRAIN,)):
        found = tl.diagnose(memorised, *data)
        assert found.verdict == "overfitting"
        assert found.evidence.train_score == 1.0
        assert found.evidence.held_out_score < 0.5
    measured = tl.diagnose(memorised, TRAIN, HELD_OUT)
    assert measured.evidence.held_out_loss == pytest.approx(memorised.evaluate(HELD_OUT).loss)
    assert measured.evidence.held_out_items == 32
    assert not measured.note
    both = tuple(map(np.concatenate, zip(TRAIN, HELD_OUT, strict=True)))
    assert "96 examples, of which fit trained on 64" in tl.diagnose(memorised, both).note
    assert "tl.diagnose(fitted, train=...)" in tl.diagnose(memorised).note


def test_items_that_are_said_to_be_trained_on_are_no_surprise(memorised):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tl.diagnose(memorised, TRAIN, HELD_OUT)
        with pytest.raises(UserWarning, match=r"64 of 64 images that .* were trained on"):
            tl.diagnose(memorised, TRAIN, TRAIN)


def test_a_saved_model_is_diagnosed_as_before(memorised, tmp_path):
    memorised.save(tmp_path / "saved")
    loaded = tl.load(tmp_path / "saved")
    assert str(tl.diagnose(loaded)) == str(tl.diagnose(memorised))
    assert tl.diagnose(loaded).evidence == tl.diagnose(memorised).evidence


def test_what_was_saved_before_there_were_settings_is_read(memorised, tmp_path):
    old = dataclasses.replace(
        memorised,
        outline=dataclasses.replace(
            memorised.outline,
            backbone_layers=None,
            settings={},
            train_items=None,
            validation_items=None,
            baseline=None,
        ),
    )
    assert tl.diagnose(old).verdict == "cannot tell"
    found = tl.diagnose(old, TRAIN, HELD_OUT)
    assert found.verdict == "overfitting"
    assert "does not say how its builder was set" in found.note


def test_hardly_training_is_underfitting(backbone):
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", learning_rate=1e-6, seed=0)
    fitted = builder.fit(TRAIN, HELD_OUT, epochs=1, verbose=0)
    measured = tl.diagnose(fitted, TRAIN).evidence
    assert measured.train_score == pytest.approx(fitted.evaluate(TRAIN).accuracy)
    assert measured.train_score != fitted.history.history["accuracy"][0]
    once = tl.diagnose(fitted)
    assert (once.verdict, once.advice[0]) == ("underfitting", "more epochs: fit(..., epochs=2)")
    often = tl.diagnose(builder.fit(TRAIN, HELD_OUT, epochs=6, verbose=0))
    assert (often.verdict, often.changes) == ("underfitting", {"learning_rate": 1e-5})


def test_a_probe_is_diagnosed_by_its_scores(backbone):
    builder = tl.ImageClassifierBuilder(backbone, seed=0)
    fitted = builder.fit(TRAIN, HELD_OUT, schedule="probe", verbose=0)
    found = tl.diagnose(fitted)
    assert found.evidence.train_score == pytest.approx(fitted.evaluate(TRAIN).accuracy)
    assert found.evidence == dataclasses.replace(
        tl.diagnose(fitted, TRAIN).evidence, train_loss=found.evidence.train_loss
    )
    assert found.verdict == "underfitting"
    assert not found.note


def test_all_that_it_advises_can_be_built(backbone):
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", seed=0)
    fitted = builder.fit(TRAIN, HELD_OUT, epochs=1, verbose=0)
    every = [
        remedy
        for rules in (remedies.against_overfitting, remedies.against_underfitting)
        for frozen in (0, 0.5, 1)
        for remedy in rules(case(fitted, frozen))
    ]
    changed = [dataclasses.replace(builder, **remedy.changes) for remedy in every]
    assert len({repr(one) for one in changed}) > 8
    scope = {"tl": tl, "keras": keras, "dataclasses": dataclasses, "builder": builder}
    for remedy in every:
        if remedy.changes:
            given = remedy.text.partition(": ")[2].partition(", with ")[0]
            eval(f"dataclasses.replace(builder, {given})", scope)


def case(fitted, frozen):
    curves = Curves.of(fitted)
    found = remedies.Case.of(fitted, curves, gather(fitted, curves, None, None))
    return dataclasses.replace(found, frozen=frozen)


def test_the_plot_shows_both_curves_and_the_phases(memorised, tmp_path):
    tl.diagnose(memorised).plot(tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    assert "held out" in text
    assert "accuracy" in text
    figure = Figure()
    tl.diagnose(made(GOOD, GOOD, phases=[3, 5])).curves.draw(figure)
    loss, accuracy = figure.axes
    for axes in (loss, accuracy):
        assert list(axes.lines[2].get_xdata()) == [3.5, 3.5]
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), GOOD)
    tl.diagnose(made(GOOD, None, None)).plot(tmp_path / "alone.png")


class MyBuilder(tl.ImageClassifierBuilder):
    def build_head(self, features, num_classes):
        x = keras.layers.GlobalMaxPooling2D()(features)
        return keras.layers.Dense(num_classes, activation="softmax")(x)


def test_what_was_set_is_written_down(backbone):
    builder = tl.ImageClassifierBuilder(
        backbone,
        head=tl.heads.FlattenDense((8,)),
        freeze=tl.freezing.TrainLastBlocks(1),
        optimizer=keras.optimizers.SGD(0.1),
        augmentation=[keras.layers.RandomFlip(), keras.layers.RandomRotation(0.1)],
        seed=0,
    )
    stop = keras.callbacks.EarlyStopping(restore_best_weights=True)
    y = np.array([0, 0, 1] * 16)
    fitted = builder.fit(
        (X[:48], y), (X[48:], y), epochs=2, schedule="fine-tune", callbacks=stop, verbose=0
    )
    own = MyBuilder(backbone).fit(TRAIN, epochs=1, schedule="one-phase", verbose=0)
    head = configs.class_name(MyBuilder.build_head)
    assert own.outline.settings == {"head": {"class": head}}
    outline = fitted.outline
    settings = outline.settings
    assert configs.read(settings["head"], tl.heads.Head) == tl.heads.FlattenDense((8,))
    assert configs.read(settings["freeze"], tl.freezing.FreezeStrategy) == builder.freeze
    assert configs.read(settings["schedule"], tl.Schedule) == tl.FineTune()
    assert settings["optimizer"]["class"] == "keras.SGD"
    assert settings["optimizer"]["keras"]["config"]["learning_rate"] == pytest.approx(0.1)
    flip, turn = settings["augmentation"]
    assert (flip["class"], turn["class"]) == ("keras.RandomFlip", "keras.RandomRotation")
    assert settings["seed"] == 0
    assert settings["callbacks"] == [{"class": "keras.EarlyStopping"}]
    assert (outline.train_items, outline.validation_items) == (48, 48)
    assert outline.baseline == pytest.approx(2 / 3)
    assert outline.backbone_layers == len(backbone.model.layers)
    json.dumps(dataclasses.asdict(outline))


def test_a_phase_that_was_thrown_away_is_not_judged():
    x = (pixels(60, 32) // 3 + 80 * (np.arange(60) % 2)[:, None, None, None]).astype("uint8")
    builder = tl.ImageClassifierBuilder(
        small_backbone(), learning_rate=30.0, optimizer="sgd", seed=0
    )
    data = x, np.arange(60) % 2
    fitted = builder.fit(data, validation_split=0.5, epochs=2, verbose=0)  # the rate ruins it
    assert fitted.phases[-1].kept_epoch == 0
    found = tl.diagnose(fitted)
    assert found.evidence.held_out_score == fitted.phases[0].metrics["val_accuracy"]
    assert found.verdict != "underfitting"
