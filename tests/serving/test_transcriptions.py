"""OpenAI's clients have recordings written down by a server."""

import pytest
from starlette.testclient import TestClient

from tests.serving.made import pitches
from tests.serving.test_recordings_sent import tone
from transferlearn.edge.transcripts import Segment, Transcript
from transferlearn.serving import app

pytest.importorskip("soundfile")
pytestmark = pytest.mark.core


class Says:
    """Says of each recording how long its file is."""

    language = "en"

    def __call__(self, content, **options):
        self.options = options
        return Transcript((Segment(0.5, 1.25, "so many:"), Segment(2, 3, f"{len(content)}")))


@pytest.fixture(scope="module")
def says():
    return Says()


@pytest.fixture(scope="module")
def client(says):
    runner = pitches()
    runner.transcriber = says
    with TestClient(app({"scribe": runner, "pitches": pitches()})) as made:
        yield made


def ask(client, file=None, **said):
    files = {"file": ("talk.wav", tone() if file is None else file, "audio/wav")}
    return client.post("/v1/audio/transcriptions", files=files, data={"model": "scribe"} | said)


def test_every_form_is_answered(client, says):
    text = f"so many: {len(tone())}"
    assert ask(client).json() == {"text": text}
    assert ask(client, response_format="text").text == f"{text}\n"
    assert "00:00:00,500 --> 00:00:01,250\nso many:" in ask(client, response_format="srt").text
    assert ask(client, response_format="vtt").text.startswith("WEBVTT")
    found = ask(client, response_format="verbose_json", temperature="0.5", language="en").json()
    assert found["duration"] == 0.5
    assert found["segments"][1] == {"id": 1, "start": 2, "end": 3, "text": text.split()[-1]}
    assert (found["task"], found["language"], found["text"]) == ("transcribe", "en", text)
    assert says.options == {"temperature": 0.5, "seed": 0}


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        ({"model": "whisper-1"}, 404, "There is no model 'whisper-1'; there are scribe, pitches."),
        ({"model": "pitches"}, 404, "pitches writes no recordings down"),
        ({"response_format": "xml"}, 400, "response_format is one of json, text, srt"),
        ({"language": "de"}, 400, "scribe hears 'en': leave language out. Received: language='de'"),
        ({"temperature": "hot"}, 400, "temperature is from 0 to 1. Received: 'hot'"),
        ({"timestamp_granularities[]": "word"}, 400, "Times are those of segments"),
        ({"prompt": "names"}, 400, "This is not done here: prompt."),
        ({"file": b""}, 400, "The form has a recording as its file"),
        ({"file": b"no recording"}, 400, "it is no recording, or is damaged"),
    ],
)
def test_what_cannot_be_done_is_said(client, said, status, why):
    answer = ask(client, **said)
    assert answer.status_code == status
    assert why in answer.json()["error"]["message"]
