"""Turns descriptions of saves in format 1, which earlier versions wrote, into format 2.

Format 1 told only in sentences how a head was solved, and what was stored.
"""

import ast
import re
from typing import Any

from transferlearn.types import Json

# The sentences of format 1 about a solved head and about stored features.
_SOLVED = re.compile(
    r"solved on (?P<items>[\d,]+) items(?: of (?P<seen>[\d,]+))?, (?P<features>[\d,]+) features: "
    r"cross-validated accuracy (?P<score>[\d.]+) with the L2 strength (?P<strength>[\d.e+-]+)"
    r"(?:; on all (?P<again>[\d,]+))?"
)
_STORED = re.compile(
    r"computed once up to (?P<cut>.+): (?:(?P<computed>[\d,]+) of |all )(?P<items>[\d,]+) items"
    r"(?: found)?, (?P<megabytes>[\d,.]+) MB in (?P<where>.+); saves (?P<saves>\d+)%"
)
_SINCE = "the head takes gradient steps, since "


def as_format_2(saved: Json) -> Json:
    """Gives a description in format 2; one that has this format already stays as it is."""
    if saved["format"] != 1:
        return saved
    outline = dict(saved.pop("outline"))
    names = saved.pop("class_names")
    is_text = outline.get("sequence_length") is not None
    several = outline.pop("multi_label")
    activation = outline.pop("activation")
    images = {name: outline.pop(name) for name in ("image_size", "value_range")}
    images["interpolation"] = outline.pop("interpolation", "bilinear")
    texts = {
        "sequence_length": outline.pop("sequence_length", None),
        "long_texts": outline.pop("long_texts", "truncate"),
    }
    outline["baseline"] = outline.pop("majority", None)
    outline["settings"] = {
        name: _config(text) for name, text in outline.get("settings", {}).items()
    }
    return {
        **saved,
        "kind": {
            "name": "texts" if is_text else "images",
            "settings": texts if is_text else images,
        },
        "task": {
            "name": "tags" if several else "classes",
            # A model of two classes may have one unit; `ClassEncoding.values` looks at its outputs.
            "settings": {"class_names": names, "activation": activation, "units": len(names)},
        },
        "outline": outline,
        "phases": [_phase(dict(phase)) for phase in saved["phases"]],
    }


def _phase(phase: Json) -> Json:
    """Turns the sentences that describe a phase into data."""
    head, cache = phase.pop("head", ""), phase.pop("cache", "")
    solved, stored = _SOLVED.match(head), _STORED.match(cache)
    phase["solved"] = solved and _solved(solved)
    phase["not_solved"] = "" if solved else head.removeprefix(_SINCE)
    phase["stored"] = stored and _stored(stored)
    phase["not_stored"] = "" if stored else cache.removeprefix("nothing is stored: ")
    return phase


def _solved(found: re.Match[str]) -> Json:
    """Turns the sentence about a solved head into the fields of `SolvedHead`."""
    items = _whole(found["items"])
    return {
        "items": items,
        "seen": _whole(found["seen"]) if found["seen"] else items,
        "features": _whole(found["features"]),
        "score_name": "accuracy",
        "score": float(found["score"]),
        "strength": [float(found["strength"])],
        "items_again": _whole(found["again"]) if found["again"] else None,
    }


def _stored(found: re.Match[str]) -> Json:
    """Turns the sentence about stored features into the fields of `StoredPart`."""
    return {
        "cut": found["cut"],
        "items": _whole(found["items"]),
        "computed": _whole(found["computed"] or "0"),
        "nbytes": round(float(found["megabytes"].replace(",", "")) * 1e6),
        "where": found["where"],
        "saves": int(found["saves"]) / 100,
    }


def _whole(text: str) -> int:
    """Reads a whole number with commas between thousands."""
    return int(text.replace(",", ""))


def _config(text: str) -> Any:
    """Turns the repr of a setting into the data that `transferlearn.configs` writes for it."""
    try:
        expression = ast.parse(text, mode="eval").body
        if not isinstance(expression, ast.Call):
            return ast.literal_eval(expression)
        settings = {str(part.arg): ast.literal_eval(part.value) for part in expression.keywords}
    except (
        SyntaxError,
        ValueError,
        RecursionError,
        MemoryError,
    ):  # the repr of an object that no config describes
        return {"class": text}
    name = ast.unparse(expression.func)
    return {"class": f"transferlearn.{name}", "settings": settings}
