"""Reads files with annotations, which strangers may have written: of bounded size, in UTF-8."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transferlearn.data.messages import indented, notice
from transferlearn.data.targets.labels import is_missing
from transferlearn.edge.folders import files_with, walk
from transferlearn.wording import counted

_MOST_BYTES = 2**24  # of one photo's annotations
_MOST_PIXELS = 2**31  # of a side


class AnnotationError(ValueError):
    """Is raised for a file with annotations that cannot be used; says why, without its path."""


def read_text(path: Path) -> str:
    """Reads a file of text.

    Raises:
        AnnotationError: It cannot be read, is no UTF-8, or is too large.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise AnnotationError(f"more than {_MOST_BYTES:,} bytes")
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnnotationError(f"no text in UTF-8 ({error})") from error
    except OSError as error:
        raise AnnotationError(f"unreadable: {error.strerror or error}") from error


def size_said(height: object, width: object) -> tuple[int, int] | None:
    """Returns the `(height, width)` of a photo that its annotations say.

    `None`: they do not say it. Some programs write 0 where they do not know it.

    Raises:
        AnnotationError: They say something that is no size.
    """
    sides = [_pixels(side) for side in (height, width)]
    if None in sides:
        raise AnnotationError(
            "width and height of a photo are whole numbers of pixels. "
            f"Received: {width!r:.40} and {height!r:.40}"
        )
    return (sides[0], sides[1]) if sides[0] and sides[1] else None


def _pixels(side: Any) -> int | None:
    """Returns a number of pixels, 0 where there is none, and `None` for what cannot be one."""
    if is_missing(side):
        return 0
    try:
        value = float(side)
    except (TypeError, ValueError, OverflowError):
        return None
    whole = 0 <= value <= _MOST_PIXELS and value == int(value) and not isinstance(side, bool)
    return int(value) if whole else None


def files_below(folder: Path, endings: Sequence[str]) -> list[Path]:
    """Returns all files below a folder with one of these endings, in a fixed order.

    There are none below a path that is no folder.
    """
    if not folder.is_dir():
        return []
    return [Path(path) for path in files_with(walk(folder, Counter()), endings, Counter())]


def say_lone(what: object, lone: Sequence[Path], noun: str, why: str) -> None:
    """Warns of files that have no partner."""
    if lone:
        named = indented([str(path) for path in lone])
        notice(f"{what}: {counted(len(lone), noun)} {why}:{named}")
