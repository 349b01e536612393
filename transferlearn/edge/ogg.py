"""Finds Ogg files, of Vorbis or Opus, that are cut off: their decoders stop there silently."""

import os
from pathlib import Path

_MARK, _HEADER = b"OggS", 27  # bytes in front of a page's table of segments
_LARGEST = _HEADER + 255 + 255 * 255  # bytes of a page, see RFC 3533
_LAST = 4  # the bit that marks the last page of a stream


def is_cut_ogg(source: str | Path | bytes) -> bool:
    """Returns whether an Ogg file, or the content of one, ends before its last page does."""
    end = source[-_LARGEST:] if isinstance(source, bytes) else _end_of(Path(source))
    page = end[end.rfind(_MARK) :] if _MARK in end else b""
    if len(page) < _HEADER:
        return True
    segments = page[_HEADER : _HEADER + page[26]]
    return not page[5] & _LAST or len(page) < _HEADER + page[26] + sum(segments)


def _end_of(path: Path) -> bytes:
    """Returns the end of a file, which holds the beginning of its last page."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LARGEST))
        return file.read()
