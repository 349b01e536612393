"""The default recipe."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone, small_model
from tests.phase_words import cache_of, head_of
from tests.test_schedules import follow
from transferlearn.freezing import (
    FreezeAll,
    FreezeDepthwise,
    FreezeFraction,
    FreezeNone,
    FreezeUpTo,
)
from transferlearn.schedules import Auto

pytestmark = pytest.mark.core
X = pixels(90, 32)
Y = np.digitize(X.mean((1, 2, 3)), np.quantile(X.mean((1, 2, 3)), [1 / 3, 2 / 3]))


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def fit(backbone, *, epochs=4, schedule=None, cache="auto", validation_split=0.1, **options):
    builder = tl.ImageClassifierBuilder(backbone, **{"seed": 0, **options})
    return builder.fit(
        (X, Y),
        epochs=epochs,
        schedule=schedule,
        cache=cache,
        validation_split=validation_split,
        verbose=0,
    )


def test_who_names_nothing_gets_it(backbone):
    head, rest, *_ = fit(backbone).phases
    assert head_of(head).startswith("solved on 81 items")
    assert head.solved.mirrored_loss < head.solved.loss
    assert "half of the views are mirrored" in str(head.solved)
    assert (head.epochs, rest.epochs) == (1, 3)
    assert set(rest.frozen_layers) < {layer.name for layer in backbone.model.layers}
    assert "before this phase" in rest.kept


@pytest.mark.full
def test_two_light_views_of_each_image_are_stored(backbone):
    rest = fit(backbone, freeze="top_conv", schedule="auto", epochs=9, cache=True).phases[1]
    assert "81 images, two views each and 9 held out" in cache_of(rest)


@pytest.mark.parametrize("cache", [True, pytest.param(False, marks=pytest.mark.full)])
def test_images_that_mirrored_are_others_are_not_mirrored(backbone, cache):
    y, (down, right) = np.arange(90) % 2, np.indices((32, 32))
    rising, falling = (
        40 * (along // 4 % 2)[..., None].astype("uint8") for along in (down + right, down - right)
    )
    x = X // 2 + np.where(y[:, None, None, None], rising, falling)
    builder = tl.ImageClassifierBuilder(backbone, seed=0)
    head, rest, *_ = builder.fit((x, y), epochs=2, cache=cache, verbose=0).phases
    assert head.solved.mirrored_loss > head.solved.loss
    assert "no image is mirrored" in str(head.solved)
    assert ("90 images, " in cache_of(rest)) == cache  # one view of each
    once = replace(builder, augmentation="none").fit((x, y), epochs=2, cache=cache, verbose=0)
    assert rest.metrics == once.phases[1].metrics  # both saw the images as they are
    named = replace(builder, augmentation="light").fit((x, y), epochs=2, cache=cache, verbose=0)
    assert named.phases[0].solved.mirrored_loss is None


def test_the_better_of_the_two_is_kept(backbone):
    x = (X // 3 + 80 * Y[:, None, None, None]).astype("uint8")  # easy to tell apart
    held_out = x[:30], Y[:30]
    builder = tl.ImageClassifierBuilder(backbone, learning_rate=30.0, optimizer="sgd", seed=0)
    fitted = builder.fit((x[30:], Y[30:]), held_out, epochs=2, verbose=0)  # the rate ruins it
    assert fitted.phases[1].kept.startswith("the weights from before this phase")
    assert fitted.phases[1].metrics == fitted.phases[0].metrics
    scores = fitted.evaluate(held_out)
    assert scores.accuracy == pytest.approx(fitted.phases[0].metrics["val_accuracy"])
    assert scores.accuracy > fitted.history.history["val_accuracy"][1]


def test_the_head_that_is_kept_knows_what_was_held_out_too(backbone):
    ruined = fit(backbone, learning_rate=30.0, optimizer="sgd", epochs=2, validation_split=0.3)
    probe = fit(backbone, schedule="probe", validation_split=0.3)
    assert ruined.phases[1].kept.startswith("the weights from before this phase")
    kept, solved = (x.model.get_layer("predictions").get_weights() for x in (ruined, probe))
    np.testing.assert_allclose(kept[0], solved[0], atol=1e-5)


def test_what_is_named_is_obeyed(backbone):
    assert [phase.epochs for phase in fit(backbone, freeze="all").phases] == [4]
    upto = fit(backbone, freeze="residual_conv", schedule="auto", learning_rate=0.5, epochs=2)
    assert upto.phases[1].frozen_layers[-1] == "residual_conv"
    assert upto.phases[1].learning_rate == 0.5
    assert len(fit(backbone, freeze="all", schedule="auto").phases) == 1
    optimizer = keras.optimizers.SGD(0.25)
    assert fit(backbone, optimizer=optimizer, epochs=2).phases[1].learning_rate == 0.25
    assert len(fit(backbone, epochs=1).phases) == 1


def test_random_weights_are_trained_whole_in_one_phase():
    from transferlearn.backbones import from_model

    random = from_model(small_model(), pretrained=False)
    (phase,) = fit(random, epochs=2).phases
    assert phase.frozen_layers == ()


def test_its_phases():
    head, rest = follow(Auto(), epochs=9, solved=True)
    assert (head.freeze, head.fit) == (FreezeAll(), "solve")
    assert (rest.epochs, rest.keep, rest.decay) == (8, "better", "cosine")
    assert rest.freeze == FreezeFraction(0.3) | FreezeDepthwise()
    assert rest.trust_ratio
    follows_gradient = follow(Auto(), steps_of_one_size=False, learning_rate=0.01)[1]
    assert (follows_gradient.trust_ratio, follows_gradient.learning_rate) == (False, 0.005)
    assert follow(Auto(), rate_given=True)[1].learning_rate is None
    assert follow(Auto(), freeze=FreezeUpTo("b"))[1].freeze == FreezeUpTo("b")
    assert [phase.freeze for phase in follow(Auto(), pretrained=False)] == [FreezeNone()]


def test_after_damage_it_begins_again_at_a_tenth_of_the_rate():
    _, rest, again = follow(Auto(), epochs=9, solved=True, kept_epoch=0)
    assert again == replace(rest, learning_rate=rest.learning_rate / 10)
    assert len(follow(Auto(), solved=True, kept_epoch=0, rate_given=True)) == 2


@pytest.mark.full
def test_few_images_are_trained_on_whole_and_the_loss_is_watched(backbone):
    builder = tl.ImageClassifierBuilder(backbone, seed=0)
    fitted = builder.fit((X, Y), epochs=3, verbose=0)
    assert fitted.outline.validation_items is None
    asked = builder.fit((X, Y), epochs=1, validation_split=0.1, verbose=0)
    assert asked.outline.validation_items
    loaded = builder.prepare((pixels(1000, 32), np.arange(1000) % 2)).loaded
    assert 95 < loaded.validation.count < 105


def test_many_images_get_fewer_epochs():
    epochs = [Auto().default_epochs(items) for items in (None, 10, 150, 250, 5000, 10_000, 10**6)]
    assert epochs == [9, 21, 15, 9, 9, 5, 4]
