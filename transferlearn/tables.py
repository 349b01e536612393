"""Writes tables as text and as HTML, in which no cell can break its line or run as code."""

import html
import unicodedata
from collections.abc import Collection, Sequence

# Marks that turn the direction of what follows, so that "gpj.exe" can look like "exe.jpg".
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def as_table(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """Writes rows of cells as lines of text, each column as wide as its widest cell.

    Args:
        rows: The cells of each line, the head first if there is one; all rows have as many cells.
        right: The numbers of the columns that are aligned to the right, counted from 0.
    """
    seen = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*seen, strict=True)]
    lines = []
    for row in seen:
        cells = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - _width(cell))
            cells.append(space + cell if place in right else cell + space)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_html(
    rows: Sequence[Sequence[object]], *, right: Collection[int] = (), caption: str = ""
) -> str:
    """Writes rows of cells as a table in HTML; whatever a cell holds is shown as text.

    Args:
        rows: The cells of each line, the head first.
        right: The numbers of the columns that are aligned to the right, counted from 0.
        caption: A text above the table; empty for none.
    """

    def line(cells: Sequence[object], tag: str) -> str:
        sides = ("right" if place in right else "left" for place in range(len(cells)))
        written = (
            f'<{tag} style="text-align:{side};padding:.15em .8em">{html.escape(str(cell))}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )
        return f"<tr>{''.join(written)}</tr>"

    head, *body = rows
    above = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    lines = "".join(line(cells, "td") for cells in body)
    return f"<table>{above}<thead>{line(head, 'th')}</thead><tbody>{lines}</tbody></table>"


def as_paragraph(text: str) -> str:
    """Writes a text as a paragraph in HTML, as it is."""
    return f"<p>{html.escape(text)}</p>"


def visible(text: str) -> str:
    r"""Writes characters that steer a terminal as Python does, such as `\n` and `\x1b`.

    The name of a file can hold any character but a slash: with a line break in it, it would forge a
    line of the result.
    """
    return "".join(c.encode("unicode_escape").decode() if _steers(c) else c for c in text)


def _steers(character: str) -> bool:
    """Returns whether a character is no letter but an order to whatever shows it."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in _TURNS


def _width(text: str) -> int:
    """Counts the columns that a text takes in a terminal: two for each Chinese character."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
