"""The model card of a save."""

from dataclasses import replace

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.builders.record import data_record
from transferlearn.fitted import Calibration
from transferlearn.fitted.card import card_of

pytestmark = pytest.mark.core
HOSTILE = ("<script>alert(1)</script>", "a|b\n# c\n---", "[x](http://evil.org) `d`", 'q"\\u: !!x')


@pytest.fixture(scope="module")
def fitted():
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    labels = np.array(list(HOSTILE) * 10)
    return builder.fit((pixels(40, 32), labels), schedule="probe", validation_split=0.5, verbose=0)


def test_the_card_says_what_the_run_was(fitted):
    card = card_of(fitted)
    assert "Trained on 20 items, validated on 20." in card
    assert fitted.outline.data["fingerprint"] in card
    score = fitted.known_score
    low, high = score.interval
    assert f"| accuracy | {score.value:.4f} | {low:.4f} to {high:.4f} | on 20 held-out" in card
    assert "Their licence is not known here" in card
    assert "float32 \\(batch, 32, 32, 3\\)" in card
    assert "a probability for each of the 4 classes" in card
    assert "There is no score on test data." in card
    assert "Calibration" not in card


def test_a_test_and_a_calibration_are_told_and_survive_the_save(fitted, tmp_path):
    told = Calibration(
        temperature=1.5,
        items=1,
        log_loss_before=0.75,
        log_loss_after=0.5,
        error_before=0.2,
        error_after=0.125,
    )
    known = replace(fitted, temperature=1.5, calibration=told)
    scores = fitted.evaluate((pixels(8, 32, seed=1), np.array(list(HOSTILE) * 2)))
    known.save(tmp_path / "saved", evaluation=scores)
    card = (tmp_path / "saved" / "README.md").read_text("utf-8")
    assert tl.load(tmp_path / "saved").calibration == told
    assert "temperature of 1.5" in card
    assert "Measured on the 1 item that" in card
    assert "| log-loss | 0.7500 | 0.5000 |" in card
    assert "| calibration error | 0.2000 | 0.1250 |" in card
    low, high = scores.intervals["accuracy"]
    assert "On 8 test images" in card
    assert f"| accuracy | {scores.accuracy:.4f} | {low:.4f} to {high:.4f} | Wilson |" in card
    assert f"value: {scores.accuracy:.6g}\n" in card
    assert f"{fitted.known_score.value:.4f}" in card
    with pytest.raises(TypeError, match=r"what fitted\.evaluate"):
        fitted.save(tmp_path / "other", evaluation=0.9)
    assert [file.name for file in tmp_path.iterdir()] == ["saved"]


def test_names_of_strangers_are_shown_and_not_obeyed(fitted):
    card = card_of(fitted)
    assert "<script>" not in card
    assert "&lt;script&gt;alert\\(1\\)&lt;/script&gt;" in card
    assert "[x]" not in card
    assert "\\[x\\]\\(http\\://evil.org\\) \\`d\\`" in card
    rows = [line for line in card.splitlines() if line.startswith("| ") and line.endswith(" |")]
    assert any(row.startswith("| a\\|b\\\\n\\# c\\\\n--- |") for row in rows)  # still one row
    assert card.count("\n---\n") == 1  # the end of the front matter


def test_the_front_matter_is_what_the_hub_reads(fitted):
    hub = pytest.importorskip("huggingface_hub")
    said = hub.ModelCard(card_of(fitted)).data
    assert (said.license, said.library_name, said.metrics) == ("unknown", "keras", ["accuracy"])
    assert said.pipeline_tag == "image-classification"
    (result,) = said.eval_results
    assert result.metric_value == pytest.approx(fitted.known_score.value, abs=1e-5)
    assert fitted.outline.data["fingerprint"] in result.dataset_name


def test_the_licence_of_the_default_weights_is_known(fitted):
    backbone = tl.backbones.get("EfficientNetLite0", image_size=(32, 32))
    outline = replace(fitted.outline, licence=backbone.licence)
    card = card_of(replace(fitted, outline=outline))
    assert '\nlicense: "apache-2.0"\n' in card
    assert "Their licence is Apache-2.0" in card


def test_numbers_have_a_card_too():
    data = pixels(12, 32), np.arange(12.0)
    fitted = tl.ImageRegressorBuilder(small_backbone(), target_names="<b>kg</b>", seed=0).fit(
        data, schedule="probe", verbose=0
    )
    card = card_of(fitted)
    assert "| number | least | median | largest |" in card
    assert "pipeline_tag" not in card  # the Hub knows no image regression
    assert "<b>" not in card


def test_an_edited_card_is_kept_and_hinders_no_loading(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    fitted.save(tmp_path / "saved")  # one that was not edited is replaced
    card = tmp_path / "saved" / "README.md"
    card.write_text("Mine", "utf-8")
    assert tl.load(tmp_path / "saved").class_names == fitted.class_names
    with pytest.raises(OSError, match=r"such as README\.md"):
        fitted.save(tmp_path / "saved")
    assert card.read_text("utf-8") == "Mine"


def test_the_fingerprint_is_of_items_and_targets_in_any_order():
    def fingerprint(x, y):
        return data_record(tl.data.load((x, y), tl.data.Images()))["fingerprint"]

    x, y = pixels(12, 32), np.arange(12) % 2
    assert fingerprint(x, y) == fingerprint(x[::-1], y[::-1])
    assert fingerprint(x, y) != fingerprint(x, y[::-1])
