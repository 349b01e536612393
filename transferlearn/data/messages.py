"""Writes warnings, which point at the user's own line of code, and errors about bad items."""

import contextlib
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import NamedTuple

_LISTED = 20  # items that a message names


class DataWarning(UserWarning):
    """Warns of something in the data that is worth saying and is not an error.

    Silence it, or turn it into an error, with the `warnings` module:

    ```python
    warnings.filterwarnings("error", category=tl.data.DataWarning)
    ```
    """


class Skipped(NamedTuple):
    """Names an item that was left out (by its path or its place), and says why."""

    path: str
    reason: str


def notice(message: str) -> None:
    """Warns, with a `DataWarning` that points at the first caller outside this library."""
    depth, frame = 1, inspect.currentframe()  # `stacklevel=1` is this function itself
    while frame and frame.f_back and _is_ours(frame):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, DataWarning, stacklevel=depth)


def _is_ours(frame: FrameType) -> bool:
    """Returns whether a frame runs code of this library."""
    return frame.f_globals.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]


def indented(lines: Sequence[str], limit: int = 10) -> str:
    """Puts each of these texts on an indented line of its own, and counts those beyond `limit`."""
    more = [f"and {len(lines) - limit} more"] if len(lines) > limit else []
    return "".join(f"\n  {line}" for line in [*lines[:limit], *more])


def counts(ignored: Mapping[str, int]) -> str:
    """Writes how many files were not looked at, by ending: "2 .heic, 1 hidden"."""
    return ", ".join(f"{count} {ending}" for ending, count in sorted(ignored.items()) if count)


def report_skipped(
    what: str,
    skipped: Sequence[Skipped],
    *,
    count: int,
    noun: str,
    on_error: str,
    ignored: Mapping[str, int] | None = None,
) -> None:
    """Warns of items that are left out and files not looked at, or refuses the whole source.

    Args:
        what: The name of the source in messages.
        skipped: The items that cannot be used.
        count: How many items there are, those that cannot be used included.
        noun: The word for one item in messages, such as `"image"`.
        on_error: `"raise"` refuses a source with one such item, `"skip"` leaves the item out.
        ignored: How many files were not looked at: by ending, or `"hidden"`.

    Raises:
        ValueError: An item cannot be used and `on_error` is `"raise"`, or none can be used.
    """
    lines = [f"{name}: {reason}" for name, reason in skipped]
    ignored = ignored or {}
    if skipped and count == 1:
        raise ValueError(f"{skipped[0].path} cannot be used: {skipped[0].reason}.")
    if skipped and on_error == "raise":
        raise ValueError(
            f"{what}: {len(skipped)} of {count} {noun}s cannot be used. Repair or remove them, or "
            f'pass on_error="skip" to leave them out.{indented(lines, len(lines))}'
        )
    if skipped and len(skipped) == count:
        raise ValueError(f"{what} holds no {noun} that can be used.{indented(lines, _LISTED)}")
    # Every folder on a Mac has a hidden file: alone it is worth a count, not a warning.
    if skipped or any(number for ending, number in ignored.items() if ending != "hidden"):
        parts = []
        if skipped:
            parts.append(f"skipped {len(skipped)} of {count} {noun}s that cannot be used")
        if any(ignored.values()):
            parts.append(f"ignored {counts(ignored)}")
        notice(f"{what}: {'; '.join(parts)}{indented(lines, _LISTED)}")


def check_on_error(on_error: str) -> None:
    """Refuses any `on_error` but `"skip"` and `"raise"` with a `ValueError`."""
    if on_error not in ("skip", "raise"):
        raise ValueError(
            'on_error must be "skip" (leave bad items out and say so) or "raise". '
            f"Received: on_error={on_error!r}"
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hides all warnings, such as those of Pillow; use it in the main thread only."""
    # `catch_warnings` changes settings of the whole process.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
