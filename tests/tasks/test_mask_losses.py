"""Losses of masks on request, and the weights of pixels, against what NumPy computes."""

import keras
import numpy as np
import pytest

from tests.masks import scenes
from transferlearn.data import Images, Masks, PixelIds, load
from transferlearn.data.batches import Request
from transferlearn.data.transforms import Mirrored
from transferlearn.tasks import Boundary, CrossEntropyDice, Tversky
from transferlearn.tasks.segmentation import pixel_weights

pytestmark = pytest.mark.core


@pytest.fixture(scope="module")
def answers():
    """Probabilities of three classes, and ids, some of which are void."""
    rng = np.random.default_rng(0)
    ids = rng.choice([0, 1, 2, -1], size=(4, 12, 12), p=[0.6, 0.2, 0.1, 0.1]).astype("int32")
    logits = rng.normal(size=(4, 12, 12, 3)) + 2 * (ids[..., None] == np.arange(3))
    return (np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)).astype("float32"), ids


def value(loss, *parts):
    return float(loss(*parts))


def test_the_focal_loss_weighs_pixels_by_what_is_not_known(answers):
    shares, ids = answers
    seen = ids >= 0
    right = shares[seen][np.arange(seen.sum()), ids[seen]]
    expected = ((1 - right) ** 2 * -np.log(right)).mean()
    loss = CrossEntropyDice(dice=0, focus=2)
    assert value(loss, ids, shares) == pytest.approx(expected, rel=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert value(again, ids, shares) == value(loss, ids, shares)


def test_the_tversky_index_weighs_its_two_errors_apart(answers):
    shares, ids = answers
    assert value(Tversky(0.5, 0.5), ids, shares) == pytest.approx(
        value(CrossEntropyDice(), ids, shares), rel=1e-6
    )
    seen = ids >= 0
    index = []
    for c in range(3):
        truth, said = ids[seen] == c, shares[seen][:, c]
        both = (truth * said).sum()
        errors = 0.8 * (truth.sum() - both) + 0.1 * (said.sum() - both)
        index.append((both + 0.5) / (both + errors + 0.5))
    entropy = value(CrossEntropyDice(dice=0), ids, shares)
    loss = Tversky(missed=0.8, invented=0.1)
    assert value(loss, ids, shares) == pytest.approx(entropy + 1 - np.mean(index), rel=1e-5)
    assert keras.losses.deserialize(keras.losses.serialize(loss)).missed == 0.8


def test_borders_count_by_how_far_they_lie_apart():
    ids = np.zeros((1, 32, 32), "int32")
    ids[:, 8:24, 8:24] = 1

    def moved(pixels, weight):
        shares = np.eye(2, dtype="float32")[np.roll(ids, pixels, axis=2)] * 0.98 + 0.01
        return value(Boundary(tolerance=2, weight=weight), ids, shares)

    borders = [moved(pixels, 1.0) - moved(pixels, 0.0) for pixels in (0, 1, 2, 6)]
    # Up to the tolerance, two borders are one.
    assert borders[0] == pytest.approx(borders[1], abs=1e-3)
    assert borders[0] < 0.1
    assert borders[3] > 0.3
    again = keras.losses.deserialize(keras.losses.serialize(Boundary(tolerance=2)))
    assert again.tolerance == 2


@pytest.mark.parametrize("loss", [CrossEntropyDice(focus=1), Tversky(), Boundary()])
def test_void_counts_in_no_loss_and_right_is_less_than_wrong(loss, answers):
    shares, ids = answers
    other = np.where(ids[..., None] < 0, 1 / 3, shares).astype("float32")
    if not isinstance(loss, Boundary):  # what is said beside void is compared with borders
        assert value(loss, ids, other) == pytest.approx(value(loss, ids, shares), rel=1e-6)
    right = np.eye(3, dtype="float32")[np.maximum(ids, 0)]
    assert value(loss, ids, right) < 0.75 * value(loss, ids, shares)
    items = np.array([1, 0, 1, 0], "float32")
    assert value(loss, ids, shares, items) == pytest.approx(
        value(loss, ids[::2], shares[::2]), rel=1e-5
    )


def test_several_classes_a_pixel_are_a_yes_or_no_each():
    rng = np.random.default_rng(0)
    marks = rng.choice([0, 1, -1], size=(2, 8, 8, 3), p=[0.6, 0.3, 0.1]).astype("int32")
    shares = rng.uniform(0.05, 0.95, marks.shape).astype("float32")
    seen, truth = marks >= 0, marks == 1
    entropy = -np.log(np.where(truth, shares, 1 - shares))[seen].mean()
    dice = []
    for c in range(3):
        t, s = truth[..., c][seen[..., c]], shares[..., c][seen[..., c]]
        dice.append((2 * (t * s).sum() + 1) / (t.sum() + s.sum() + 1))
    expected = entropy + 1 - np.mean(dice)
    assert value(CrossEntropyDice(), marks, shares) == pytest.approx(expected, rel=1e-5)


def test_weights_of_classes_are_weights_of_pixels():
    images, masks = scenes(8)
    masks[0, :8] = 255
    data = load((images, masks, np.arange(8.0)), Images(), Masks(["sky", "sand", "sea"]))
    for given, weights in (
        ({"sand": 3.0, 2: 0.0}, [1, 3, 0]),
        ("balanced", 1 / (3 * data.targets.shares)),
    ):
        request = Request(8, PixelIds((0, 1, 2)), pixel_weights(given, data))
        _, ids, pixels = data.requested(request)[0]
        expected = np.append(weights, 1)[ids] * np.arange(8.0)[:, None, None]
        np.testing.assert_allclose(pixels, expected, rtol=1e-6)
    shares = np.full((*ids.shape, 3), 1 / 3, "float32")
    shares[..., 1] = 0.5
    loss = value(CrossEntropyDice(dice=0), ids, shares, pixels)
    seen = ids >= 0
    surprise = -np.log(np.where(ids == 1, 0.5, 1 / 3))
    assert loss == pytest.approx((surprise * pixels)[seen].sum() / pixels[seen].sum(), rel=1e-5)
    mirrored = request._replace(shuffle=True, seed=0, transform=Mirrored())
    _, ids, pixels = data.requested(mirrored)[0]
    per_item = pixels / np.append(weights, 1)[ids]
    assert np.ptp(per_item, axis=(1, 2)).max() < 1e-5
    for wrong, said in (("equal", "goes from class names"), ({"car": 2}, "not in the data")):
        with pytest.raises(ValueError, match=said):
            pixel_weights(wrong, data)
