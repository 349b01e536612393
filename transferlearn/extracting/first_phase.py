"""Freezes, compiles and prepares the first phase of a training, which stores what it reads."""

import dataclasses
from typing import NamedTuple

from transferlearn.builders import Training
from transferlearn.distributing import divided_batches
from transferlearn.features import Cache, Storage
from transferlearn.progress import as_verbosity
from transferlearn.schedules import Phase, StoredPart
from transferlearn.training import HeldOutScore, PhaseRunner
from transferlearn.training.compiled import CompiledPhase
from transferlearn.types import Verbose


class FirstPhase(NamedTuple):
    """Holds a first phase that was prepared and not trained.

    Attributes:
        training: The training that it is of.
        phase: What the schedule asks for.
        compiled: How the network is frozen.
        stored: What was stored for it.
    """

    training: Training
    phase: Phase
    compiled: CompiledPhase
    stored: StoredPart

    @property
    def is_changed(self) -> bool:
        """Whether it reads random views of items, and not only items as they are."""
        data = self.training.data
        changes = data.augmentation is not None or data.transform is not None
        return changes and self.phase.augmented and not self.compiled.solved


def prepared(training: Training, cache: Cache, verbose: Verbose) -> FirstPhase:
    """Stores what the first phase of a training reads.

    Raises:
        ValueError: Nothing can be stored; the message says why.
        OSError: The directory cannot be written to, or is full.
    """
    # The rows are read by a later run: in memory they would only take room.
    storage = Storage.of(dataclasses.replace(cache, memory=0))
    training = dataclasses.replace(training, storage=storage)
    validation = training.data.validation
    runner = PhaseRunner(
        network=training.network,
        layers=training.layers,
        settings=training.settings,
        objective=training.objective,
        scoring=HeldOutScore(training.network.model, training.kind, training.encoding, validation),
        data=training.data,
        results=training.job.results,
        storage=storage,
        callbacks=[],
        verbose=as_verbosity(verbose),
        ahead=training.ahead(),
    )
    with divided_batches(training.data.batch_size):
        phase = next(training.schedule.phases(training.job))
        compiled = runner.compile(phase)
        given = runner.prepare(phase, compiled)
    if given.stored is None:
        raise ValueError(f"Nothing can be stored: {given.not_stored}.")
    return FirstPhase(training, phase, compiled, given.stored)
