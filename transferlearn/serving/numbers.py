"""Reads numbers in headers and in the names of folders."""

_DIGITS = 18  # that every number here has at most; Python refuses to read thousands of them


def whole_number(text: str) -> int | None:
    """Returns the whole number that a text of plain digits says, or `None`.

    `int` also reads digits such as `²` or `٣`, or fails on them.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        return None
    return int(text)
