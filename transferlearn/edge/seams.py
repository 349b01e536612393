"""Joins the words of parts of a recording that overlap, so that none is lost or written twice."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from transferlearn.edge.transcripts import Segment

_WORDS, _MORE = 5.0, 3  # words a second that are looked at on both sides of a seam, and more


def joined(segments: Sequence[Segment]) -> list[Segment]:
    """Returns segments that do not overlap, with the words of each second once.

    Two texts go on into each other at the words on which they agree. What the first has behind
    them, and the second before them, was cut within a word. Where they agree on nothing, both stay.

    Args:
        segments: The segments in the order in which they begin.
    """
    found: list[Segment] = []
    for segment in segments:
        if found and found[-1].end > segment.start:
            before, segment = _parted(found.pop(), segment)
            found += [before] if before.text else []
        found += [segment] if segment.text else []
    return found


def _parted(first: Segment, second: Segment) -> tuple[Segment, Segment]:
    """Returns two segments that overlap as two that do not."""
    left, right = first.text.split(), second.text.split()
    most = round((first.end - second.start) * _WORDS) + _MORE
    ends, begins = _seam(list(map(_plain, left[-most:])), list(map(_plain, right[:most])))
    middle = (first.end + second.start) / 2
    return (
        replace(first, end=middle, text=" ".join(left[: len(left) - ends])),
        replace(second, start=middle, text=" ".join(right[begins:])),
    )


def _seam(left: list[str], right: list[str]) -> tuple[int, int]:
    """Returns how many words to leave out at the end of the first, and begin of the second."""
    best, found = 0, (0, 0)
    for i, j in product(range(len(left)), range(len(right))):
        same = 0
        while i + same < len(left) and j + same < len(right) and left[i + same] == right[j + same]:
            same += 1
        dropped = len(left) - i - same + j
        if same and 3 * same - dropped > best:
            best, found = 3 * same - dropped, (len(left) - i - same, j + same)
    return found


def _plain(word: str) -> str:
    """Returns a word in small letters, without what is no letter or digit."""
    return "".join(filter(str.isalnum, word.casefold()))
