"""Loss, metric and figures of masks, against second implementations."""

import json
from dataclasses import replace

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
SCORING = ENCODING.scoring


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
    found = SCORING.measure(shares, masks)
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
    np.testing.assert_array_equal(found.confusion, pairs)
    low, high = found.intervals["mean_iou"]
    assert low < found.mean_iou < high
    assert found.baseline == pytest.approx((truth == 0).mean() / 3)


def test_batches_add_up_to_the_same_figures(answers):
    shares, masks = answers
    whole = SCORING.measure(shares, masks)
    parts = [SCORING.tally(shares[i : i + 5], masks[i : i + 5]) for i in (0, 5, 10)]
    again = type(parts[0]).joined(parts).evaluation()
    assert dict(again.figures) == pytest.approx(dict(whole.figures), nan_ok=True)
    assert again.intervals == whole.intervals
    truth, said = masks[3][masks[3] < 255], shares[3].argmax(axis=-1)[masks[3] < 255]
    assert whole.mean_ious[3] == pytest.approx(jaccard_score(truth, said, average="macro"))


def test_of_two_classes_the_second_is_the_foreground():
    encoding = MaskEncoding(class_names=("a", "b"), mask_values=(0, 255), void=None, size=(8, 8))
    rng = np.random.default_rng(0)
    masks = np.where(rng.random((3, 8, 8)) < 0.3, 255, 0).astype("uint8")
    said = rng.random((3, 8, 8)) < 0.4
    found = encoding.scoring.measure(np.stack([~said, said], axis=-1).astype("float32"), masks)
    assert found.foreground_iou == pytest.approx(jaccard_score(masks.ravel() > 0, said.ravel()))


def test_a_model_is_compared_with_another_photo_by_photo(answers):
    shares, masks = answers
    worse = shares[..., [1, 0, 2, 3]]
    found = SCORING.compare(SCORING.measure(worse, masks), SCORING.measure(shares, masks))
    first, second = SCORING.measure(worse, masks), SCORING.measure(shares, masks)
    assert found.difference == pytest.approx(second.mean_iou - first.mean_iou)
    assert found.interval[0] > 0
    assert found.p_value < 0.01


def test_a_guess_is_scored_by_counts_as_its_pixels_would_be(answers):
    shares, masks = answers
    guess = np.tile(np.eye(4, dtype="float32")[1], (8, 8, 1))
    found = SCORING.guessed(guess, SCORING.measure(shares, masks))
    expected = SCORING.measure(np.tile(guess, (12, 1, 1, 1)), masks)
    np.testing.assert_array_equal(found.overlaps, expected.overlaps)
    np.testing.assert_array_equal(found.confusion, expected.confusion)


def test_the_metric_sums_over_batches_and_leaves_void_out(answers):
    shares, masks = answers
    ids = tl.data.PixelIds(ENCODING.mask_values)(masks).targets
    metric = MeanIoU(4)
    for start in (0, 5, 9):
        batch = slice(start, {0: 5, 5: 9, 9: 12}[start])
        metric.update_state(ids[batch], shares[batch])
    assert float(metric.result()) == pytest.approx(SCORING.measure(shares, masks).mean_iou)
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
    large, small = ENCODING.output_reader().read({"probabilities": shares[:2]}, seen)
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
    large.save(tmp_path / "mask.json")
    told = json.loads((tmp_path / "mask.json").read_text())
    assert told["images"] == [{"id": 1, "file_name": "a.jpg", "height": 24, "width": 16}]
    for of in told["annotations"]:
        counts = of["segmentation"]["counts"]
        shown = np.repeat(np.arange(len(counts)) % 2, counts).reshape(24, 16, order="F")
        np.testing.assert_array_equal(shown, large.mask == of["category_id"] - 1)
        left, top, width, height = of["bbox"]
        assert shown[top : top + height, left : left + width].sum() == of["area"] == shown.sum()
    with pytest.raises(ValueError, match="saved as a PNG"):
        large.save(tmp_path / "mask.jpg")
    assert {file.name for file in tmp_path.iterdir()} == {"mask.json", "mask.png"}
    shown = replace(large, shares={"<b>": 0.5, "x": 0.5, "y": 0, "z": 0})._repr_html_()
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
    assert large.colours["road"] in shown


def test_a_smooth_border_stays_smooth_in_a_larger_photo():
    ramp = np.linspace(0, 1, 8, dtype="float32")[None, :].repeat(8, axis=0)
    encoding = MaskEncoding(class_names=("a", "b"), mask_values=(0, 1), void=None, size=(8, 8))
    shares = np.stack([1 - ramp, ramp], axis=-1)
    reader = encoding.output_reader()
    (found,) = reader.read({"probabilities": shares[None]}, [Seen(size=(80, 80))])
    assert (found.mask[:, :40] == 0).all()
    assert (found.mask[:, 40:] == 1).all()
