"""Saves that version 0.1.0 wrote before kinds and tasks: read as they are, never rewritten."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels
from transferlearn import configs
from transferlearn.freezing import TrainLastBlocks

SAVES = Path(__file__).parent / "format_1"
PREDICTED = json.loads((SAVES / "predictions.json").read_text("utf-8"))


def items_of(name):
    return PREDICTED[name].get("items") or pixels(6, 32, seed=5)


@pytest.mark.parametrize("name", sorted(PREDICTED))
def test_they_predict_what_they_did(name):
    if name == "texts":
        pytest.importorskip("keras_hub")
    found = tl.load(SAVES / name).predict(items_of(name))
    values = [list(prediction.probabilities.values()) for prediction in found]
    np.testing.assert_allclose(values, PREDICTED[name]["probabilities"], atol=1e-6)


def test_sentences_become_fields():
    first, second = tl.load(SAVES / "images").phases
    assert (first.solved.items, first.solved.items_again) == (27, 30)
    assert (first.solved.score, first.solved.strength) == (0.2593, (10.0,))
    assert (first.stored.cut, first.stored.items, first.stored.computed) == ("top_relu", 30, 30)
    assert second.solved is None
    assert second.not_solved == ""
    assert second.stored.saves == 0.59
    assert tl.load(SAVES / "tags").phases[0].not_stored == "cache=False"


def test_settings_become_data():
    settings = tl.load(SAVES / "images").outline.settings
    assert configs.read(settings["freeze"], tl.freezing.FreezeStrategy) == TrainLastBlocks(2)
    assert settings["seed"] == 0


def test_they_can_be_saved_again_and_diagnosed(tmp_path):
    old = tl.load(SAVES / "tags")
    assert (old.class_names, old.outline.baseline) == (("round", "red"), pytest.approx(2 / 3))
    assert tl.diagnose(old).verdict == "underfitting"
    old.save(tmp_path / "again")
    again = tl.load(tmp_path / "again")
    assert (again.phases, again.outline) == (old.phases, old.outline)
    assert again.encoding == old.encoding


def test_one_that_was_changed_is_refused(tmp_path):
    changed = shutil.copytree(SAVES / "tags", tmp_path / "tags") / "transferlearn.json"
    changed.write_text(changed.read_text("utf-8").replace("round", "squared"), "utf-8")
    with pytest.raises(ValueError, match="is not what was saved"):
        tl.load(tmp_path / "tags")
