"""Makes the reference of a model at the end of its training, in a small share of its time.

Time is that of processors and not of the clock, which other programs on the machine make longer:
whether a fit leaves a reference should not depend on them.

Where few items are held out, those trained on take their place as far as training leaves them like
new ones: a solved head was cross-validated on them, and its backbone has never seen them. Of a
network that was fine-tuned on them, only plain properties of the items themselves are measured.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

import keras
import numpy as np

from transferlearn.data.batches import ItemBatches
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.iterating import iterate
from transferlearn.data.kind import Kind
from transferlearn.data.messages import notice
from transferlearn.measuring.signals import (
    LEAST,
    TRAINING_ITEMS,
    answers_of,
    first_input,
    joined,
    numbers_of,
)
from transferlearn.monitoring import Measured, Reference
from transferlearn.monitoring.axes import FeatureAxes
from transferlearn.monitoring.measured import CONFIDENCE
from transferlearn.monitoring.reference import CROSS_FITTED, HELD_OUT, MOST_ITEMS
from transferlearn.monitoring.traits import Traits
from transferlearn.tasks import Encoding
from transferlearn.tasks.answering import parted, probe_of, values_of
from transferlearn.tasks.base import in_numpy
from transferlearn.training import LeftOut, PhaseInput, TrainingData

_SHARE = 0.03  # of the processor time of a training that the reference may take
_LEAST_SECONDS = 1.0  # that it may take all the same, after a training of less than half a minute
_TRAINING_SHARE = 0.4  # of that time, for the items that were trained on
_ENOUGH = 200  # held-out items; where there are fewer, others serve as well
_AT_ONCE = 16  # items whose properties are measured between two looks at the clock
_CALL = {"tensorflow": 3e-4, "torch": 1e-4}  # seconds that one operation takes at least
_FIRST_CALL = 0.05  # on JAX, which compiles each operation


def refer(
    given: PhaseInput,
    left_out: LeftOut | None,
    loaded: TrainingData,
    kind: Kind,
    encoding: Encoding,
    seconds: float,
) -> Reference | None:
    """Makes the reference at the end of a training, in at most 3% of its processor time, or 1 s.

    Args:
        given: The input of the last phase; its features are used where they are stored.
        left_out: What the head gives for items that it is solved without, if it is a solved one.
        loaded: The data of the training.
        kind: The kind of the items.
        encoding: The meaning of the outputs.
        seconds: The processor time of the training.

    Returns:
        The reference; `None` where there is no time or there are too few items, or nothing is known
        of them.
    """
    clock = _Clock(time.process_time() + max(_SHARE * seconds, _LEAST_SECONDS))
    held_out = (loaded.validation and loaded.validation.size) or 0
    try:
        if left_out is not None and held_out < min(_ENOUGH, len(left_out.rows) // 2):
            found = _cross_fitted(left_out, loaded.train, kind, encoding, clock)
        else:
            found = _held_out(given, loaded, kind, encoding, clock)
        return found or _of_traits(loaded.train, kind, encoding, clock)
    except Exception as error:  # a training must not be lost for what may be made later
        notice(f"No reference for monitoring was made: {error}")
        return None


def _held_out(
    given: PhaseInput, loaded: TrainingData, kind: Kind, encoding: Encoding, clock: "_Clock"
) -> Reference | None:
    """Makes the reference of held-out items; `None` where there are too few, or too little time."""
    held_out, batches = loaded.validation, given.batches.validation
    if batches is None or not isinstance(held_out, ItemDataset) or (held_out.size or 0) < LEAST:
        return None
    probe = _probe(_unaugmented(given.model, loaded), encoding)
    outputs = encoding.scoring.signals
    if probe is None or not outputs.names or encoding.inputs:  # answers need no targets
        return None
    if encoding.answers_untrained:  # the logits of all tokens of a text fit into no memory
        return None
    per_operation = _CALL.get(keras.backend.backend(), _FIRST_CALL)
    clock.longest = per_operation * len(given.model.operations)
    training = _read(
        probe, encoding, given.batches.train, clock.part(_TRAINING_SHARE), TRAINING_ITEMS
    )
    if training is None or training.features is None:
        return None
    beside = partial(_beside, kind, encoding, held_out)
    measured = _read(probe, encoding, batches, clock, MOST_ITEMS, beside, held_out)
    if measured is None:
        return None
    axes = FeatureAxes.of(training.features)
    return Reference.of(axes, measured, kind=kind.name, outputs=outputs, how=HELD_OUT)


def _cross_fitted(
    left_out: LeftOut, dataset: Dataset, kind: Kind, encoding: Encoding, clock: "_Clock"
) -> Reference | None:
    """Makes the reference of items that a solved head was cross-validated on.

    A third of them gives the axes, and the others are the reference: beside items that the axes
    were made of, new ones would look as if they had changed.
    """
    outputs = encoding.scoring.signals
    if not isinstance(dataset, ItemDataset) or not outputs.names:
        return None
    together = dataset.together
    third = _third(left_out.rows if together is None else together[left_out.rows])
    waiting = np.flatnonzero(~third)[:MOST_ITEMS]
    values = values_of(encoding, left_out.outputs[waiting])
    numbers, features = numbers_of(encoding, values), left_out.features
    rows = left_out.rows[waiting]
    count, traits = _read_traits(kind, dataset, rows, clock)
    if count < LEAST or third.sum() < LEAST // 2:
        return None
    errors = encoding.scoring.errors(values, np.asarray(dataset.learnt[rows]))
    measured = Measured(features[waiting][:count], numbers[:count], traits, errors[:count])
    axes = FeatureAxes.of(features[third][:TRAINING_ITEMS])
    found = Reference.of(axes, measured, kind=kind.name, outputs=outputs, how=CROSS_FITTED)
    # A head that was solved with a fifth of the items less is less sure: of shapes that are easy to
    # tell it said 98.8%, the final one 99.98% of new ones, which was an alarm.
    return found.without_outputs() if CONFIDENCE in found.signals.names else found


def _third(groups: np.ndarray) -> np.ndarray:
    """Chooses a third of the items at random, bool `(items,)`; groups stay whole."""
    _, members = np.unique(groups, return_inverse=True)
    return (np.random.default_rng(0).permutation(members.max() + 1) % 3 == 0)[members]


def _of_traits(
    dataset: Dataset, kind: Kind, encoding: Encoding, clock: "_Clock"
) -> Reference | None:
    """Makes a reference of plain properties of the items that were trained on."""
    if not isinstance(dataset, ItemDataset):
        return None
    rows = np.random.default_rng(0).permutation(dataset.size or 0)[:MOST_ITEMS]
    count, traits = _read_traits(kind, dataset, rows, replace(clock, longest=0.0))
    if not traits or count < LEAST:
        return None
    return Reference.of_traits(traits, kind=kind.name, outputs=encoding.scoring.signals)


def _read_traits(
    kind: Kind, dataset: ItemDataset, rows: np.ndarray, clock: "_Clock"
) -> tuple[int, Traits]:
    """Measures plain properties of rows while there is time; gives how many rows, and these."""
    parts: list[Traits] = []
    for begun in range(0, len(rows), _AT_ONCE):
        if not clock.allows():
            break
        parts.append(_traits(kind, dataset, rows[begun : begun + _AT_ONCE]))
        clock.stop()
    names = parts[0] if parts else ()
    read = {name: np.concatenate([part[name] for part in parts]) for name in names}
    return min(len(parts) * _AT_ONCE, len(rows)), read


@dataclass
class _Clock:
    """Decides whether there is time for another batch.

    Attributes:
        until: When the time is over, in seconds of `time.process_time`.
        longest: The longest that a batch has taken, in seconds.
    """

    until: float
    longest: float = 0.0
    _begun: float = field(default_factory=time.process_time, init=False)

    def part(self, share: float) -> Self:
        """Returns a clock for a share of the time that is left."""
        left = self.until - time.process_time()
        return replace(self, until=self.until - (1 - share) * left)

    def allows(self) -> bool:
        """Returns whether the next batch will probably end in time, and begins to time it."""
        self._begun = time.process_time()
        return self._begun + self.longest <= self.until

    def stop(self) -> None:
        """Notes how long the batch took."""
        self.longest = max(self.longest, time.process_time() - self._begun)


def _unaugmented(model: keras.Model, loaded: TrainingData) -> keras.Model:
    """Returns the model that stands behind an augmentation, or the model itself without one."""
    is_in = any(layer is loaded.augmentation for layer in model.layers)
    return model.layers[-1] if is_in else model


def _probe(model: keras.Model, encoding: Encoding) -> keras.Model | None:
    """Returns the model that tells features, too; `None` where a head of one's own hides them."""
    try:
        return probe_of(model, encoding)
    except ValueError:
        return None


