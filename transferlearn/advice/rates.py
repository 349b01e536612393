"""Finds a learning rate, by training a copy while the rate rises from step to step."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import keras
import numpy as np

from transferlearn.builders import Builder
from transferlearn.checks import whole
from transferlearn.data import LoadedData
from transferlearn.data.dataset import ItemDataset
from transferlearn.features import Cache
from transferlearn.plotting import write_figure
from transferlearn.progress import Stage, as_verbosity, obeys_verbose, stage, working
from transferlearn.randomness import random_states_kept
from transferlearn.schedules import OnePhase
from transferlearn.templates import copy_optimizer
from transferlearn.types import Optimizer, Source, Verbose

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Data: TypeAlias = Source | LoadedData | Iterable[object]
_Pace: TypeAlias = keras.optimizers.schedules.LearningRateSchedule

_MEMORY = 0.9  # share that the smoothed loss keeps at each step: it looks back about ten steps
_EXPLODED = 4.0  # the sweep ends where the smoothed loss is so many times its lowest value
_FIRST = 10  # steps whose rate is too small to change anything: their mean loss is the start
_BEGUN = 0.1  # share of the whole fall after which the valley begins


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RateSweep:
    """Holds the loss of each step while the learning rate rose from step to step.

    Attributes:
        rates: The rate of each step, `(steps,)`, evenly spaced on a logarithmic scale, up to where
            the loss exploded.
        losses: The loss of each step's batch, `(steps,)`.
    """

    rates: np.ndarray
    losses: np.ndarray

    def __repr__(self) -> str:
        outcome = f"suggestion={self.suggestion:.1e}" if self._fell else "the loss did not fall"
        return f"RateSweep({outcome}, {len(self.rates)} steps up to {self.rates[-1]:.1e})"

    @cached_property
    def smoothed(self) -> np.ndarray:
        """The running mean of the losses, `(steps,)`."""
        return _running_mean(self.losses)

    @property
    def suggestion(self) -> float:
        """The suggested rate, in the middle of those at which the loss falls (the valley).

        The valley goes from where a tenth of the fall is done to the lowest smoothed loss, and its
        middle is taken on a logarithmic scale.

        Raises:
            ValueError: The loss did not fall, so there is nothing to suggest.
        """
        return float(np.sqrt(self.rates[self._valley_begin] * self.rates[self._valley_end]))

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest.

        It depends on a single place of the curve, so it is less steady than `suggestion`.

        Raises:
            ValueError: The loss did not fall, so there is no such rate.
        """
        slopes = np.gradient(self.smoothed, np.log(self.rates))
        begin = self._valley_begin
        return float(self.rates[begin + np.argmin(slopes[begin : self._valley_end + 1])])

    def plot(self, path: str | Path) -> None:
        """Draws the loss against the rate, and marks the suggestion.

        Args:
            path: The file to write, such as `rates.png`.

        Raises:
            ImportError: matplotlib is not installed.
        """
        write_figure(path, self._draw)

    def _draw(self, figure: "Figure") -> None:
        axes = figure.add_subplot(xscale="log", xlabel="learning rate", ylabel="loss")
        axes.plot(self.rates, self.losses, ".", color="0.7", label="each step")
        axes.plot(self.rates, self.smoothed, label="smoothed")
        if self._fell:
            axes.axvline(self.suggestion, color="C1", label=f"suggestion: {self.suggestion:.1e}")
        # The explosion at the end would press the valley flat, so the axis ends above the valley.
        axes.set_ylim(top=1.1 * max(self.losses[0], self.smoothed[: self._valley_end + 1].max()))
        axes.legend()

    @property
    def _valley_end(self) -> int:
        return int(self.smoothed.argmin())

    @property
    def _valley_begin(self) -> int:
        """The step after which a tenth of the fall is done; `ValueError` without a fall."""
        if not self._fell:
            raise ValueError(
                "No learning rate made the loss fall by more than its noise. Look at the plot; "
                "larger batches or more steps make it less noisy, and a model that is trained "
                "already may have nowhere to fall."
            )
        falling = self.smoothed[: self._valley_end + 1]
        above = falling > self._start_loss - _BEGUN * (self._start_loss - falling[-1])
        return int(np.flatnonzero(above)[-1]) + 1 if above.any() else 0

    @property
    def _start_loss(self) -> float:
        return float(self.losses[:_FIRST].mean())

    @property
    def _fell(self) -> bool:
        """Returns whether the loss fell by more than three standard errors of its noise."""
        # The median step gives the spread of normal noise, even if a few steps are large.
        spread = np.median(np.abs(np.diff(self.losses))) / (0.6745 * math.sqrt(2))
        # The variance of the running mean's end, and that of the mean of the first steps. Three of
        # the errors, not two, since the lowest of many values is low by chance already.
        error = spread * math.sqrt((1 - _MEMORY) / (1 + _MEMORY) + 1 / _FIRST)
        return bool(self._start_loss - self.smoothed.min() > 3 * error)


