"""Writes down what is said in recordings of any length by a fitted model."""

from typing import Any

from transferlearn.data import Speech
from transferlearn.data.messages import check_on_error, indented, notice
from transferlearn.edge.recordings import RecordingError
from transferlearn.edge.speech import Hears, transcript_of
from transferlearn.edge.transcripts import Transcript
from transferlearn.fitted.trained import Trained
from transferlearn.tasks.writing.answering import Writes


def transcribed(
    fitted: Trained, recordings: object, on_error: str, options: dict[str, Any]
) -> Transcript | list[Transcript]:
    """Returns the transcript of one recording, or a list of those of several.

    Raises:
        TypeError: The model writes nothing down.
        ValueError: A recording cannot be read.
    """
    check_on_error(on_error)
    kind = fitted.kind
    writes = fitted.answerer(**options) if isinstance(kind, Speech) else None
    if not isinstance(kind, Speech) or not isinstance(writes, Writes):
        raise TypeError(
            f"A model of {fitted.encoding.name} writes nothing down of recordings: "
            "fitted.predict(...) answers items."
        )
    hears, reader = Hears(writes.begin, writes.writer), kind.item_reader()
    if reader.is_one(recordings):
        return transcript_of(hears, reader, recordings)
    given, found, skipped = reader.listed(recordings), list[Transcript](), list[str]()
    for item in given:
        try:
            found.append(transcript_of(hears, reader, item))
        except RecordingError as error:
            if on_error == "raise":
                raise
            skipped.append(str(error))
    if skipped:
        notice(f"Skipped {len(skipped)} of {len(given)} recordings:{indented(skipped)}")
    return found
