"""Tells the ways of writing entities as tags apart, and turns all of them into IOB2.

Reference: Ratinov and Roth, [Design challenges](https://aclanthology.org/W09-1119).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from transferlearn.edge.words.tags import OUTSIDE

_OF_ENTITY = re.compile(r"([BIESLU])-(.+)")
_SAME = {"L": "E", "U": "S"}  # BILOU's letters for those of BIOES


def is_entity_tag(tag: str) -> bool:
    """Returns whether a tag is `O` or has the form `B-PER`."""
    return tag == OUTSIDE or _OF_ENTITY.fullmatch(tag) is not None


def scheme_of(rows: Iterable[Sequence[str]]) -> str:
    """Returns how tags are written: `"BIOES"`, `"IOB2"`, `"IOB1"`, or `"plain"` for others.

    Args:
        rows: The tags of each sentence. Most of those that are not `O` decide, so that a few
            damaged ones do not make plain tags of entities.
    """
    rows = list(rows)
    counts = Counter(tag for row in rows for tag in row if tag != OUTSIDE)
    tags = [tag for tag in counts if is_entity_tag(tag)]
    if sum(counts[tag] for tag in tags) * 2 <= counts.total():
        return "plain"
    if any(tag[0] in "ESLU" for tag in tags):
        return "BIOES"
    pairs = [pair for row in rows for pair in pairwise([OUTSIDE, *row]) if is_entity_tag(pair[1])]
    # IOB1 writes B- only where an entity stands right behind another of its type.
    begins = any(now[0] == "B" and before[2:] != now[2:] for before, now in pairs)
    goes_on = any(now[0] == "I" and before[2:] != now[2:] for before, now in pairs)
    return "IOB1" if goes_on and not begins else "IOB2"


def as_iob2(row: Sequence[str], scheme: str) -> list[str]:
    """Returns a sentence's tags in IOB2, or plain ones as they are.

    Raises:
        ValueError: They are no tags of this scheme; the message names the first wrong one. Its
            argument `place` is the number of that word.
    """
    if scheme == "plain":
        return list(row)
    written, before = [], OUTSIDE
    for place, tag in enumerate(row):
        letter, label = _parts(tag)
        problem = _problem(before, tag, scheme)
        if problem:
            raise WrongTagError(place, problem)
        same = before != OUTSIDE and _parts(before)[1] == label
        begins = letter in "BS" or (scheme == "IOB1" and not same)
        written.append(OUTSIDE if tag == OUTSIDE else f"{'B' if begins else 'I'}-{label}")
        before = tag
    if scheme == "BIOES" and _parts(before)[0] in "BI":
        raise WrongTagError(len(row) - 1, f"the entity of {before} has no end, which is E- or S-")
    return written


class WrongTagError(ValueError):
    """Is raised for a tag that cannot stand where it does.

    Attributes:
        place: The number of the word.
    """

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(problem)
        self.place = place


def _parts(tag: str) -> tuple[str, str]:
    """Returns the letter and the type of a tag; `("O", "")` for one outside of entities."""
    found = _OF_ENTITY.fullmatch(tag)
    if found is None:
        return OUTSIDE, ""
    letter, label = found.groups()
    return _SAME.get(letter, letter), label


def _problem(before: str, tag: str, scheme: str) -> str:
    """Explains why a tag cannot follow the one before it; empty if it can."""
    if not is_entity_tag(tag):
        return f"{tag!r:.40} is no tag of an entity, such as O, B-PER or I-PER"
    (last, of_last), (letter, label) = _parts(before), _parts(tag)
    if scheme == "IOB1":
        return ""
    if scheme == "BIOES":
        is_open = last in "BI" and last != OUTSIDE
        goes_on = letter in "IE" and label == of_last
        if is_open and not goes_on:
            return f"{tag} comes before the end of the entity of {before}"
        if letter in "IE" and not is_open:
            return f"{tag} begins inside an entity: B-{label} or I-{label} comes before it"
        return ""
    if letter == "I" and label != of_last:
        return f"{tag} begins inside an entity: B-{label} or I-{label} comes before it"
    return ""