@obeys_verbose
def find_learning_rate(
    builder_or_model: Builder | keras.Model,
    train: _Data,
    *,
    lowest: float = 1e-7,
    highest: float = 10.0,
    steps: int = 100,
    cache: str | bool | Cache = "auto",
    verbose: Verbose = "auto",
) -> RateSweep:
    """Suggests a learning rate, by training a copy while the rate rises from step to step.

    When to use it: before a long training, or where the loss hardly moves or explodes. It takes
    about as long as `steps` training steps; the output of frozen layers is stored, for `fit` too.

    The copy is thrown away. Builder, model, optimizer and all random states stay as they were, so
    what is trained next comes out the same. (A stream that you pass goes on after what was read.)

    Reference: [Cyclical learning rates](https://arxiv.org/abs/1506.01186), for the sweep.

    Args:
        builder_or_model: A builder, or a compiled `keras.Model`. A builder's `freeze` says which
            layers are trained during the sweep; augmentation is left out.
        train: What `fit` takes: for a builder any labelled data (a tenth is left aside, as in
            `fit`), for a model batches, or one tuple `(x, y)` or `(x, y, sample_weight)`.
        lowest: The first rate.
        highest: The last rate, if the loss does not explode before.
        steps: How many steps lead from the first rate to the last; data with fewer batches is read
            several times.
        cache: Whether the output of frozen layers is stored, as for `Builder.fit`.
        verbose: How progress is shown, as for `model.fit`: 0 nothing, 1 a bar, 2 lines.

    Returns:
        A `RateSweep` with `suggestion`, `steepest`, `rates`, `losses`, `plot(path)`.

    Raises:
        ValueError: Settings or data that cannot work, or a model that is not compiled.
        TypeError: A model that Keras cannot copy.

    Example:
        found = tl.find_learning_rate(builder, "photos")
        builder = dataclasses.replace(builder, learning_rate=found.suggestion)
    """
    if not isinstance(builder_or_model, (Builder, keras.Model)):
        raise TypeError(
            f"Expected a builder or a compiled keras.Model. Received: {builder_or_model!r}"
        )
    steps = whole("steps", steps, least=20)
    if not 0 < lowest < highest < math.inf:
        raise ValueError(
            f"Expected 0 < lowest < highest. Received: lowest={lowest!r}, highest={highest!r}"
        )
    pace = keras.optimizers.schedules.ExponentialDecay(lowest, steps - 1, highest / lowest)
    swept = stage("learning rates", steps, "step")
    with random_states_kept(), working(verbose), swept as shown:
        sweep = _Sweep(steps, shown)
        if isinstance(builder_or_model, Builder):
            _sweep_builder(builder_or_model, train, pace, sweep, cache=cache, verbose=verbose)
        else:
            _sweep_model(builder_or_model, train, pace, sweep, verbose=verbose)
    losses = np.array([loss for loss in sweep.losses if math.isfinite(loss)])
    if not losses.size:
        raise ValueError("The loss is not finite from the first step on, whatever the rate.")
    rates = lowest * (highest / lowest) ** (np.arange(len(losses)) / (steps - 1))
    return RateSweep(rates=rates, losses=losses)


