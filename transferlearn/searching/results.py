"""What a search found: its trials, the best builder, a table and a picture."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transferlearn.builders import Builder
from transferlearn.plotting import write_figure
from transferlearn.searching.space import Range, text
from transferlearn.tables import as_table

_STATES = ("complete", "pruned", "failed", "running")  # in the order of the table
_COLUMNS = 3  # of the picture
_LONGEST = 28  # characters of a label in the picture


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of a search.

    Attributes:
        number: From 0, in the order in which they began.
        state: `"complete"`, `"pruned"` (stopped early, as worse than the median of the others),
            `"failed"`, or `"running"` in another process.
        parameters: By name, the number that was tried, or the value or its label.
        score: The metric, of that epoch; `None` where there is none.
        epoch: Whose weights `fit` ended with, or the last before it was stopped, from 1; `None`
            where there is none.
        seconds: How long it took; `None` where it has not ended.
        reason: Why it failed, or empty.
    """

    number: int
    state: str
    parameters: dict[str, Any]
    score: float | None
    epoch: int | None
    seconds: float | None
    reason: str


def as_trial(frozen: Any) -> Trial:
    """Reads a trial of an Optuna study."""
    state, reason = frozen.state.name.lower(), frozen.user_attrs.get("reason", "")
    if state == "fail":
        reason = "its process ended"
    epoch = None if reason else frozen.user_attrs.get("epoch", frozen.last_step)
    score = frozen.intermediate_values.get(epoch, math.nan)
    return Trial(
        number=frozen.number,
        state="failed" if reason else state,
        parameters=frozen.params,
        score=score if math.isfinite(score) else None,
        epoch=None if epoch is None else epoch + 1,
        seconds=frozen.duration.total_seconds() if frozen.duration else None,
        reason=reason,
    )


def in_order(trials: list[Trial], *, minimise: bool) -> tuple[Trial, ...]:
    """Sorts trials: the best first, those that did not end well last."""

    def place(trial: Trial) -> tuple[int, float, int]:
        score = math.inf if trial.score is None else trial.score if minimise else -trial.score
        return _STATES.index(trial.state), score, trial.number

    return tuple(sorted(trials, key=place))


@dataclass(frozen=True, kw_only=True, repr=False)
class Search:
    """What `tl.search` found; printed, a table of all trials.

    Attributes:
        builder: The best one: `builder.fit(train, validation_data, **fit_options)` repeats its
            training.
        fit_options: What it was fitted with, besides the data.
        score: The metric of the model that gives.
        metric: What was searched for.
        trials: All of them, the best first.
        tried: By name, what was searched: a `Range`, or the labels of the values.
    """

    builder: Builder
    fit_options: dict[str, Any]
    score: float
    metric: str
    trials: tuple[Trial, ...]
    tried: dict[str, Range | list[Any]]

    def __str__(self) -> str:
        head = ("trial", *self.tried, self.metric, "epoch", "seconds", "state")
        lines = [head, *(self._cells(trial) for trial in self.trials)]
        of_numbers = [isinstance(tried, Range) for tried in self.tried.values()]
        is_right = [True, *of_numbers, *[True] * 3, False]
        return as_table(lines, right=[place for place, right in enumerate(is_right) if right])

    __repr__ = __str__

    def _cells(self, trial: Trial) -> tuple[str, ...]:
        return (
            str(trial.number),
            *(text(trial.parameters.get(name, "-")) for name in self.tried),
            "-" if trial.score is None else f"{trial.score:.4f}",
            "-" if trial.epoch is None else str(trial.epoch),
            "-" if trial.seconds is None else f"{trial.seconds:.1f}",
            trial.state + (f": {' '.join(trial.reason.split())}" if trial.reason else ""),
        )

    def plot(self, path: str | Path) -> None:
        """Draws how the best score grew, and the score against each parameter, into one file.

        Args:
            path: Of the picture; its ending says the format, such as `.png` or `.svg`.

        Raises:
            ImportError: Matplotlib is not installed (`pip install -e ".[plot]"`).
        """
        write_figure(path, self._draw)

    def _draw(self, figure: Any) -> None:
        rows = math.ceil((1 + len(self.tried)) / _COLUMNS)
        figure.set_size_inches(4.5 * _COLUMNS, 3.5 * rows)
        axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
        scored = [trial for trial in self.trials if trial.score is not None]
        self._plot_history(axes[0], scored)
        for axis, name in zip(axes[1:], self.tried, strict=False):
            self._plot_parameter(axis, name, scored)
        for axis in axes[1 + len(self.tried) :]:
            axis.axis("off")

    def _plot_history(self, axis: Any, scored: list[Trial]) -> None:
        _dots(axis, [trial.number for trial in scored], scored)
        complete = sorted(
            (trial for trial in scored if trial.state == "complete"), key=lambda t: t.number
        )
        places = [self.trials.index(trial) for trial in complete]
        best = [self.trials[min(places[: i + 1])].score for i in range(len(places))]
        axis.step([trial.number for trial in complete], best, where="post", label="best so far")
        axis.set(xlabel="trial", ylabel=self.metric)
        axis.legend()

    def _plot_parameter(self, axis: Any, name: str, scored: list[Trial]) -> None:
        tried = self.tried[name]
        values = [trial.parameters[name] for trial in scored]
        if isinstance(tried, Range):
            axis.set_xscale("log" if tried.log else "linear")
            axis.tick_params(axis="x", which="both", rotation=45)
            _dots(axis, values, scored)
            axis.set(xlabel=name, ylabel=self.metric)
        else:
            _dots(axis, [tried.index(value) for value in values], scored, sideways=True)
            axis.set_yticks(range(len(tried)), [text(value)[:_LONGEST] for value in tried])
            axis.set(xlabel=self.metric, title=name)


def _dots(axis: Any, values: list[Any], trials: list[Trial], *, sideways: bool = False) -> None:
    for state, colour in (("pruned", "lightgrey"), ("complete", "tab:blue")):
        chosen = [i for i, trial in enumerate(trials) if trial.state == state]
        scores = [trials[i].score for i in chosen]
        places = [values[i] for i in chosen], scores
        axis.scatter(*(reversed(places) if sideways else places), color=colour, label=state)
