"""Turns strangers' strings into labels that can be drawn: short, plain, in fonts that have them."""

import contextlib
import functools
import unicodedata
from collections import Counter
from collections.abc import Sequence

from matplotlib import rcParams
from matplotlib.font_manager import (
    FontProperties,
    findfont,
    findSystemFonts,
    fontManager,
    get_font,
)

from transferlearn.data.messages import notice

_MISSING = "\N{WHITE SQUARE}"  # in the place of a letter that no font has
_CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")  # how the names of such letters begin
_GAP = "\N{HORIZONTAL ELLIPSIS}"
# Matplotlib's own font whose boxes stand for all letters; it warns of each.
_LAST_RESORT = "Last Resort"


def label(text: object, most: int = 24) -> str:
    """Makes a label of a string of any origin, such as the name of a class or of a file.

    Line breaks and other control characters are taken out, long strings lose their middle, letters
    that no installed font has become squares (once it is said which font to install), and `$`
    begins no formula.

    Args:
        text: The string.
        most: The greatest width in letters; Chinese, Japanese and Korean ones count twice.
    """
    words = "".join(c if c.isprintable() else " " for c in str(text)).split()
    short = _shortened(" ".join(words), most)
    shown = "".join(c if _font_of(c) is not None else _square(c) for c in short)
    return (shown or _MISSING).replace("$", r"\$")


def labels(texts: Sequence[object], most: int = 24) -> list[str]:
    """Makes labels of strings; those that would look alike get their number in front."""
    made = [label(text, most) for text in texts]
    often = Counter(made)
    return [f"{i}: {one}" if often[one] > 1 else one for i, one in enumerate(made)]


def fonts(text: str) -> list[str] | None:
    """The families of fonts that have all letters of a label; `None`: the usual one does."""
    found = [name for c in dict.fromkeys(text) if (name := _font_of(c))]
    return [*rcParams["font.family"], *dict.fromkeys(found)] if found else None


def _shortened(text: str, most: int) -> str:
    """Takes letters out of the middle until a text is no wider than `most`."""
    widths = [1 + (unicodedata.east_asian_width(c) in "WF") for c in text]
    if sum(widths) <= most:
        return text
    begin, end, width = 0, len(text), 1
    while True:  # the beginning tells a little more, so it comes first
        if width + widths[begin] > most:
            break
        begin, width = begin + 1, width + widths[begin]
        if width + widths[end - 1] > most:
            break
        end, width = end - 1, width + widths[end - 1]
    return text[:begin].rstrip() + _GAP + text[end:].lstrip()


@functools.cache
def _font_of(character: str) -> str | None:
    """Names a font that has a letter: `""` for the usual one, `None` where there is no font."""
    code = ord(character)
    if code in _letters(findfont(FontProperties())):
        return ""
    if (found := _family_with(code)) is None:
        _add_new_fonts()
        found = _family_with(code)
    return found


def _family_with(code: int) -> str | None:
    """Names a family of fonts that has a letter, of those that Matplotlib knows."""
    # Fonts without serifs go with the usual one.
    for font in sorted(fontManager.ttflist, key=lambda font: "Sans" not in font.name):
        if not font.name.startswith(_LAST_RESORT) and code in _letters(font.fname):
            return font.name
    return None


@functools.cache
def _add_new_fonts() -> None:
    """Adds fonts that were installed since Matplotlib listed them, which it does only once."""
    known = {font.fname for font in fontManager.ttflist}
    for path in findSystemFonts():
        if path not in known:
            with contextlib.suppress(Exception):  # as Matplotlib does: fonts break in many ways
                fontManager.addfont(path)


def _square(character: str) -> str:
    """Returns the square in the place of a letter, and says which font has such letters."""
    if unicodedata.category(character).startswith("L"):  # no font is sure to have all signs
        is_cjk = unicodedata.name(character, "").startswith(_CJK)
        _say_font(*(("Noto Sans CJK", "cjk") if is_cjk else ("Noto Sans", "core")))
    return _MISSING


@functools.cache
def _say_font(font: str, package: str) -> None:
    """Warns, once in a process, which font to install."""
    notice(
        f"Some names have letters that no installed font has: they are drawn as squares. Install "
        f"{font} (https://notofonts.github.io; on Debian: apt-get install fonts-noto-{package})."
    )


@functools.cache
def _letters(path: str) -> frozenset[int]:
    """Returns the numbers of the letters that a font has; none if its file cannot be read."""
    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
