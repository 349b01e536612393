"""Defines an object of JSON, and checks what it says of the fields of a dataclass."""

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

Json: TypeAlias = dict[str, Any]
"""An object of JSON: plain values, lists and such objects by their names."""

_LARGEST = 2**53  # from here on, JSON's numbers skip some that are whole
_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "a text",
    type(None): "null",
    dict: "an object",
    tuple: "a list",
}


class FieldError(ValueError):
    """Raised where a field of a file is wrong; the message names it."""


def check_fields(made: type, said: object, *, where: str = "", whole: bool = True) -> None:
    """Raises `FieldError` where a JSON object does not fit the fields of a dataclass.

    Only types that JSON has are checked: of a field that is an object of another class, nothing.

    Args:
        made: The dataclass.
        said: The values by the names of the fields.
        where: The place of the object in its file, for messages.
        whole: Whether all fields without a default must be there, and no other names.
    """
    if not isinstance(said, Mapping):
        raise FieldError(f"{where or 'it'} is no object, but {said!r:.60}")
    known = {field.name: field for field in fields(made) if field.init}
    prefix = f"{where}." if where else ""
    if whole:
        for name, field in known.items():
            has_default = field.default is not MISSING or field.default_factory is not MISSING
            if name not in said and not has_default:
                raise FieldError(f"{prefix}{name} is missing")
        if unknown := [name for name in said if name not in known]:
            raise FieldError(f"{prefix}{unknown[0]:.60} is not known")
    hints = get_type_hints(made)
    for name in known:
        if name in said and not fits(said[name], hints[name]):
            words = _in_words(hints[name])
            raise FieldError(f"{prefix}{name} is {words}, and not {said[name]!r:.60}")


def fits(value: object, hint: object) -> bool:
    """Returns whether a value of JSON fits a type; a list fits a tuple, and NaN no number."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        return isinstance(value, (list, tuple)) and _fit_each(value, inner)
    if origin is list:
        return isinstance(value, list) and all(fits(one, inner[0]) for one in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, dict) and all(fits(one, inner[1]) for one in value.values())
    if hint is float:
        return type(value) in (int, float) and _is_finite(value)
    if hint is int:
        return type(value) is int and abs(value) < _LARGEST
    return type(value) is hint if hint in (bool, str, type(None)) else True


def _is_finite(value: Any) -> bool:
    """Returns whether a number is finite as a float; a whole number may be too large for one."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _fit_each(values: list[object] | tuple[object, ...], hints: tuple[object, ...]) -> bool:
    """Returns whether the values of a list fit the types of a tuple."""
    if len(hints) == 2 and hints[1] is Ellipsis:
        return all(fits(value, hints[0]) for value in values)
    return len(values) == len(hints) and all(map(fits, values, hints))


def _in_words(hint: object) -> str:
    """Writes a type as a reader of JSON would."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(map(_in_words, inner))
    if origin is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    if origin in (tuple, list) and inner:
        kinds = dict.fromkeys(_in_words(one) for one in inner if one is not Ellipsis)
        count = "" if Ellipsis in inner or origin is list else f"{len(inner)} times "
        return f"a list of {count}{', '.join(kinds)}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _WORDS[dict]
    return _WORDS.get(hint, "another value")
