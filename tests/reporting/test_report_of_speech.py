"""Transcripts: the worst are found, heard, and put beside what was said, word by word."""

import numpy as np
import pytest

pytest.importorskip("jiwer")
pytest.importorskip("keras_hub")
pytest.importorskip("soundfile")
pytest.importorskip("soxr")
pytest.importorskip("tokenizers")

import soundfile

import transferlearn as tl
from tests import whispers
from transferlearn.edge.transcripts import Segment, Transcript
from transferlearn.edge.written import TextPrediction
from transferlearn.tasks.writing.figures import WritingScoring, packed


def evaluation(spoken, texts, right, nats=(1, 2, 3)):
    values = packed(texts, np.array(nats, float), np.ones(len(texts)))
    made = WritingScoring(40, spoken).measure(values, np.array(right, object))
    object.__setattr__(made, "targets", np.array(right, object))
    return made


def test_the_worst_texts_are_those_with_the_most_wrong_words():
    pytest.importorskip("matplotlib")
    texts, right = ["a b", "One two!", "x"], ["a c", "one two", "y z"]
    found = tl.plotting.mistakes(evaluation(True, texts, right))
    assert [one.item for one in found] == [2, 0]  # one differs by capitals and marks alone
    assert found[0].lines == ("wrote 'x'", "right 'y z'")
    pytest.importorskip("sacrebleu")
    found = tl.plotting.mistakes(evaluation(False, texts, ["a b", *right[1:]]))
    assert [one.item for one in found] == [2, 1]  # by how unlikely the right one is


def test_words_that_differ_are_marked_and_none_is_obeyed():
    pytest.importorskip("markupsafe")
    from transferlearn.reporting.differences import difference

    found = difference("we <b> met Brintok at noon", "we met bring talk at noon <i>")
    assert str(found) == (
        "we <del>&lt;b&gt;</del> met <del>Brintok</del> <ins>bring talk</ins> at noon "
        "<ins>&lt;i&gt;</ins>"
    )
    assert str(difference("a b", "a b")) == "a b"


def test_a_report_shows_and_plays_the_worst_utterances(tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    whisper = whispers.folder_of(tmp_path / "whisper")
    untouched = tl.SpeechRecognizerBuilder(whisper, seconds=1.0).pretrained()
    files = [str(tmp_path / f"{word}.wav") for word in whispers.SAID]
    for file, word in zip(files, whispers.SAID, strict=True):
        soundfile.write(file, whispers.tone(word), whispers.RATE)
    test = files, ["low", "mid", untouched.predict(files[2]).text]
    page = tl.report(untouched, tmp_path / "report.html", test).read_text("utf-8")
    assert "<del>low</del> <ins>" in page
    assert "<del>mid</del> <ins>" in page
    assert page.count("<del>") == 2  # the third is right
    assert page.count("<audio") == 3
    assert "word_error_rate" in page
    assert "was none: the network is as it came" in page
    with pytest.raises(ValueError, match="was not trained"):
        tl.diagnose(untouched)
    untouched.save(tmp_path / "model")
    assert (
        "pipeline_tag: automatic-speech-recognition" in (tmp_path / "model/README.md").read_text()
    )


def test_what_was_said_is_heard_in_notebooks(tmp_path):
    file = str(tmp_path / "low.wav")
    soundfile.write(file, whispers.tone("low"), whispers.RATE)
    for one in (TextPrediction(text="<b>", path=file), Transcript((Segment(0, 1, "<b>"),), file)):
        shown = one._repr_html_()
        assert shown.count("<audio") == 1
        assert "&lt;b&gt;" in shown
    assert "<audio" not in Transcript((Segment(0, 1, "low"),))._repr_html_()
