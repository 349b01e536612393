"""Loss, metric and figures of masks, against second implementations."""

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score

import transferlearn as tl
from transferlearn.tasks import CrossEntropyDice, MaskEncoding, MeanIoU, Seen

pytestmark = pytest.mark.core
NAMES = ("sky", "road", "car", "never")
ENCODING = MaskEncoding(class_names=NAMES, mask_values=(0, 1, 2, 9), void=255, size=(8, 8))


@pytest.fixture(scope="module")
def answers():
    """Probabilities and masks of 12 items; some pixels are void, one class is nowhere."""
    rng = np.random.default_rng(0)
    masks = rng.choice([0, 1, 2, 255], size=(12, 8, 8), p=[0.6, 0.2, 0.1, 0.1]).astype("uint8")
    logits = rng.normal(size=(12, 8, 8, 4)) + 2 * (masks[..., None] == np.arange(4))
    logits[..., 3] = -20
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return shares.astype("float32"), masks


def flat(answers):
    shares, masks = answers
    seen = masks < 255
    return masks[seen], shares.argmax(axis=-1)[seen]


def test_figures_are_those_of_scikit_learn(answers):
    shares, masks = answers
    truth, said = flat(answers)
    found = ENCODING.measure(shares, masks)
    ious = jaccard_score(truth, said, labels=[0, 1, 2], average=None)
    dices = f1_score(truth, said, labels=[0, 1, 2], average=None)
    for name, iou, dice in zip(NAMES, ious, dices, strict=False):
        assert found[f"iou: {name}"] == pytest.approx(iou)
        assert found[f"dice: {name}"] == pytest.approx(dice)
    # A class that is nowhere is not in the means.
    assert np.isnan(found["iou: never"])
    assert found.mean_iou == pytest.approx(ious.mean())
    assert found.mean_dice == pytest.approx(dices.mean())
    assert found.pixel_accuracy == pytest.approx((truth == said).mean())
    pairs = confusion_matrix(truth, said, labels=[0, 1, 2, 3])
    np.testing.assert_array_equal(found.confusion.sum(axis=0), pairs)
    low, high = found.intervals["mean_iou"]
    assert low < found.mean_iou < high
    assert found.baseline == pytest.approx((truth == 0).mean() / 3)


def test_the_metric_sums_over_batches_and_leaves_void_out(answers):
    shares, masks = answers
    ids = tl.data.PixelIds(ENCODING.mask_values)(masks).targets
    metric = MeanIoU(4)
    for start in (0, 5, 9):
        batch = slice(start, {0: 5, 5: 9, 9: 12}[start])
        metric.update_state(ids[batch], shares[batch])
    assert float(metric.result()) == pytest.approx(ENCODING.measure(shares, masks).mean_iou)
    again = MeanIoU.from_config(metric.get_config())
    assert float(again.result()) == 0


def test_the_loss_is_cross_entropy_and_dice_of_the_pixels_that_are_no_void(answers):
    shares, masks = answers
    ids = tl.data.PixelIds(ENCODING.mask_values)(masks).targets
    seen = ids >= 0
    rows, truth = shares[seen], ids[seen]
    entropy = -np.log(rows[np.arange(len(truth)), truth]).mean()
    dice = [
        (2 * rows[truth == c, c].sum() + 1) / (rows[:, c].sum() + (truth == c).sum() + 1)
        for c in range(3)
    ]
    loss = CrossEntropyDice()
    assert float(loss(ids, shares)) == pytest.approx(entropy + 1 - np.mean(dice), rel=1e-5)
    assert float(CrossEntropyDice(dice=0)(ids, shares)) == pytest.approx(entropy, rel=1e-5)
    other = np.where(masks[..., None] == 255, 0.25, shares).astype("float32")
    assert float(loss(ids, other)) == pytest.approx(float(loss(ids, shares)), rel=1e-6)
    weights = np.arange(12) % 2
    assert float(loss(ids, shares, weights)) == pytest.approx(
        float(loss(ids[1::2], shares[1::2])), rel=1e-5
    )
    assert keras.losses.deserialize(keras.losses.serialize(loss)).dice == 1


def test_a_prediction_is_a_mask_of_the_photos_own_size(answers, tmp_path):
    shares, _ = answers
    seen = [Seen("a.jpg", (24, 16)), Seen("b.jpg")]
    large, small = ENCODING.decode(shares[:2], seen)
    assert large.mask.shape == (24, 16)
    np.testing.assert_array_equal(small.mask, shares[1].argmax(axis=-1))
    assert sum(large.shares.values()) == pytest.approx(1)
    assert large.shares["car"] == pytest.approx((large.mask == 2).mean())
    assert str(small).startswith("sky ")
    large.save(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as written:
        assert written.mode == "P"
        values = np.array(ENCODING.mask_values)
        np.testing.assert_array_equal(np.asarray(written), values[large.mask])
    with pytest.raises(ValueError, match="saved as a PNG"):
        large.save(tmp_path / "mask.jpg")
    assert [file.name for file in tmp_path.iterdir()] == ["mask.png"]


def test_a_smooth_border_stays_smooth_in_a_larger_photo():
    ramp = np.linspace(0, 1, 8, dtype="float32")[None, :].repeat(8, axis=0)
    encoding = MaskEncoding(class_names=("a", "b"), mask_values=(0, 1), void=None, size=(8, 8))
    shares = np.stack([1 - ramp, ramp], axis=-1)
    (found,) = encoding.decode(shares[None], [Seen(size=(80, 80))])
    assert (found.mask[:, :40] == 0).all()
    assert (found.mask[:, 40:] == 1).all()
