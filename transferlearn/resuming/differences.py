"""Describes in what two descriptions of a run differ, item by item."""

from collections.abc import Iterator
from typing import Any

from transferlearn.types import Json

ITEMS = "items"  # the key of a list of `[name, hash]`, one for each item of a dataset
_MOST = 10  # items that are named one by one


def differences(then: Json, now: Json) -> list[str]:
    """Lists in words what differs between two descriptions; empty if they are equal."""
    return list(_differing(then, now, ""))


def _differing(then: Any, now: Any, name: str) -> Iterator[str]:
    """Yields a line for each part that differs; parts are named as in `data.train.count`."""
    if then == now:
        return
    if name.endswith(f".{ITEMS}") and isinstance(then, list) and isinstance(now, list):
        yield from _differing_items(then, now, name.removesuffix(f".{ITEMS}"))
    elif isinstance(then, dict) and isinstance(now, dict):
        for key in {**then, **now}:
            inner = f"{name}.{key}" if name else key
            yield from _differing(then.get(key), now.get(key), inner)
    else:
        yield f"{name}: it was {_short(then)}, and now it is {_short(now)}"


def _differing_items(then: list[Any], now: list[Any], name: str) -> Iterator[str]:
    """Yields a line for each item that is new, gone or changed, or one if the order is another."""
    before, after = {str(n): h for n, h in then}, {str(n): h for n, h in now}
    lines = [f"{name}: {item} is gone" for item in before if item not in after]
    lines += [f"{name}: {item} is new" for item in after if item not in before]
    lines += [
        f"{name}: {item} has changed, or its target or weight has"
        for item in before
        if item in after and before[item] != after[item]
    ]
    yield from lines[:_MOST]
    if len(lines) > _MOST:
        yield f"{name}: and {len(lines) - _MOST:,} more items"
    if not lines:
        yield f"{name}: the items come in another order"


def _short(value: Any) -> str:
    """Writes a value in at most some 80 characters."""
    text = "not set" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
