"""Reads files with annotations, which strangers may have written: of bounded size, in UTF-8."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from transferlearn.data.messages import indented, notice
from transferlearn.edge.folders import files_with, walk
from transferlearn.wording import counted

_MOST_BYTES = 2**24  # of one photo's annotations


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
