"""Recordings are heard and seen in a report and in a notebook."""

import base64
import io
import re

import numpy as np
import pytest

import transferlearn as tl
from tests.sounds import RATE, backbone, tones, write
from transferlearn.edge.hearing import html_of_samples

soundfile = pytest.importorskip("soundfile")
Image = pytest.importorskip("PIL.Image")


def clips(page):
    """The recordings and pictures inside a page, in order."""
    sounds = re.findall(r"data:audio/wav;base64,([\w+/=]+)", page)
    pictures = re.findall(r"alt=.spectrogram.[^>]*base64,([\w+/=]+)", page)
    return (
        [soundfile.read(io.BytesIO(base64.b64decode(sound))) for sound in sounds],
        [np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))) for png in pictures],
    )


@pytest.fixture(scope="module")
def fitted():
    waves, labels = tones(24)
    builder = tl.AudioClassifierBuilder(backbone(RATE // 2), sample_rate=RATE, seed=0)
    return builder.fit((list(waves), labels), schedule="probe", verbose=0)


def test_a_report_lets_the_worst_mistakes_be_heard_first(fitted, tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    waves, labels = tones(8, seed=3)
    labels[2] = "high"  # said to be low
    folder = write(tmp_path / "test", waves, labels)
    page = tl.report(fitted, tmp_path / "report.html", folder).read_text("utf-8")
    assert "media-src data:" in page
    titles = re.findall(r"<h3>(\w+/\d\.wav[^<]*)</h3>", page)
    assert titles[0].startswith("high/2.wav, wrong: low")
    assert len(titles) == 6
    sounds, pictures = clips(page)
    np.testing.assert_allclose(sounds[0][0], waves[2], atol=1e-4)
    assert {rate for _, rate in sounds} == {RATE}
    # The darkest line of the first, from below, is the pitch of a low tone.
    pitch = (1 - pictures[0].mean(axis=1).argmin() / len(pictures[0])) * RATE / 2
    assert 300 < pitch < 500


def test_a_prediction_of_a_file_is_heard_in_a_notebook(fitted, tmp_path):
    waves, _ = tones(1)
    soundfile.write(tmp_path / "a.wav", waves[0], RATE)
    (found, rate), *others = clips(fitted.predict(tmp_path / "a.wav")._repr_html_())[0]
    assert not others
    assert len(found) / rate == pytest.approx(0.5)
    part = fitted.predict(f"{tmp_path / 'a.wav'}#t=0.1,0.3")._repr_html_()
    assert len(clips(part)[0][0][0]) == pytest.approx(0.2 * 16000, abs=1)
    assert "<audio" not in fitted.predict(waves[0])._repr_html_()
    (tmp_path / "a.wav").unlink()
    assert (
        "<audio"
        not in tl.edge.ClassPrediction(
            class_name="a",
            probability=1.0,
            probabilities={"a": 1.0},
            labels=("a",),
            path="gone.wav",
        )._repr_html_()
    )


def test_a_clip_is_short_and_not_beyond_full_scale():
    (clip, rate), *_ = clips(html_of_samples(np.full(10**7, 2, "float32"), 192_000))[0]
    assert rate == 192_000
    assert clip.nbytes / 8 * 2 <= 200_000
    assert 0.99 < clip.max() <= 1
    assert clips(html_of_samples(np.zeros(3, "float32"), 8000))[1][0].min() == 255
