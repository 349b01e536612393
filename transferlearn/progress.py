"""Whether long work shows how far it is, and how."""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_silent: ContextVar[bool] = ContextVar("silent", default=False)


def is_silent() -> bool:
    """Says whether nothing is to be shown, since somebody passed `verbose=0`."""
    return _silent.get()


def redraws() -> bool:
    """Says whether a bar can be drawn over: in a terminal or a notebook, but in no pipe."""
    return not is_silent() and (sys.stdout.isatty() or "ipykernel" in sys.modules)


def obeys_verbose(function: Callable[P, R]) -> Callable[P, R]:
    """Makes a function with the keyword `verbose` show nothing at all where that is 0."""

    @functools.wraps(function)
    def obeying(*args: P.args, **kwargs: P.kwargs) -> R:
        with _silenced(kwargs.get("verbose") == 0):
            return function(*args, **kwargs)

    return obeying


def as_verbosity(verbose: Any) -> Any:
    """Chooses for `"auto"` what Keras takes: 1, a bar, where it can be redrawn, else 2."""
    return (1 if redraws() else 2) if verbose == "auto" else verbose


@contextlib.contextmanager
def _silenced(silent: bool) -> Iterator[None]:
    before = _silent.set(silent)
    try:
        yield
    finally:
        _silent.reset(before)
