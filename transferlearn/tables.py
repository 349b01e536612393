"""Writes tables as text."""

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
