"""Say what is not an error, pointing at the user's own line."""

import contextlib
import sys
import warnings
from collections.abc import Iterator, Mapping


class DataWarning(UserWarning):
    """Everything about the data that is worth saying and is not an error.

    Silence it, or turn it into an error, with the `warnings` module:

    ```python
    warnings.filterwarnings("error", category=tl.data.DataWarning)
    ```
    """


def notice(message: str) -> None:
    """Warn with `DataWarning`, attributed to the first caller outside the library."""
    depth, frame = 1, sys._getframe(0)
    package = __name__.partition(".")[0]
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, DataWarning, stacklevel=depth)


def listing(lines: list[str], limit: int) -> str:
    """Indented lines, at most `limit` of them written out."""
    more = [f"and {len(lines) - limit} more"] if len(lines) > limit else []
    return "".join(f"\n  {line}" for line in lines[:limit] + more)


def counts(ignored: Mapping[str, int]) -> str:
    """Files that were not looked at, by kind: "2 .heic, 1 hidden"."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(ignored.items()) if count)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep other libraries' warnings to themselves; for the main thread only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
