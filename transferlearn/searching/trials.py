"""Runs the trials of a search, one training after the other."""

import dataclasses
import gc
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from transferlearn import training
from transferlearn.builders import Builder
from transferlearn.data import LoadedData, Reading
from transferlearn.data.iterating import without_retracing_advice
from transferlearn.fitted import FittedModel
from transferlearn.searching.space import Label, Space, text
from transferlearn.searching.study import (
    PATIENCE,
    Abandoned,
    OptunaCallback,
    alive,
    end,
    optuna,
)
from transferlearn.types import Source, Verbose

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial, TrialState

_POLL = 1.0  # seconds between two looks at what other processes do


class _Watch(keras.callbacks.Callback):
    """Reports a metric after each epoch, and ends the trial if Optuna would prune it."""

    def __init__(self, metric: str, report: Callable[[int, float], bool]) -> None:
        super().__init__()
        self._metric = metric
        self._report = report
        self._goes_on = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        # Not at the end of an epoch: after its last epoch, a trial is complete, not pruned.
        if not self._goes_on:
            raise optuna().TrialPruned

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._metric not in logs:
            raise ValueError(f"Expected one of {', '.join(logs)}. Received: metric={self._metric}")
        if np.size(logs[self._metric]) != 1:
            raise ValueError(f"{self._metric} is not one number: {logs[self._metric]}")
        self._goes_on = self._report(epoch, float(logs[self._metric]))


class _WorksError(Exception):
    """Ends a training whose first epoch has ended: its builder works."""


class LoadedOnce:
    """Loads data once for each way in which the builders of a search read it.

    Args:
        train: The data to train on, as for `Builder.load`.
        validation_data: The data to validate on, as for `Builder.load`.
        options: Further arguments of `Builder.load`.
    """

    def __init__(
        self,
        train: Source | LoadedData,
        validation_data: Source | None,
        options: dict[str, Any],
    ) -> None:
        self._source = (train, validation_data)
        self._options = options
        self._loaded: dict[Reading, LoadedData] = {}

    def of(self, builder: Builder) -> LoadedData:
        """Returns the data as this builder reads it."""
        reading = builder.reading()
        if reading not in self._loaded:
            self._loaded[reading] = builder.load(*self._source, **self._options)
        return self._loaded[reading]