def _nothing(rows: np.ndarray, values: np.ndarray) -> tuple[Traits, None]:
    """Tells nothing more of the items that were trained on."""
    return {}, None


def _read(
    probe: keras.Model,
    encoding: Encoding,
    batches: object,
    clock: _Clock,
    most: int,
    beside: Callable[[np.ndarray, np.ndarray], tuple[Traits, np.ndarray | None]] = _nothing,
    dataset: ItemDataset | None = None,
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
        features, values = parted(made, encoding)
        values = values if dataset is None else answers_of(dataset, rows, values)
        parts.append(Measured(features, numbers_of(encoding, values), *beside(rows, values)))
        clock.stop()
    return joined(parts) if sum(len(part.values) for part in parts) >= LEAST else None


def _in_random_order(batches: object) -> Iterator[tuple[np.ndarray, object]]:
    """Yields the numbers of the rows and the inputs of each batch; of streams, in their order."""
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


def _beside(
    kind: Kind, encoding: Encoding, dataset: ItemDataset, rows: np.ndarray, values: np.ndarray
) -> tuple[Traits, np.ndarray]:
    """Measures plain properties of rows of a dataset, and how wrong their values are."""
    errors = encoding.scoring.errors(values, np.asarray(dataset.learnt[rows]))
    return _traits(kind, dataset, rows), errors


def _traits(kind: Kind, dataset: ItemDataset, rows: np.ndarray) -> Traits:
    """Measures plain properties of rows of a dataset, which it reads again."""
    batch = first_input(dataset.items.start(rows)())
    return {**kind.traits(batch), **dataset.items.traits(rows)}
