"""Adds the route by which OpenAI's clients have recordings written down."""

from typing import Any

from transferlearn.edge.recordings import seconds_of
from transferlearn.edge.transcripts import Transcript
from transferlearn.json_fields import Json
from transferlearn.serving.bodies import OPENAI_REFUSALS
from transferlearn.serving.errors import RequestRefusedError, bad, naming_item
from transferlearn.serving.models import Served

_FORMS = ("json", "text", "srt", "verbose_json", "vtt")
_KNOWN = ("file", "model", "response_format", "temperature", "language", "timestamp_granularities")
_FILE = {"type": "string", "format": "binary"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": _FILE,
                        "model": {"type": "string"},
                        "language": {"type": "string"},
                        "response_format": {"type": "string", "enum": list(_FORMS)},
                        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
                    },
                }
            }
        },
    }
}


def add_transcriptions(api: Any, server: Any) -> None:
    """Adds `/v1/audio/transcriptions` to a FastAPI application.

    Reference: [OpenAI's interface](https://platform.openai.com/docs/api-reference/audio).
    """
    from fastapi import Request
    from fastapi.responses import PlainTextResponse

    @api.post("/v1/audio/transcriptions", openapi_extra=_BODY, responses=OPENAI_REFUSALS)
    async def transcriptions(request: Request) -> Any:
        content, said = await _form(request)
        form = said.get("response_format", "json")
        if form not in _FORMS:
            raise bad(f"response_format is one of {', '.join(_FORMS)}. Received: {form!r:.80}")
        served = server.models.get(said.get("model"))
        options = _options(said, served)
        most = server.settings.most_pixels

        def compute() -> tuple[Transcript, float]:
            with naming_item(0, 1):
                served.runner.item_reader.check_size(content, most)
                return served.runner.transcriber(content, **options), seconds_of(content)

        transcript, seconds = await server.work.do(compute)
        if form in ("text", "srt", "vtt"):
            return PlainTextResponse(_plain(transcript, form))
        if form == "json":
            return {"text": transcript.text}
        return _verbose(transcript, seconds, served.runner.transcriber.language)


async def _form(request: Any) -> tuple[bytes, dict[str, str]]:
    """Returns the recording in a form, and what is said beside it."""
    from starlette.exceptions import HTTPException

    try:
        async with request.form() as form:
            said = {n.removesuffix("[]"): v for n, v in form.items() if isinstance(v, str)}
            file = form.get("file")
            content = b"" if file is None or isinstance(file, str) else await file.read()
    except HTTPException as error:
        raise bad(f"The form cannot be read: {error.detail!s:.100}") from error
    if not content:
        raise bad("The form has a recording as its file: send it as multipart/form-data.")
    if unknown := sorted(said.keys() - set(_KNOWN)):
        raise bad(f"This is not done here: {', '.join(unknown):.200}. Leave it out.")
    return content, said


def _options(said: dict[str, str], served: Served) -> Json:
    """Returns how tokens are chosen; refuses what the model cannot do."""
    transcriber = served.runner.transcriber
    if transcriber is None:
        raise RequestRefusedError(
            404, f"{served.name} writes no recordings down: serve a save of a recogniser."
        )
    if said.get("language", transcriber.language) != transcriber.language:
        hears = f"hears {transcriber.language!r}" if transcriber.language else "finds the language"
        raise bad(
            f"{served.name} {hears}: leave language out. "
            f"Received: language={said['language']!r:.80}"
        )
    if said.get("timestamp_granularities", "segment") != "segment":
        raise bad("Times are those of segments: leave timestamp_granularities out.")
    try:
        temperature = float(said.get("temperature", 0))
    except ValueError:
        temperature = -1.0  # refused below
    if not 0 <= temperature <= 1:
        raise bad(f"temperature is from 0 to 1. Received: {said['temperature']!r:.80}")
    return {"temperature": temperature, "seed": 0} if temperature else {}


def _plain(transcript: Transcript, form: str) -> str:
    """Returns a transcript as text or as subtitles."""
    return f"{transcript.text}\n" if form == "text" else str(getattr(transcript, form)())


def _verbose(transcript: Transcript, seconds: float, language: str) -> Json:
    """Returns a transcript with the times of its segments."""
    segments = [
        {"id": i, "start": one.start, "end": one.end, "text": one.text}
        for i, one in enumerate(transcript.segments)
    ]
    return {
        "task": "transcribe",
        "language": transcript.language or language,
        "duration": seconds,
        "text": transcript.text,
        "segments": segments,
    }