@dataclasses.dataclass(kw_only=True, eq=False)
class TrialRunner:
    """Runs the trials of one study.

    Attributes:
        study: The Optuna study.
        builder: The builder to begin with; what is not tried stays as it is here. Its seed is that
            of the search.
        space: What is tried.
        data: The data to train and to validate on.
        options: Arguments of `fit`, without those of loading.
        metric: The key of the history by which trials are compared.
        verbose: 0: nothing is printed; 2: what each `fit` prints; else a line for each trial.
        optuna_callbacks: Functions that are called with the study and each trial that has ended.
        limit: When the search has to end, or `None`.
    """

    study: "Study"
    builder: Builder
    space: Space
    data: LoadedOnce
    options: dict[str, Any]
    metric: str
    verbose: Verbose
    optuna_callbacks: Sequence[OptunaCallback] = ()
    limit: training.TimeLimit | None = None
    _stopped: bool = dataclasses.field(default=False, init=False)  # a trial, by the limit
    _builder_works: bool = dataclasses.field(default=False, init=False)

    @without_retracing_advice()
    def run(self, total: int) -> None:
        """Runs trials until this process and others have finished `total`, or time is up."""
        abandoned, waiting = Abandoned(self.study), False
        while True:
            known = self.study.get_trials(deepcopy=False)
            running = [trial for trial in known if trial.state == _states().RUNNING]
            abandoned.fail(running)
            finished = sum(map(_is_finished, known))
            if finished >= total:
                return
            if self._is_time_up(known):
                if self.verbose:
                    print(f"Left out by the time limit: {total - finished} of {total} trials.")
                return
            if finished + len(running) < total:
                self._enqueue_next(known, total)
                self._run_one(self.study.ask(), total)
                # Models refer to themselves in circles. `keras.utils.clear_session` freed nothing
                # more, and resets the user's global settings.
                gc.collect()
                continue
            if self.verbose and not waiting:
                print(
                    f"Waiting for {len(running)} of {total} trials, begun by other processes; one "
                    f"that gives no sign of life for {PATIENCE:g} s is taken for dead."
                )
            waiting = True
            time.sleep(_POLL)

    def _is_time_up(self, known: list["FrozenTrial"]) -> bool:
        """Returns whether no trial is expected to end in time; the first one begins anyway."""
        if self.limit is None or not any(trial.state.is_finished() for trial in known):
            return False
        took = [t.duration.total_seconds() for t in known if _is_finished(t) and t.duration]
        return self._stopped or self.limit.left() <= min(took, default=0.0)

    def _enqueue_next(self, known: list["FrozenTrial"], total: int) -> None:
        """Enqueues the first combination not tried yet, if `total` trials are enough for all.

        A combination whose process ended in the middle counts as not tried.
        """
        tried = [t.system_attrs.get("fixed_params") for t in known if t.state != _states().FAIL]
        for parameters in self.space.combinations(total):
            if parameters not in tried:
                self.study.enqueue_trial(parameters)
                return

    def _run_one(self, trial: "Trial", total: int) -> None:
        """Runs a trial, and tells Optuna how it ended, also where an error ends it."""
        known = self.study.get_trials(deepcopy=False)
        counted = [t for t in known[: trial.number] if _is_finished(t) or not t.state.is_finished()]
        state, score = _states().FAIL, None
        try:
            if len(counted) < total:  # else another process has just begun the last trial
                with alive(trial):
                    state, score = self._outcome(trial, known)
        except optuna().exceptions.UpdateFinishedTrialError:
            self._say_end("this process stood still, and another one took it for dead")
        finally:
            end(self.study, trial, state, score)
        ended = self.study.get_trials(deepcopy=False)[trial.number]
        for callback in self.optuna_callbacks:
            callback(self.study, ended)

    def _outcome(
        self, trial: "Trial", known: list["FrozenTrial"]
    ) -> tuple["TrialState", float | None]:
        """Trains a trial's builder, or repeats an equal trial; gives its state and score."""
        # A seed by number: processes draw differently, and a search can be repeated.
        seed = (self.builder.seed or 0) + trial.number
        self.study.sampler = optuna().samplers.TPESampler(seed=seed % 2**32)
        parameters = self.space.suggest(trial)
        self._say_begin(trial.number, parameters)
        earlier = next((t for t in known if t.params == parameters and _is_finished(t)), None)
        if earlier:
            self._say_end(f"as trial {earlier.number}")
            return _repeat(trial, earlier)
        values: dict[int, float] = {}

        def report(epoch: int, value: float) -> bool:
            """Reports the metric of an epoch to Optuna; says whether the trial should go on."""
            values[epoch] = value
            trial.report(value, epoch)
            return not trial.should_prune()

        fields, arguments = self.space.chosen(parameters)
        try:
            builder = dataclasses.replace(self.builder, **fields)
            fitted = self._fit(builder, report, **arguments)
            epoch = list(values)[fitted.epoch - 1]
            score = values[epoch]
            if not math.isfinite(score):
                raise ValueError(f"{self.metric} is {score} in the end")
            trial.set_user_attr("epoch", epoch)
        except optuna().TrialPruned:
            self._say_end(f"pruned after epoch {len(values)}")
            return _states().PRUNED, None
        except ValueError as error:
            self._check_builder()
            self._say_end(f"failed: {error}")
            trial.set_user_attr("reason", str(error))
            # Optuna learns from pruned trials to avoid their like, and nothing from failed ones.
            return _states().PRUNED, None
        if self.limit and (left_out := fitted.phases[-1].left_out):
            self._say_end(f"{self.metric} {score:.4f}, without {left_out}")
            trial.set_user_attr("left_out", left_out)
            self._stopped = True
            return _states().FAIL, None  # so that a later call trains it to its end
        self._say_end(f"{self.metric} {score:.4f}")
        return _states().COMPLETE, score

    def _fit(
        self, builder: Builder, report: Callable[[int, float], bool], **tried: object
    ) -> FittedModel:
        """Trains a builder with the options of the search, and reports each epoch's metric."""
        options = {"reference": False} | self.options | tried  # nobody watches a trial
        if self.limit:
            options["time_limit"] = max(1.0, self.limit.left())
        watching = [
            *training.as_callbacks(options.pop("callbacks", None)),
            _Watch(self.metric, report),
        ]
        return builder.fit(
            self.data.of(builder),
            callbacks=watching,
            verbose=self.verbose if self.verbose == 2 else 0,
            **options,
        )

    def _check_builder(self) -> None:
        """Raises the error of the builder as it was passed, if even that cannot train one epoch.

        It is trained once only, and not at all where a trial has succeeded already.
        """

        def works(epoch: int, value: float) -> bool:
            raise _WorksError

        known = self.study.get_trials(deepcopy=False)
        if self._builder_works or any(t.state == _states().COMPLETE for t in known):
            return
        with suppress(_WorksError):
            self._fit(self.builder, works)
        self._builder_works = True

    def _say_begin(self, number: int, parameters: dict[str, Label]) -> None:
        """Prints which trial begins, with which parameters, and leaves the line open."""
        if self.verbose:
            settings = ", ".join(f"{name}={text(value)}" for name, value in parameters.items())
            print(f"Trial {number}: {settings}: ", end="", flush=True)

    def _say_end(self, end: str) -> None:
        """Completes that line with how the trial ended."""
        if self.verbose:
            print(end, flush=True)


def _states() -> Any:
    """Returns Optuna's enumeration of the states of a trial."""
    return optuna().trial.TrialState


def _is_finished(trial: "FrozenTrial") -> bool:
    """Returns whether a trial counts; one that was cut short is `FAIL` and does not."""
    return trial.state in (_states().COMPLETE, _states().PRUNED)


def _repeat(trial: "Trial", earlier: "FrozenTrial") -> tuple["TrialState", float | None]:
    """Copies the results of an earlier trial with the same parameters, and gives its outcome.

    All trials begin with the same seed, so training once more would give the same.
    """
    for epoch, value in earlier.intermediate_values.items():
        trial.report(value, epoch)
    for name in {"reason", "epoch"} & earlier.user_attrs.keys():
        trial.set_user_attr(name, earlier.user_attrs[name])
    return earlier.state, earlier.value if earlier.state == _states().COMPLETE else None
