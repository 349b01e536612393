"""Folders of tokenizers that ask for something else than a tokenizer."""

import json

import pytest

pytest.importorskip("keras_hub")

from tests import texts
from transferlearn.backbones.keras_hub import HubTokenizer
from transferlearn.data.texts.tokenizer import load_tokenizer, save_tokenizer


@pytest.fixture
def folder(tmp_path):
    save_tokenizer(HubTokenizer(texts.tokenizer()), tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def refused(folder, message):
    with pytest.raises(ValueError, match=message):
        load_tokenizer(folder)


def change(folder, **changes):
    file = folder / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes))


def test_what_was_saved_is_read(folder):
    assert load_tokenizer(folder) == HubTokenizer(texts.tokenizer())


def test_other_classes(folder, tmp_path):
    pwned = tmp_path / "pwned"
    command = {
        "module": "subprocess",
        "class_name": "Popen",
        "config": {"args": ["touch", str(pwned)]},
    }
    for name in (None, "Popen", "keras_hub>BertBackbone", "transferlearn>SavedModelLayer", ["x"]):
        change(folder, **command, registered_name=name)
        refused(folder, r"tokenizer\.json is not what KerasHub wrote")
    assert not pwned.exists()


def test_the_class_is_by_name_whatever_module_is_written_beside_it(folder):
    change(folder, module="subprocess", class_name="Popen")
    assert load_tokenizer(folder) == HubTokenizer(texts.tokenizer())


def test_files_elsewhere_and_objects_within(folder, tmp_path):
    (tmp_path / "secret").write_text("1234")
    config = json.loads((folder / "tokenizer.json").read_text("utf-8"))["config"]
    change(folder, config={**config, "vocabulary": str(tmp_path / "secret")})
    refused(folder, "vocabulary is taken from elsewhere")
    layer = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {},
        "registered_name": None,
    }
    change(folder, config={**config, "split": layer})
    refused(folder, "split is another object")


@pytest.mark.parametrize("content", ["[" * 100_000, "{}", "[]", '{"class": ["os.system"]}', "\x00"])
def test_files_that_name_nothing(folder, content):
    whole = (folder / "class.json").read_text("utf-8")
    (folder / "class.json").write_text(content)
    refused(folder, "names no tokenizer|tokenizer of your own")
    (folder / "class.json").write_text(whole)
    (folder / "tokenizer.json").write_text(content)
    refused(folder, r"tokenizer\.json is not what KerasHub wrote")