def _sweep_builder(
    builder: Builder,
    train: _Data,
    pace: _Pace,
    sweep: "_Sweep",
    *,
    cache: str | bool | Cache,
    verbose: Verbose,
) -> None:
    """Trains the network of a builder with the rate that rises; `sweep` records the losses."""
    # Back to their defaults, which vary nothing; not every builder has these fields.
    changes: dict[str, Any] = {
        f.name: f.default for f in fields(builder) if f.name in ("augmentation", "views")
    }
    optimizer = _with_pace(builder.optimizer, pace)
    freeze = builder.freeze if builder.freeze is not None else getattr(builder.auto, "usual", None)
    changes |= {"optimizer": optimizer, "learning_rate": None, "freeze": freeze}
    builder = replace(builder, **changes)
    trained_on, held_out = builder.load(train, validation_split=0.0)
    epochs = sweep.steps  # enough for a stream of one batch; the sweep ends the training itself
    if isinstance(trained_on, ItemDataset):
        if held_out is None:  # as in `fit`, which so finds the features that are stored here
            trained_on, _ = trained_on.split(0.1, builder.seed)
        epochs = math.ceil(sweep.steps / math.ceil(len(trained_on.items) / builder.batch_size))
    # A builder's seed sets the backend's state too, which cannot be put back.
    with random_states_kept(builder.seed):
        training = replace(builder, seed=None).prepare(
            LoadedData(trained_on, None), schedule=OnePhase(), epochs=epochs, cache=cache
        )
        training = replace(training, data=replace(training.data, seed=builder.seed))
        training.run(callbacks=[sweep], verbose=verbose, reference=False)


def _sweep_model(
    model: keras.Model, train: _Data, pace: _Pace, sweep: "_Sweep", verbose: Verbose
) -> None:
    """Trains a copy of a model with the rate that rises; `sweep` records the losses."""
    if getattr(model, "optimizer", None) is None:
        raise ValueError("The model has no optimizer and loss yet: call model.compile(...) first.")
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile(_with_pace(model.optimizer, pace), model.loss, jit_compile=model.jit_compile)
    data: dict[str, object] = {"x": train}
    if isinstance(train, tuple):
        # Rows may be sorted by class, and Keras would shuffle by the backend's random state.
        order = np.random.default_rng(0).permutation(len(train[0]))
        parts = [np.asarray(part)[order] for part in train]
        data = dict(zip(("x", "y", "sample_weight"), parts, strict=False))
    copy.fit(
        **data, shuffle=False, epochs=sweep.steps, callbacks=[sweep], verbose=as_verbosity(verbose)
    )


def _with_pace(optimizer: Optimizer, pace: _Pace) -> keras.Optimizer:
    """Copies an optimizer, and gives the copy the rate that rises."""
    copy = copy_optimizer(optimizer, 1.0)
    copy.learning_rate = pace
    return copy


class _Sweep(keras.callbacks.ProgbarLogger):
    """Records each step's loss, and stops after the last step or where the loss explodes."""

    def __init__(self, steps: int, shown: Stage) -> None:
        super().__init__()  # Keras adds no bar of its own beside a `ProgbarLogger`
        self.steps, self._stage = steps, shown
        self.losses: list[float] = []
        self._mean = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._mean = 0.0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Does nothing, since the sweep goes on over all epochs."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # Keras gives the mean since the epoch began; the batch's own loss is computed from two.
        mean = float(logs["loss"])
        self.losses.append(self._mean + (batch + 1) * (mean - self._mean))
        self._mean = mean
        smoothed = _running_mean(np.array(self.losses))
        # Written with `not`, so that a loss of NaN counts as exploded.
        exploded = not smoothed[-1] <= _EXPLODED * smoothed.min()
        done = exploded or len(self.losses) == self.steps
        self._stage.advance()
        self._stage.logs = {"loss": smoothed[-1]}
        self.model.stop_training = done


def _running_mean(losses: np.ndarray) -> np.ndarray:
    """Returns the mean up to each step, weighted exponentially: the latest losses count most."""
    weights = _MEMORY ** np.arange(len(losses))
    sums = np.convolve(losses, weights)[: len(losses)]
    return sums / np.cumsum(weights)
