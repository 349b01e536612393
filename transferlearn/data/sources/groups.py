"""Finds the group of each item, such as its patient or its camera, which splits keep whole."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from transferlearn.data.listed import ByColumn, ByRow, Listed
from transferlearn.data.messages import indented
from transferlearn.data.targets.labels import is_missing
from transferlearn.wording import counted

Groups: TypeAlias = str | Callable[[str], object] | Sequence[object]
"""Finds which items belong together: a table's column, a function of a path, or a name for each."""


def as_groups(groups: object) -> Groups | None:
    """Checks `groups`, and gives a sequence as a tuple, so that settings can be compared.

    Raises:
        TypeError: It is neither a name, a function nor a sequence.
    """
    if groups is None or isinstance(groups, str) or callable(groups):
        return groups
    if not hasattr(groups, "__len__") or not hasattr(groups, "__iter__"):
        raise TypeError(
            "groups is the name of a table's column, a function that gives the name of a group for "
            f"a path, or for (x, y) a group for each item. Received: groups={groups!r:.80}"
        )
    return tuple(groups)


def with_groups(listed: Listed, groups: Groups | None) -> Listed:
    """Listed items with their groups; a table's column of groups is then no target any more.

    Raises:
        ValueError: The source does not hold such groups, or an item has none.
    """
    if groups is None:
        return listed
    origin = listed.origin
    if isinstance(groups, str):
        found = _column(listed, groups)
        assert isinstance(origin, ByColumn)
        origin = replace(
            origin, columns={key: cells for key, cells in origin.columns.items() if key != groups}
        )
    elif callable(groups):
        found = _of_paths(listed, groups)
    else:
        found = _given(listed, groups)
    missing = [listed.called(i) for i, group in enumerate(found) if is_missing(group)]
    if missing:
        raise ValueError(
            f"{counted(len(missing), listed.noun)} without a group. Give each one, if "
            f"need be a group of its own.{indented(missing)}"
        )
    return replace(listed, origin=origin, groups=[str(group) for group in found])


def _column(listed: Listed, name: str) -> Sequence[object]:
    """Returns the cells of a table's column."""
    origin = listed.origin
    if not isinstance(origin, ByColumn):
        raise ValueError(
            f"groups={name!r} names a column, and the {listed.noun}s come from no table. Pass a "
            "function that gives the name of a group for a path, or for (x, y) a group for each."
        )
    if name not in origin.columns:
        raise ValueError(
            f"{listed.what} has no column {name!r} to take groups from. "
            f"Received, besides the {listed.noun}s: columns {list(origin.columns)}"
        )
    cells = origin.columns[name]
    return cells if origin.places is None else [of_rows[0] for of_rows in cells]


def _of_paths(listed: Listed, name_of: Callable[[str], object]) -> Sequence[object]:
    """Calls the function with the path of each item."""
    if not listed.in_files:
        raise ValueError(
            f"groups is a function of a path, and these {listed.noun}s are no files. Name a "
            f"table's column, or pass for (x, y) a group for each. Received: groups={name_of!r}"
        )
    return [name_of(path) for path in listed.items]


def _given(listed: Listed, groups: Sequence[object]) -> Sequence[object]:
    """Returns groups that were passed one for each item of `(x, y)`."""
    if not isinstance(listed.origin, ByRow):
        raise ValueError(
            "A sequence of groups goes with (x, y). For a table name the column, for a folder pass "
            f"a function that gives the name of a group for a path. Received: {len(groups)} groups"
        )
    if len(groups) != len(listed):
        raise ValueError(
            f"There must be a group for each of {counted(len(listed), listed.noun)}. "
            f"Received: {len(groups)} groups"
        )
    return groups
