"""Writes tables as text, and as HTML for notebooks."""

import html
from collections.abc import Collection, Sequence


def as_table(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """Writes rows of cells as lines of text, each column as wide as its widest cell.

    Args:
        rows: The cells of each line, the head first if there is one; all rows have as many cells.
        right: The numbers of the columns that are aligned to the right, counted from 0.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


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
            f'<{tag} style="text-align:{side}">{html.escape(str(cell))}</{tag}>'
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
