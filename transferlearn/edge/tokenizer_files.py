"""Refuses a `tokenizer.json` of a stranger that would compute, or make texts grow, without end."""

import base64
import json
import re
from collections.abc import Iterator
from math import prod
from typing import Any

_MOST = 100  # times as long may a text become; the tables of SentencePiece make 33 bytes of one
_LONGEST_WORD = 1000  # characters that WordPiece cuts, in a time that grows as their cube
_STEPS = ("normalizer", "pre_tokenizer", "decoder")
_AFFIXES, _LIMIT = ("continuing_subword_prefix", "end_of_word_suffix"), "max_input_chars_per_word"
_BACK = re.compile(r"\\[1-9]|\\[kg]['<]|\(\?[(~&R]|\(\?P[=>]")  # what asks for an earlier match
# An escaped character, a class of characters, an opening of a group, its end, or a quantifier.
_PART = re.compile(
    r"(?P<escaped>\\.)|(?P<class>\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\])"
    r"|(?P<open>\((?:\?(?:<?[=!]|[>:]|[a-z-]+[:)]|<\w+>))?)|(?P<close>\))"
    r"|(?P<times>[*+?]|\{\d*,\d*\})|(?P<or>\|)",
    re.DOTALL,
)


def check_tokenizer(made: Any) -> None:
    """Refuses a tokenizer that only harm is done with.

    Regular expressions of some shapes take a time that doubles with each letter, and steps that
    replace a letter by many multiply with each other: the package tokenizers then ends the process.

    Args:
        made: The `tokenizers.Tokenizer`. What the package has read is looked at and not its file,
            in which the same can be written in several ways.

    Raises:
        ValueError: It computes without end, or makes texts too long.
    """
    for name in _STEPS:
        steps = _steps(getattr(made, name))
        for step in steps:
            _check_regex((step.get("pattern") or {}).get("Regex") or "")
        if prod(map(_growth, steps)) > _MOST:
            raise ValueError(f"its {name} makes texts more than {_MOST} times as long")
    for step in _steps(made.post_processor):
        if sum("Sequence" in part for part in step.get("single") or ()) > 1:
            raise ValueError("its post_processor repeats each text")
    affixes = (getattr(made.model, name, None) or "" for name in _AFFIXES)
    if max(map(len, affixes)) > _MOST or getattr(made.model, _LIMIT, 0) > _LONGEST_WORD:
        raise ValueError("its model compares more letters than words have")


def _steps(part: Any) -> list[dict[str, Any]]:
    """Returns all steps of a part of a tokenizer, with their settings."""
    return [] if part is None else list(_objects(json.loads(part.__getstate__())))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yields an object of JSON and all those within it that have a type."""
    if isinstance(value, list):
        for part in value:
            yield from _objects(part)
    elif isinstance(value, dict):
        if "type" in value:
            yield value
        for part in value.values():
            yield from _objects(part)


def _growth(step: dict[str, Any]) -> float:
    """Returns how many times as long a step may make a text."""
    if step["type"] == "Replace":
        least = len(step["pattern"].get("String", "x"))
        return max(1.0, len(step["content"]) / least if least else 1 + len(step["content"]))
    if step["type"] == "Prepend":
        return 1 + len(step["prepend"])
    if step["type"] == "ByteLevel":
        return 4  # bytes of a character
    if step["type"] == "Precompiled" and (table := step["precompiled_charsmap"]):
        content = base64.b64decode(table)
        tree = int.from_bytes(content[:4], "little")
        return max(map(len, content[4 + tree :].split(b"\0")), default=1)
    return 1


def _check_regex(pattern: str) -> None:
    """Refuses a regular expression in which what is repeated repeats itself, or has a choice."""
    loose = [False]  # whether each open group can match one text in several ways
    ended = False  # whether the group that has just ended can
    refused = bool(_BACK.search(pattern))
    for part in _PART.finditer(pattern):
        sort = part.lastgroup
        if sort == "open":
            loose.append(False)
        elif sort == "close" and len(loose) > 1:
            ended = loose.pop()
            loose[-1] |= ended
            continue
        elif sort == "or" and len(loose) > 1:
            loose[-1] = True
        elif sort == "times":
            refused |= ended and part.group() != "?"
            loose[-1] = True
        ended = False
    if refused:
        raise ValueError(f"its regular expression {pattern!r:.80} computes without end")
