"""Warns of classes and labels that are allowed and are probably a mistake."""

import itertools
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from transferlearn.data.messages import indented, notice

_RARE = 10  # a class with so many times fewer items than another may be a slip in writing it
_MANY, _MANY_BROKEN = 20, 10  # different numbers, whole or not, that are hardly classes
_USUALLY = 5  # items at least that a class has on average
_SHORTEST = 3  # letters of a name: "a" and "b" are not written almost alike


def warn_of_unlabelled(values: np.ndarray) -> None:
    """Warns where one negative number among whole numbers from 0 on may mean "no label".

    Nothing is said of -1 and 1, which are two classes.
    """
    found = np.unique(values)
    if len(found) < 2 or not found[0] < 0 <= found[1] or found.tolist() == [-1, 1]:
        return
    lowest = int(found[0])
    count = int((values == lowest).sum())
    notice(
        f"{count} labels are {lowest}, and all others 0 or more. {lowest} often means 'not "
        "labelled', and here it is learnt as a class. Leave these items out, such as by "
        f"keep = y != {lowest}; (x[keep], y[keep]). If it is a class, name all of them: "
        f"class_names={[str(value) for value in found[:4]]}{'...' if len(found) > 4 else ''}."
    )


def doubt_numbers(column: str, cells: Sequence[object], noun: str) -> None:
    """Warns where a column of labels holds so many numbers that they are hardly classes.

    Args:
        column: The name of the column.
        cells: Its cells.
        noun: The word for one item in messages.
    """
    try:
        values = np.unique(np.asarray(cells).astype(float))
    except (TypeError, ValueError):
        return
    whole = bool((values == np.rint(values)).all())
    few_each = len(cells) < _USUALLY * len(values)
    many = len(values) > _MANY and few_each if whole else len(values) > _MANY_BROKEN
    if many or (not whole and 2 < len(values) == len(cells)):
        notice(
            f"The column {column!r} holds {len(values)} different numbers for {len(cells)} "
            f"{noun}s, and each of them is learnt as a class. To learn numbers, take "
            f"tl.ImageRegressorBuilder or tl.TextRegressorBuilder with target_names={column!r}."
        )


def warn_of_alike(counts: Mapping[str, float], noun: str) -> None:
    """Warns of pairs of classes whose names are written almost alike, such as "fod" and "food".

    Args:
        counts: The names of the classes, with how many items each has.
        noun: The word for one item in messages.
    """
    pairs = sorted(_alike(counts))
    if not pairs:
        return
    lines = [f"{a!r} ({counts[a]:g} {noun}s) and {b!r} ({counts[b]:g})" for a, b in pairs]
    notice(
        "Names of classes are written almost alike. If two of them are one class, rename a folder "
        f"or the labels; if not, nothing need be done.{indented(lines)}"
    )


def warn_of_conflicts(names: Sequence[str], hashes: Sequence[str], classes: Sequence[str]) -> None:
    """Warns of items with the same content and another class, of which one must be wrong.

    Args:
        names: The name of each item for messages.
        hashes: The hash of each item's content.
        classes: The class of each item, or its classes as one text.
    """
    rows = defaultdict(list)
    for row, content in enumerate(hashes):
        rows[content].append(row)
    lines = []
    for some in rows.values():
        firsts = sorted({classes[row]: row for row in reversed(some)}.values())
        if len(firsts) > 1:
            lines.append(" = ".join(f"{names[row]} ({classes[row]})" for row in firsts))
    if lines:
        notice(
            f"{len(lines)} times the same content has several classes, so that one of them cannot "
            f"be learnt and is always scored as an error. Keep one of each:{indented(lines)}"
        )


def _alike(counts: Mapping[str, float]) -> set[tuple[str, str]]:
    """Returns the pairs of names that differ in how they are written only, or in one letter."""
    plain = defaultdict(list)
    for name in counts:
        plain[_plain(name)].append(name)
    found = {pair for names in plain.values() for pair in itertools.combinations(names, 2)}
    # All forms of a name that lacks one letter: two names with one in common differ in one letter.
    lacking = defaultdict(set)
    for name in plain:
        for place in range(len(name)):
            if len(name) >= _SHORTEST and name[place].isalpha():
                lacking[name[:place] + name[place + 1 :]].add((place, name))
    for form, some in lacking.items():
        names = {(place, name) for place, name in some}
        for (place, one), (other_place, other) in itertools.combinations(sorted(names), 2):
            # Another letter in one place is a slip only where one class is rare: "cat" and "car".
            if one != other and place == other_place and _is_rare(counts, plain, one, other):
                found.add((plain[one][0], plain[other][0]))
        if form in plain and len(form) >= _SHORTEST:
            # One more in front makes another word, too: "shirt" and "tshirt".
            found |= {
                (plain[form][0], plain[name][0])
                for place, name in some
                if place or _is_rare(counts, plain, form, name)
            }
    return {(min(pair), max(pair)) for pair in found}


def _plain(name: str) -> str:
    """Returns a name without what people write now in one way and now in another."""
    if not any(map(str.isalpha, name)):  # the sign of a number means something
        return name
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in letters if not unicodedata.combining(c) and c not in " _-.")


def _is_rare(
    counts: Mapping[str, float], plain: Mapping[str, Sequence[str]], one: str, other: str
) -> bool:
    """Returns whether one of two names has many times fewer items than the other."""
    fewer, more = sorted(sum(counts[name] for name in plain[x]) for x in (one, other))
    return fewer * _RARE <= more
