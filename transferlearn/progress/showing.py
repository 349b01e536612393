"""Opens the one bar of a piece of work, to which all that is called within it adds its stages."""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Literal, ParamSpec, TypeVar

from transferlearn.progress.display import Bar, Log
from transferlearn.progress.work import Stage, Work

_current: ContextVar[Work | None] = ContextVar("work", default=None)


def current() -> Work:
    """Returns the work that is being done; one that nobody sees if none was opened."""
    return _current.get() or Work()


@contextlib.contextmanager
def working(
    verbose: int | Literal["auto"] | None = None, *, expected: float | None = 0.0
) -> Iterator[Work]:
    """Shows the stages of all that is called meanwhile; within other work, as a part of that.

    What is expected of a part does not count: the work as a whole knows better.

    Args:
        verbose: As for `model.fit`: 0 shows nothing, 1 a bar, 2 a line for each epoch, and
            `"auto"` a bar or a line each 10 seconds, which can be read in a file. `None`: as
            `"auto"`, of functions whose callers may write results to standard output.
        expected: What all stages cost that tell a cost; `None`: it is not known yet.
    """
    outer = _current.get()
    if outer is not None and not is_silent():
        yield Work()
        return
    work = Work()
    work.expect(expected)
    before = _current.set(work)
    try:
        with _display(work, verbose):
            yield work
    finally:
        _current.reset(before)


def _display(
    work: Work, verbose: int | Literal["auto"] | None
) -> contextlib.AbstractContextManager[object]:
    """Returns what shows the work while it is open."""
    if is_silent() or verbose == 0:
        return contextlib.nullcontext()
    bar = redraws() if verbose in ("auto", None) else verbose != 2
    work.shows, work.shows_each = True, bar or verbose == 2
    if bar:
        return Bar(work, sys.stdout)
    return Log(work, sys.stderr if verbose is None else sys.stdout)


@contextlib.contextmanager
def stage(
    words: str, steps: float | None = None, unit: str = "", *, cost: float = 0.0
) -> Iterator[Stage]:
    """Shows one stage of the work that is being done; call its `advance` after each step.

    Args:
        words: What is done in this stage.
        steps: The number of its steps; `None`: it is not known.
        unit: What a step is, such as `"image"`, to show how many are done.
        cost: What a step costs, in the unit of `Work.expect`; 0: it is no part of that.
    """
    work = current()
    made, before = Stage(words, steps, unit, cost), work.stage
    work.begin(made)
    try:
        yield made
    finally:
        work.end(made, before)


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
