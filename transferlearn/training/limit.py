"""Ends a training in time, where its time is limited."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import keras

from transferlearn.checks import number
from transferlearn.training.recording import Recorder
from transferlearn.training.stand_in import EpochBatches
from transferlearn.types import Logs

_FOR_THE_END = 0.03  # share of the time, for the reference that is measured in the end


class OutOfTimeError(Exception):
    """Ends the pass over frozen layers of a phase that can be left out."""


@dataclass
class TimeLimit:
    """Knows how long a training may go on.

    Attributes:
        seconds: The seconds that all of the work may take.
        begun: When the work began, by the monotonic clock; by default now.
        afterwards: The seconds that are kept for what comes after the training, such as saving.
    """

    seconds: float
    begun: float = field(default_factory=lambda: monotonic())
    afterwards: float = 0.0

    def __post_init__(self) -> None:
        number("time_limit", self.seconds, above=0, hint=" of seconds, such as 600")

    @classmethod
    def of(cls, time_limit: "float | TimeLimit | None") -> "TimeLimit | None":
        """Returns a limit that begins now, one that began earlier as it is, or `None`.

        Raises:
            ValueError: It is no number above 0.
        """
        made = time_limit is None or isinstance(time_limit, TimeLimit)
        return time_limit if made else cls(time_limit)  # type: ignore[return-value,arg-type]

    def left(self) -> float:
        """Returns the seconds until training has to end, so that the rest is done in time."""
        return (1 - _FOR_THE_END) * self.seconds - self.afterwards - self._passed()

    def exceeded_by(self) -> float:
        """Returns the seconds that the work has taken beyond the limit; 0 if there are none."""
        return max(0.0, self._passed() - self.seconds)

    def _passed(self) -> float:
        """Returns the seconds since the work began."""
        return monotonic() - self.begun


class StopsInTime(keras.callbacks.Callback):
    """Stops a phase, in the middle of an epoch too, so that held-out items are measured in time.

    It comes after all other callbacks, so that a state that is written does not hold its stop.

    Args:
        limit: The limit of the training.
        batches: The batches of the phase.
        recorder: The callback that writes states, or `None`.
        words: Says what is left out where so many epochs of the phase are done, such as 3.25.
        begun: The number of epochs before this phase.
        whole_epoch: Whether the first epoch is never cut.

    Attributes:
        left_out: What is left out, in words; empty while there is time.
    """

    async_safe = True  # else Keras waits for the result of each step

    def __init__(
        self,
        limit: TimeLimit,
        batches: EpochBatches,
        recorder: Recorder | None,
        words: Callable[[float], str],
        begun: int,
        whole_epoch: bool,
    ) -> None:
        super().__init__()
        self.left_out = ""
        self._words = words
        self._limit = limit
        self._recorder = recorder
        self._begun = begun
        self._whole_epoch = whole_epoch
        self._steps, self._held_out = map(_length, (batches.train, batches.validation))
        self._each = 0.0  # the seconds of a step
        self._measuring = 0.0  # the seconds from the last step of an epoch to its end

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begins to time the steps of an epoch."""
        self._epoch = epoch - self._begun
        self._first: tuple[int, float] | None = None  # the first step, which compiles the graph

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Stops within the epoch if there is no time for another step."""
        self._last = now = monotonic()
        self._first = self._first or (batch, now)
        if steps := batch - self._first[0]:
            self._each = (now - self._first[1]) / steps
        done = (self._recorder.batches if self._recorder else 0) + batch + 1
        ends = self._steps and done >= self._steps
        if ends or (self._whole_epoch and not self._epoch) or self._is_time:
            return
        if self._recorder:
            self._recorder.leave(batch)
        self._stop(self._epoch + (done / self._steps if self._steps else 0.0))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Stops after an epoch if there is no time for another one, and another one would come."""
        self._measuring = monotonic() - self._last
        ends = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if not (ends or self._is_time):
            self._stop(self._epoch + 1.0)

    @property
    def _is_time(self) -> bool:
        """Returns whether there is time for another step, and for the end of its epoch."""
        return self._limit.left() > self._each + (self._measuring or self._each * self._held_out)

    def _stop(self, done: float) -> None:
        """Stops the phase after so many epochs."""
        self.left_out = self._words(done)
        self.model.stop_training = True


def _length(batches: object) -> int:
    """Returns the number of batches; 0 if it is not known."""
    return len(batches) if isinstance(batches, keras.utils.PyDataset) else 0
