"""Shows the phases of a training as stages of the work, and predicts what they cost."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import keras

from transferlearn.assembling import Network
from transferlearn.freezing import FreezeAll, Layers
from transferlearn.progress import current, stage
from transferlearn.progress.counting import CountingEpochs
from transferlearn.schedules import Job, Phase, PhaseResult, Schedule
from transferlearn.splitting import boundary, count_operations
from transferlearn.training.inputs import TrainingData
from transferlearn.wording import counted

_STEP = 3.0  # operations of a step of training for one of a prediction
_MOST = 100  # phases


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """Shows how far a training has come, and says what its phases are going to cost.

    Attributes:
        network: The network.
        layers: The backbone's layers.
        data: The data to train and validate on.
        plan: The phases that are expected, in order; they may come out otherwise.
        epochs: The number of epochs of all phases.
        solves: Whether heads can be solved, which takes one epoch.
    """

    network: Network
    layers: Layers
    data: TrainingData
    plan: Sequence[Phase]
    epochs: int
    solves: bool

    @classmethod
    def of(
        cls,
        network: Network,
        layers: Layers,
        data: TrainingData,
        schedule: Schedule,
        job: Job,
        *,
        solves: bool,
    ) -> "Ahead":
        """Plans the phases of a job, which stays as it is."""
        return cls(
            network=network,
            layers=layers,
            data=data,
            plan=_planned(schedule, job, solves),
            epochs=job.epochs,
            solves=solves,
        )

    def begin(self, phase: Phase, number: int) -> None:
        """Notes that a phase begins, which has this number, counted from 0."""
        total = f" of {max(len(self.plan), number + 1)}" if self.plan else ""
        current().part = f"Phase {number + 1}{total}"
        current().expect(self._sum([phase, *self.plan[number + 1 :]], frozen=True))

    def left_out(self, phase: Phase, number: int, done: float = 0.0) -> str:
        """Describes what is left out where training ends in a phase.

        Args:
            phase: The phase.
            number: Its number, counted from 0.
            done: How many of its epochs were trained.
        """
        here = f"{phase.epochs - done:.3g} of {counted(phase.epochs, 'epoch')}"
        whole = [counted(later.epochs, "epoch") for later in self.plan[number + 1 :]]
        parts = [here if done else counted(phase.epochs, "epoch"), *whole]
        named = [f"{part} of phase {i}" for i, part in enumerate(parts, number + 1)]
        return " and ".join(named)

    @contextlib.contextmanager
    def trained(
        self, phase: Phase, number: int, begun: int, callbacks: list[keras.callbacks.Callback]
    ) -> Iterator[list[keras.callbacks.Callback]]:
        """Shows the epochs of a phase whose input is prepared; adds the callback that counts them.

        Args:
            phase: The phase.
            number: Its number, counted from 0.
            begun: The number of epochs before it.
            callbacks: The user's callbacks; if one of them is a bar, nothing else is shown.
        """
        if any(isinstance(x, keras.callbacks.ProgbarLogger) for x in callbacks):
            current().expect(0.0)
            yield callbacks
            return
        own = self._sum([phase], frozen=False)
        later = self._sum(self.plan[number + 1 :], frozen=True)
        current().expect(None if own is None or later is None else own + later)
        solved = self.solves and _is_solved(phase)
        steps, held_out = _STEP * (self.data.train.count or 1), self._held_out
        with stage(
            "solving the head" if solved else "compiling",
            None if solved else phase.epochs,
            cost=(own or 0.0) / phase.epochs,
        ) as shown:
            share = steps / (steps + held_out)
            counting = CountingEpochs(shown, epochs=self.epochs, begun=begun, training=share)
            yield [*callbacks, counting]
        current().show_latest()

    @property
    def _held_out(self) -> int:
        """The number of items to validate on; 0 if it is unknown."""
        return (self.data.validation.count or 0) if self.data.validation else 0

    def _sum(self, phases: Sequence[Phase], *, frozen: bool) -> float | None:
        """Adds up the floating-point operations of phases; `None` if the data's size is unknown.

        Args:
            phases: The phases.
            frozen: Whether the operations of frozen layers, which run once, are among these.
        """
        train = self.data.train.count
        if train is None:
            return None
        whole, total = count_operations(self.network.model), 0.0
        for phase in phases:
            fixed = boundary(self.network, self.layers.frozen_by(phase.freeze)).operations
            if frozen:
                views = self.data.views if phase.augmented and self.data.augmentation else 1
                total += (train * views + self._held_out) * fixed
            if not (self.solves and _is_solved(phase)):
                total += phase.epochs * (_STEP * train + self._held_out) * (whole - fixed)
        return total


def _planned(schedule: Schedule, job: Job, solves: bool) -> list[Phase]:
    """Returns the phases that a schedule of this package yields if all goes as planned.

    A schedule of the user's own may look at results that are not there yet: nothing is planned.
    """
    if not type(schedule).__module__.startswith("transferlearn."):
        return []
    invented = replace(job, results=[])
    phases: list[Phase] = []
    for phase in islice(schedule.phases(invented), _MOST):
        phases.append(phase)
        invented.results.append(
            PhaseResult(
                epochs=1 if solves and _is_solved(phase) else phase.epochs,
                learning_rate=job.learning_rate,
                frozen_layers=(),
                trainable_parameters=0,
                seconds=0.0,
                metrics={},
            )
        )
    return phases


def _is_solved(phase: Phase) -> bool:
    """Returns whether a phase solves the head, if that can be solved."""
    return phase.fit == "solve" and isinstance(phase.freeze, FreezeAll)
