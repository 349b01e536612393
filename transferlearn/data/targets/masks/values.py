"""Tells the values of masks that are classes from those that are there by mistake."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from transferlearn.data.messages import indented, notice
from transferlearn.data.targets.masks.sources import VOID, Examined, MaskSource
from transferlearn.data.targets.masks.targets import listed, void_value
from transferlearn.wording import counted

BINARY = (0, 255)  # the values of masks that show one thing, drawn white on black
_MOST = 200  # classes; more values than that are a photo, or a smeared mask
_SMOOTH = 8  # more values than this that are nowhere two pixels thick come from smoothing
_FEW = 100  # a value in at most one of so many masks, or in one, may be a slip,
_TINY = 1e-3  # if it has a smaller share than this of all pixels, too
_LONGEST = 12  # names in a line to paste


@dataclass(frozen=True, eq=False)
class Census:
    """Counts which values masks have.

    Attributes:
        source: The masks.
        numbers: The numbers in `source` of those that can be used.
        examined: For each mask in `source` what was found out about it.
    """

    source: MaskSource
    numbers: Sequence[int]
    examined: Sequence[Examined]

    @cached_property
    def pixels(self) -> np.ndarray:
        """Counts the pixels of each value, int64 `(256,)`."""
        counts = (self.examined[i].pixels for i in self.numbers)
        return np.asarray(sum(counts, np.zeros(256, np.int64)))

    @cached_property
    def masks(self) -> np.ndarray:
        """Counts the masks that have each value, int64 `(256,)`."""
        shown = (self.examined[i].pixels > 0 for i in self.numbers)
        return np.asarray(sum(shown, np.zeros(256, np.int64)))

    @property
    def found(self) -> list[int]:
        """The values that there are, in order."""
        return np.flatnonzero(self.pixels).tolist()

    def of_few(self, value: int) -> bool:
        """Returns whether so few masks have a value that these may be broken."""
        return bool(self.masks[value] <= max(1, len(self.numbers) // _FEW))

    def slip(self, value: int) -> bool:
        """Returns whether a value is so rare that it may be a slip."""
        return self.of_few(value) and bool(self.pixels[value] < _TINY * self.pixels.sum())

    def lines(self, values: Sequence[int]) -> list[str]:
        """Names the masks that have any of these values, with the values of each."""
        found = []
        for i in self.numbers:
            if shown := [value for value in values if self.examined[i].pixels[value]]:
                count = counted(int(self.examined[i].pixels[shown].sum()), "pixel")
                found.append(f"{self.source.called(i)}: {listed(shown)} ({count})")
        return found

    def refuse_smooth(self, known: Sequence[int]) -> None:
        """Refuses masks with many values that only thin lines have, apart from known values.

        Where a mask is resized smoothly, between two values come others, in lines of one pixel.
        """
        thick: set[int] = set()
        for i in self.numbers:
            one = self.examined[i]
            thick.update(np.setdiff1d(np.flatnonzero(one.pixels), list(one.thin)).tolist())
        others = [value for value in self.found if value not in known]
        thin = [value for value in others if value not in thick]
        if len(thin) <= max(_SMOOTH, len(others) // 2):
            return
        raise ValueError(
            f"These masks have {len(thin)} values that are nowhere two pixels thick, such as "
            f"{listed(thin)}. Masks come to be like that where they are resized or drawn with "
            "smooth borders, or were JPEG files. Resize the first ones anew, by the nearest pixel, "
            "mask.resize(size, Image.Resampling.NEAREST); or, if they show one thing, "
            'mask.convert("L").point(lambda value: 255 * (value > 127)). If these are classes, '
            f"name all values from 0 on: class_names=[...]. The masks:{indented(self.lines(thin))}"
        )


def classes_by_value(
    census: Census, names: Sequence[str] | None, void: int | str | None
) -> tuple[tuple[int, ...], int | str | None]:
    """Returns the value of each class, and void, by the values that masks have.

    Args:
        census: The values.
        names: The names of the classes that have the values 0, 1, 2 and so on, or `None`.
        void: The value or the colour of void, or `None`.

    Raises:
        ValueError: It cannot be told which values are classes, or a class has no name.
    """
    empty = void_value(void)
    numbered = [i for i in range(len(names or ()) + 1) if i != empty][: len(names or ())]
    census.refuse_smooth([*numbered, *([] if empty is None else [empty])])
    others = [value for value in census.found if value not in BINARY]
    white = VOID in census.found and not isinstance(void, str)
    if white and all(map(census.slip, others)):
        if others and names is None:
            _refuse_unclear(census, others)
        if names is None or (len(names) == 2 and 1 not in others):
            return BINARY, None
    if names is not None:
        return tuple(numbered), void
    classes = [value for value in census.found if value != empty]
    if len(classes) > _MOST:
        raise ValueError(
            f"The masks have {len(classes)} different values, too many for ids of classes: were "
            "they resized or compressed? Name the classes to have others named: "
            'class_names=["background", "road"].'
        )
    if slips := [value for value in classes if census.slip(value)]:
        notice(
            "These values become classes, though hardly any pixel has them. If they are slips, "
            "mend the masks; or name the classes that there are, "
            f"class_names={_names_of(classes, slips)}, to have these masks left "
            f"out:{indented(census.lines(slips))}"
        )
    return tuple(classes), void


def refuse_unnamed(
    census: Census, values: Sequence[int], void: int | None, names: Sequence[str], *, fixed: bool
) -> None:
    """Refuses values that no class has, if more masks have them than a few broken ones.

    Args:
        census: The values that masks have.
        values: The value of each class.
        void: The value of void, or `None`.
        names: The names of the classes.
        fixed: Whether the classes are those of a trained model.
    """
    unknown = [value for value in census.found if value not in values and value != void]
    if not (many := [value for value in unknown if not census.of_few(value)]):
        return
    total = len(census.numbers)
    there = ", ".join(f"{value} in {census.masks[value]} of {total}" for value in many[:10])
    classes = ", ".join(f"{v} ({n})" for v, n in [*zip(values, names, strict=True)][:20])
    raise ValueError(
        f"Masks have values that no class has: {there} masks. Classes have {classes}. "
        f"{_fix(census, names, void, fixed=fixed)}"
        f"{indented(census.lines(many), 5)}"
    )


def _fix(census: Census, names: Sequence[str], void: int | None, *, fixed: bool) -> str:
    """Describes what to do about values without a name."""
    if fixed:
        return "A trained model gets no new classes: write these pixels as one of its own, or void."
    present = [value for value in census.found if value != void and not census.slip(value)]
    top = max(present) + 1
    if top > _LONGEST:
        return (
            "Names are those of the values 0, 1, 2 and so on: write masks with such values, or "
            f"leave class_names out, so that the {len(present)} values are the names."
        )
    shifted = 0 not in present and len(present) == len(names)  # ids that begin at 1
    line = ["unused", *names] if shifted else [*names]
    line += [str(i) for i in range(top) if i != void][len(line) :]
    return f"Name all of them: class_names={_quoted(line)}."


def _refuse_unclear(census: Census, others: Sequence[int]) -> None:
    """Refuses masks of 0 and 255 with a few other pixels, where 255 may be a thing or void."""
    top = [str(i) for i in range(min(max(others), _LONGEST) + 1)]
    raise ValueError(
        "These masks have 0 and 255, and hardly any other value, so 255 may be what is shown, or "
        "void. If it is what is shown, mend the masks below, or write "
        'class_names=["background", "foreground"] to have them left out; if it is void, name the '
        f"classes, such as class_names={_quoted(top)}:{indented(census.lines(others))}"
    )


def _names_of(classes: Sequence[int], slips: Sequence[int]) -> str:
    """Writes names for all values but slips, as they are pasted into code."""
    top = max(value for value in classes if value not in slips)
    return "[...]" if top >= _LONGEST else _quoted([str(i) for i in range(top + 1)])


def _quoted(names: Sequence[str]) -> str:
    """Writes names as a list in Python, with quotation marks."""
    return "[" + ", ".join('"' + name.replace('"', '\\"') + '"' for name in names) + "]"
