"""Makes the reference of a model at the end of its training, in a small share of its time.

Time is that of processors and not of the clock, which other programs on the machine make longer:
whether a fit leaves a reference should not depend on them.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np

from transferlearn.data.batches import ItemBatches
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.iterating import iterate
from transferlearn.data.kind import Kind
from transferlearn.data.messages import notice
from transferlearn.measuring.signals import (
    LEAST,
    TRAINING_ITEMS,
    first_input,
    joined,
    probe_of,
    split,
)
from transferlearn.monitoring import Measured, Reference
from transferlearn.monitoring.axes import Axes
from transferlearn.monitoring.reference import MOST_ITEMS
from transferlearn.monitoring.traits import Traits
from transferlearn.tasks import Encoding
from transferlearn.tasks.base import in_numpy
from transferlearn.training import PhaseInput, TrainingData

_SHARE = 0.03  # of the processor time of a training that the reference may take
_TRAINING_SHARE = 0.4  # of that time, for the items that were trained on
_CALL = {"tensorflow": 3e-4, "torch": 1e-4}  # seconds that one operation takes at least
_FIRST_CALL = 0.05  # on JAX, which compiles each operation


def refer(
    given: PhaseInput,
    loaded: TrainingData,
    kind: Kind,
    encoding: Encoding[Any],
    seconds: float,
) -> Reference | None:
    """Makes the reference at the end of a training, in at most 3% of its processor time.

    Args:
        given: The input of the last phase; its features are used where they are stored.
        loaded: The data of the training.
        kind: The kind of the items.
        encoding: The meaning of the outputs.
        seconds: The processor time of the training.

    Returns:
        The reference; `None` where nothing is held out, there is no time, or it is not known what
        to watch of such outputs or where the features are.
    """
    held_out, batches = loaded.validation, given.batches.validation
    if held_out is None or batches is None or not isinstance(held_out, ItemDataset):
        return None
    if not encoding.watched.names:
        return None
    started = time.process_time()
    per_operation = _CALL.get(keras.backend.backend(), _FIRST_CALL)
    clock = _Clock(
        started + _SHARE * _TRAINING_SHARE * seconds, per_operation * len(given.model.operations)
    )
    if not clock.allows():
        return None
    try:
        probe = _probe(_unaugmented(given.model, loaded), encoding)
        if probe is None:
            return None
        training = _read(probe, encoding, given.batches.train, clock, TRAINING_ITEMS)
        if training is None or training.features is None:
            return None
        axes = Axes.of(training.features)
        clock.until = started + _SHARE * seconds
        told = partial(_told, kind, encoding, held_out)
        measured = _read(probe, encoding, batches, clock, MOST_ITEMS, told)
        if measured is None:
            return None
        return Reference.of(
            axes, measured, kind=kind.name, outputs=encoding.watched, how="held-out"
        )
    except Exception as error:  # a training must not be lost for what may be made later
        notice(f"No reference for monitoring was made: {error}")
        return None


@dataclass
class _Clock:
    """Says whether there is time for another batch.

    Attributes:
        until: When the time is over, in seconds of `time.process_time`.
        longest: The longest that a batch has taken, in seconds.
    """

    until: float = float("inf")
    longest: float = 0.0
    _begun: float = field(default_factory=time.process_time, init=False)

    def allows(self) -> bool:
        """Says whether the next batch will probably end in time, and begins to time it."""
        self._begun = time.process_time()
        return self._begun + self.longest <= self.until

    def stop(self) -> None:
        """Notes how long the batch took."""
        self.longest = max(self.longest, time.process_time() - self._begun)


def _unaugmented(model: keras.Model, loaded: TrainingData) -> keras.Model:
    """Gives the model that stands behind an augmentation, or the model itself without one."""
    is_in = any(layer is loaded.augmentation for layer in model.layers)
    return model.layers[-1] if is_in else model


def _probe(model: keras.Model, encoding: Encoding[Any]) -> keras.Model | None:
    """Gives the model that tells features, too; `None` where a head of one's own hides them."""
    try:
        return probe_of(model, encoding)
    except ValueError:
        return None


def _nothing(rows: np.ndarray, values: np.ndarray) -> tuple[Traits, None]:
    """Tells nothing more of the items that were trained on."""
    return {}, None


def _read(
    probe: keras.Model,
    encoding: Encoding[Any],
    batches: Any,
    clock: _Clock,
    most: int,
    told: Callable[[np.ndarray, np.ndarray], tuple[Traits, np.ndarray | None]] = _nothing,
) -> Measured | None:
    """Measures batches in a random order, while there is time, and up to `most` items.

    `None`: there was time for too few.
    """
    parts: list[Measured] = []
    waiting = _in_random_order(batches)
    while sum(len(part.values) for part in parts) < most and clock.allows():
        batch = next(waiting, None)
        if batch is None:
            break
        rows, x = batch
        made = in_numpy(
            probe(keras.tree.map_structure(keras.ops.convert_to_tensor, x), training=False)
        )
        features, values = split(made, encoding)
        parts.append(Measured(features, encoding.numbers(values), *told(rows, values)))
        clock.stop()
    return joined(parts) if sum(len(part.values) for part in parts) >= LEAST else None


def _in_random_order(batches: Any) -> Iterator[tuple[np.ndarray, Any]]:
    """Gives the numbers of the rows and the inputs of each batch; of streams, in their order."""
    if isinstance(batches, ItemBatches):
        mixed = batches.in_random_order(0)
        for index in range(len(mixed)):
            yield mixed.rows(index), mixed[index][0]
        return
    begun = 0
    for x, *_ in iterate(batches):
        count = len(first_input(x))
        yield np.arange(begun, begun + count), x
        begun += count


def _told(
    kind: Kind, encoding: Encoding[Any], dataset: ItemDataset, rows: np.ndarray, values: np.ndarray
) -> tuple[Traits, np.ndarray]:
    """Measures plain properties of rows of a dataset, and how wrong their values are."""
    batch = dataset.items.start(rows)()
    traits = {**kind.traits(first_input(batch)), **dataset.items.traits(rows)}
    return traits, encoding.errors(values, np.asarray(dataset.learnt[rows]))
