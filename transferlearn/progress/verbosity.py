"""Decides whether work that takes long shows its progress, and how."""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Literal, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_silent: ContextVar[bool] = ContextVar("silent", default=False)


def is_silent() -> bool:
    """Returns whether nothing may be shown, since somebody passed `verbose=0`."""
    return _silent.get()


def redraws() -> bool:
    """Returns whether a progress bar may be shown and redrawn, as in a terminal or a notebook."""
    return not is_silent() and (sys.stdout.isatty() or "ipykernel" in sys.modules)


def obeys_verbose(function: Callable[P, R]) -> Callable[P, R]:
    """Wraps a function so that `is_silent()` holds while it runs with the keyword `verbose=0`."""

    @functools.wraps(function)
    def obeying(*args: P.args, **kwargs: P.kwargs) -> R:
        with _silenced(kwargs.get("verbose") == 0):
            return function(*args, **kwargs)

    return obeying


def as_verbosity(verbose: int | Literal["auto"]) -> int:
    """Turns `"auto"` into what Keras takes: 1, a bar, where it can be redrawn, and 2 elsewhere."""
    return (1 if redraws() else 2) if verbose == "auto" else verbose


@contextlib.contextmanager
def _silenced(silent: bool) -> Iterator[None]:
    """Makes `is_silent` give `silent` meanwhile."""
    before = _silent.set(silent)
    try:
        yield
    finally:
        _silent.reset(before)
