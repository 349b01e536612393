"""The one printer of tables."""

from collections.abc import Collection, Sequence


def as_table(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """Writes rows of cells, each column as wide as its widest cell.

    Args:
        rows: The head, if any, and the lines, all of one length.
        right: Numbers of the columns that are aligned to the right, as numbers are.
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
