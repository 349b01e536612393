"""Holds what a search found, the best builder and all trials, and shows it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transferlearn.builders import Builder
from transferlearn.plotting import write_figure
from transferlearn.searching.space import Label, Range, text
from transferlearn.tables import as_html, as_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from optuna.trial import FrozenTrial

_STATES = ("complete", "stopped", "pruned", "failed", "running")  # in the order of the table
_COLUMNS = 3  # plots side by side in the picture
_LONGEST = 28  # characters of a label in the picture


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Describes one training of a search.

    Attributes:
        number: The number of the trial, from 0, in the order in which trials began.
        state: `"complete"`, `"stopped"` (by the time limit), `"pruned"` (stopped early, as worse
            than the median of the others), `"failed"`, or `"running"` in another process.
        parameters: What was tried, by name: a number, a plain value, or the label of an object.
        score: The metric after `epoch`; `None` where there is none.
        epoch: The epoch, from 1, whose weights `fit` ended with, or the last one before the trial
            was stopped; `None` where there is none.
        seconds: The seconds that the trial took; `None` where it has not ended.
        reason: Why the trial failed, or what the time limit left out of it; else empty.
    """

    number: int
    state: str
    parameters: dict[str, Label]
    score: float | None
    epoch: int | None
    seconds: float | None
    reason: str


def as_trial(frozen: "FrozenTrial") -> Trial:
    """Makes a `Trial` of a trial of an Optuna study."""
    # Trials that failed with a reason are pruned ones for Optuna: it learns nothing of failed ones.
    state, reason = frozen.state.name.lower(), frozen.user_attrs.get("reason", "")
    left_out = frozen.user_attrs.get("left_out")
    if state == "fail" and not left_out:
        reason = "its process ended"
    epoch = None if reason else frozen.user_attrs.get("epoch", frozen.last_step)
    score = frozen.intermediate_values.get(epoch, math.nan)
    return Trial(
        number=frozen.number,
        state="failed" if reason else "stopped" if left_out else state,
        parameters=frozen.params,
        score=score if math.isfinite(score) else None,
        epoch=None if epoch is None else epoch + 1,
        seconds=frozen.duration.total_seconds() if frozen.duration else None,
        reason=f"without {left_out}" if left_out else reason,
    )


def in_order(trials: list[Trial], *, minimise: bool) -> tuple[Trial, ...]:
    """Sorts trials by state (complete ones first) and then by score, the best first."""

    def sort_key(trial: Trial) -> tuple[int, float, int]:
        score = math.inf if trial.score is None else trial.score if minimise else -trial.score
        return _STATES.index(trial.state), score, trial.number

    return tuple(sorted(trials, key=sort_key))


@dataclass(frozen=True, kw_only=True, repr=False)
class Search:
    """Holds what `tl.search` found; printed, it is a table of all trials.

    Attributes:
        builder: The best builder: `builder.fit(train, validation_data, **fit_options)` repeats its
            training.
        fit_options: The arguments that the best trial was fitted with, besides the data.
        score: The metric of the model that this training gives; where the time limit let no trial
            end, that of the best epoch until then.
        metric: The key of the history by which trials are compared.
        trials: All trials, the best first.
        tried: What was searched, by name: a `Range`, or the labels of the values.
    """

    builder: Builder
    fit_options: dict[str, Any]
    score: float
    metric: str
    trials: tuple[Trial, ...]
    tried: dict[str, Range | list[Label]]

    def __str__(self) -> str:
        return as_table(self._lines(), right=self._right())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Returns the table for notebooks."""
        return as_html(self._lines(), right=self._right())

    def _lines(self) -> list[tuple[str, ...]]:
        """Writes the table's cells, its head first."""
        head = ("trial", *self.tried, self.metric, "epoch", "seconds", "state")
        return [head, *(self._cells(trial) for trial in self.trials)]

    def _right(self) -> list[int]:
        """Returns the numbers of the columns that hold numbers."""
        of_numbers = [isinstance(tried, Range) for tried in self.tried.values()]
        is_right = [True, *of_numbers, *[True] * 3, False]
        return [place for place, right in enumerate(is_right) if right]

    def _cells(self, trial: Trial) -> tuple[str, ...]:
        """Writes a trial as a row of the table."""
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
            path: The file to write; its ending says the format, such as `.png` or `.svg`.

        Raises:
            ImportError: Matplotlib is not installed (`pip install -e ".[plot]"`).
        """
        write_figure(path, self._draw)

    def _draw(self, figure: "Figure") -> None:
        rows = math.ceil((1 + len(self.tried)) / _COLUMNS)
        figure.set_size_inches(4.5 * _COLUMNS, 3.5 * rows)
        axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
        scored = [trial for trial in self.trials if trial.score is not None]
        self._plot_history(axes[0], scored)
        for axis, name in zip(axes[1:], self.tried, strict=False):
            self._plot_parameter(axis, name, scored)
        for axis in axes[1 + len(self.tried) :]:
            axis.axis("off")

    def _plot_history(self, axis: "Axes", scored: list[Trial]) -> None:
        """Draws the score of each trial by its number, and the best score so far."""
        _dots(axis, [trial.number for trial in scored], scored)
        complete = sorted(
            (trial for trial in scored if trial.state == "complete"), key=lambda t: t.number
        )
        # `self.trials` begins with the best, so the smallest index so far is that of the best.
        places = [self.trials.index(trial) for trial in complete]
        best: list[Any] = [self.trials[min(places[: i + 1])].score for i in range(len(places))]
        axis.step([trial.number for trial in complete], best, where="post", label="best so far")
        axis.set(xlabel="trial", ylabel=self.metric)
        axis.legend()

    def _plot_parameter(self, axis: "Axes", name: str, scored: list[Trial]) -> None:
        """Draws the score against the values of one parameter."""
        tried = self.tried[name]
        values = [trial.parameters[name] for trial in scored]
        if isinstance(tried, Range):
            axis.set_xscale("log" if tried.log else "linear")
            axis.tick_params(axis="x", which="both", rotation=45)
            _dots(axis, values, scored)
            axis.set(xlabel=name, ylabel=self.metric)
        else:
            # Labels may be long: they stand beside the vertical axis, where they do not overlap.
            _dots(axis, [tried.index(value) for value in values], scored, sideways=True)
            axis.set_yticks(range(len(tried)), [text(value)[:_LONGEST] for value in tried])
            axis.set(xlabel=self.metric, title=name)


def _dots(
    axis: "Axes",
    values: Sequence[float | str | None],
    trials: list[Trial],
    *,
    sideways: bool = False,
) -> None:
    """Draws a dot for each trial, grey for pruned ones; `sideways`: the scores run across."""
    for state, colour in (("pruned", "lightgrey"), ("complete", "tab:blue")):
        chosen = [i for i, trial in enumerate(trials) if trial.state == state]
        scores = [trials[i].score for i in chosen]
        places = [values[i] for i in chosen], scores
        axis.scatter(*(reversed(places) if sideways else places), color=colour, label=state)
