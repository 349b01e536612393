"""Holds what is said in a recording, with times, and writes subtitles of it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

from transferlearn.edge.hearing import html_of_file
from transferlearn.tables import as_html


@dataclass(frozen=True)
class Segment:
    """Holds what is said in a part of a recording.

    Attributes:
        start: Where the part begins, in seconds.
        end: Where it ends, in seconds.
        text: What is said in it.
        language: The code of the language that is spoken in it, such as `"en"`.
    """

    start: float
    end: float
    text: str
    language: str = "en"


@dataclass(frozen=True)
class Transcript:
    """Holds what is said in a recording.

    Attributes:
        segments: Its parts, in order.
        path: The path of the file, if it is one.
    """

    segments: tuple[Segment, ...]
    path: str | None = None

    @property
    def text(self) -> str:
        """All that is said."""
        return " ".join(segment.text for segment in self.segments)

    @property
    def language(self) -> str:
        """The code of the language that is spoken longest; empty where nothing is said."""
        seconds = defaultdict[str, float](float)
        for segment in self.segments:
            seconds[segment.language] += segment.end - segment.start
        return max(seconds, key=seconds.__getitem__, default="")

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        """Returns what is said and when, for notebooks; the beginning of a file can be heard."""
        rows = [(_time(x.start, "."), _time(x.end, "."), x.text) for x in self.segments]
        return as_html([("from", "to", "text"), *rows], right=(0, 1)) + html_of_file(self.path)

    def srt(self) -> str:
        """Returns subtitles in the format SubRip."""
        return "".join(
            f"{i}\n{_time(x.start, ',')} --> {_time(x.end, ',')}\n{x.text}\n\n"
            for i, x in enumerate(self.segments, 1)
        )

    def vtt(self) -> str:
        """Returns subtitles in the format WebVTT."""
        parts = (
            # An arrow would be taken for a time, and a bracket for a mark.
            f"{_time(x.start, '.')} --> {_time(x.end, '.')}\n{_escaped(x.text)}\n\n"
            for x in self.segments
        )
        return f"WEBVTT\n\n{''.join(parts)}"


class Transcriber(Protocol):
    """Writes down recordings.

    Attributes:
        language: The code of the language that is spoken; empty where it is found.
    """

    language: str

    def __call__(self, item: object, **options: object) -> Transcript:
        """Writes down a recording, such as a file's content; `ValueError`: it cannot be read."""


def _time(seconds: float, point: str) -> str:
    """Writes a time as hours, minutes, seconds and thousandths."""
    whole = round(seconds * 1000)
    hours, minutes, rest = whole // 3_600_000, whole // 60_000 % 60, whole % 60_000
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _escaped(text: str) -> str:
    """Returns a text with the characters that WebVTT reads as marks in their place."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
