"""A server takes recordings as files of any format, and refuses what is none in a sentence."""

import base64
import io

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.serving.made import colours, pitches
from transferlearn.serving import Settings, app

soundfile = pytest.importorskip("soundfile")
pytestmark = pytest.mark.core


def tone(hertz=2000, seconds=0.5, rate=8000, **settings):
    """A file of one tone."""
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    file = io.BytesIO()
    soundfile.write(file, wave, rate, **{"format": "WAV", **settings})
    return file.getvalue()


@pytest.fixture(scope="module")
def client():
    with TestClient(app({"pitches": pitches()})) as made:
        yield made


def ask(client, content, media):
    return client.post("/predict", content=content, headers={"content-type": media})


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize(
    ("media", "settings"),
    [
        ("audio/wav", {}),
        ("audio/flac", {"format": "FLAC"}),
        ("audio/ogg", {"format": "OGG", "subtype": "VORBIS"}),
        ("audio/mpeg", {"format": "MP3"}),
        ("audio/ogg; codecs=opus", {"format": "OGG", "subtype": "OPUS"}),
        ("application/octet-stream", {}),
    ],
)
def test_files_of_every_format_are_answered(client, rate, media, settings):
    rate = 48000 if settings.get("subtype") == "OPUS" else rate
    for hertz, name in ((200, "low"), (2000, "high")):
        answer = ask(client, tone(hertz, rate=rate, **settings), media)
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"][0]["class_name"] == name


def test_forms_base64_and_samples_are_answered(client):
    high = tone()
    answers = [
        client.post("/predict", files=[("file", high), ("file", tone(200))]),
        client.post("/predict", json={"b64": base64.b64encode(high).decode()}),
        client.post("/predict", json={"instances": [[0.5, -0.5] * 2000]}),
    ]
    assert [one.status_code for one in answers] == [200] * 3
    names = [[one["class_name"] for one in answer.json()["predictions"]] for answer in answers]
    assert names == [["high", "low"], ["high"], ["high"]]


HALVES = np.stack([np.ones(99), -np.ones(99)], axis=1) / 2


@pytest.mark.parametrize(
    ("content", "media", "status", "said"),
    [
        (b"no recording", "audio/wav", 400, "it is no recording, or is damaged"),
        (b"", "audio/wav", 400, "it is no recording, or is damaged"),
        (tone(seconds=0), "audio/wav", 400, "it holds no samples"),
        (tone(), "video/mp4", 415, "content type 'video/mp4' is not known"),
        (b'{"text": "a.wav"}', "application/json", 400, "takes recordings. Received: a text"),
    ],
)
def test_what_is_no_recording_is_refused(client, content, media, status, said):
    answer = ask(client, content, media)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]


def test_channels_that_cancel_each_other_out_and_nan_are_refused(client):
    for samples, said in ((HALVES, "cancel each other out"), (np.full(99, np.nan), "NaN")):
        file = io.BytesIO()
        soundfile.write(file, samples, 8000, format="WAV", subtype="FLOAT")
        answer = ask(client, file.getvalue(), "audio/wav")
        assert answer.status_code == 400
        assert said in answer.json()["error"]


def test_a_small_file_of_hours_is_not_decoded():
    hour = io.BytesIO()
    soundfile.write(hour, np.zeros(3600 * 8000, "int16"), 8000, format="FLAC")
    assert len(hour.getvalue()) < 200_000
    with TestClient(app({"p": pitches()}, settings=Settings(most_pixels=320_000))) as client:
        answer = ask(client, hour.getvalue(), "audio/flac")
        assert answer.status_code == 400
        assert answer.json()["error"] == "A recording may have 10 seconds. It is longer"
        assert ask(client, tone(seconds=9.9), "audio/wav").status_code == 200


def test_the_media_types_are_described():
    with TestClient(app({"p": pitches(), "c": colours()})) as client:
        described = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    media = set(described["requestBody"]["content"])
    assert {"audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "image/png"} < media
