"""Folders of KerasHub presets that ask for something else than a network."""

import json

import h5py
import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import texts
from tests.attacks.files import TFSM, lambda_of
from transferlearn.untrusted import RefusalError


@pytest.fixture
def folder(tmp_path):
    texts.folder_of(tmp_path / "preset", layers=1)
    return tmp_path / "preset"


def change(file, edit):
    described = json.loads(file.read_text("utf-8"))
    edit(described)
    file.write_text(json.dumps(described))


def refused(folder, message):
    with pytest.raises(RefusalError, match=message):
        tl.backbones.get_text(f"keras_hub:{folder}")


def test_an_honest_one_is_read(folder):
    assert tl.backbones.get_text(f"keras_hub:{folder}").most_tokens == texts.LENGTH


@pytest.mark.parametrize(
    "named",
    [
        {**TFSM, "registered_name": "keras_hub>BertBackbone"},
        {**TFSM, "registered_name": "TFSMLayer"},
        {**lambda_of(TFSM), "registered_name": "Lambda"},
        {"class_name": "Popen", "module": "subprocess", "registered_name": "Popen", "config": {}},
    ],
)
@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_other_classes(folder, named, file):
    change(folder / file, lambda described: described.update(named))
    refused(folder, rf"{file} is refused: it names .* which is no (Backbone|Tokenizer)")


def test_another_object_within(folder):
    change(folder / "config.json", lambda x: x["config"].update(dtype=lambda_of(TFSM)))
    refused(folder, r"config\.json is refused: .*Lambda")


def test_a_vocabulary_elsewhere(folder):
    change(folder / "tokenizer.json", lambda x: x["config"].update(vocabulary="/etc/hostname"))
    refused(folder, "vocabulary is taken from elsewhere")


def test_weights_that_are_described_and_not_there(folder):
    change(folder / "config.json", lambda x: x["config"].update(vocabulary_size=10**9))
    refused(folder, r"describes 128,\d{3},\d{3},\d{3} bytes of weights")


def test_weights_that_are_not_finite(folder):
    with h5py.File(folder / "model.weights.h5", "a") as file:
        names = []
        file.visit(lambda name: names.append(name) if name.endswith("vars/0") else None)
        file[names[0]][...] = np.nan
    refused(folder, r"model\.weights\.h5 is refused: .* holds NaN or infinity")


def on_hugging_face(folder, monkeypatch):
    """Stands for the Hub, which has the files of a folder."""
    from huggingface_hub.errors import EntryNotFoundError

    def download(repo_id, filename):
        if not (folder / filename).is_file():
            raise EntryNotFoundError(filename)
        return str(folder / filename)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    return "keras_hub:hf://somebody/preset"


def test_a_preset_of_a_hub_is_read(folder, monkeypatch):
    there = tl.backbones.get_text(f"keras_hub:{folder}")
    found = tl.backbones.get_text(on_hugging_face(folder, monkeypatch))
    for ours, theirs in zip(found.model.weights, there.model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert found.tokenizer == there.tokenizer


def test_a_preset_of_a_hub_passes_the_same_gate(folder, monkeypatch):
    change(folder / "config.json", lambda x: x["config"].update(dtype=lambda_of(TFSM)))
    with pytest.raises(RefusalError, match=r"config\.json is refused: .*Lambda"):
        tl.backbones.get_text(on_hugging_face(folder, monkeypatch))


def test_damaged_settings(folder):
    (folder / "config.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"config\.json is damaged"):
        tl.backbones.get_text(f"keras_hub:{folder}")
