"""Measures items with a model for monitoring: makes the reference, and watches new items by it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from transferlearn import data
from transferlearn.backbones.graph import before_last_layer
from transferlearn.data.batches import ItemBatches
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.data.kind import Kind
from transferlearn.data.messages import notice
from transferlearn.fitted import FittedModel
from transferlearn.monitoring import Measured, Reference, Watch, watch
from transferlearn.monitoring.reference import MOST_ITEMS
from transferlearn.tasks import Encoding
from transferlearn.tasks.base import in_numpy
from transferlearn.training import PhaseInput, TrainingData

_SHARE = 0.03  # of the time of a training that the reference may take
_TRAINING_SHARE = 0.4  # of that time, for the items that were trained on
_TRAINING_ITEMS = 500
_LEAST = 40  # items; of fewer no reference is made
_CALL = {"tensorflow": 3e-4, "torch": 1e-4}  # seconds that one operation takes at least
_FIRST_CALL = 0.05  # on JAX, which compiles each operation


@dataclass
class _Clock:
    """Says whether there is time for another batch.

    Attributes:
        until: When the time is over, in seconds of `time.perf_counter`.
        longest: The longest that a batch has taken, in seconds.
    """

    until: float = float("inf")
    longest: float = 0.0
    _begun: float = field(default_factory=time.perf_counter, init=False)

    def allows(self) -> bool:
        """Says whether the next batch will probably end in time, and begins to time it."""
        self._begun = time.perf_counter()
        return self._begun + self.longest <= self.until

    def stop(self) -> None:
        """Notes how long the batch took."""
        self.longest = max(self.longest, time.perf_counter() - self._begun)


def refer(
    given: PhaseInput,
    loaded: TrainingData,
    kind: Kind,
    encoding: Encoding[Any],
    seconds: float,
) -> Reference | None:
    """Makes the reference at the end of a training, in at most 3% of its time.

    Args:
        given: The input of the last phase; its features are used where they are stored.
        loaded: The data of the training.
        kind: The kind of the items.
        encoding: The meaning of the outputs.
        seconds: How long the training took.

    Returns:
        The reference; `None` where nothing is held out, or there is no time.
    """
    held_out, batches = loaded.validation, given.batches.validation
    if held_out is None or batches is None or not isinstance(held_out, ItemDataset):
        return None
    started = time.perf_counter()
    per_operation = _CALL.get(keras.backend.backend(), _FIRST_CALL)
    clock = _Clock(
        started + _SHARE * _TRAINING_SHARE * seconds, per_operation * len(given.model.operations)
    )
    try:
        probe = _probe(given.model)
        training = _read(probe, given.batches.train, clock, _TRAINING_ITEMS)
        clock.until = started + _SHARE * seconds
        reading = _read(probe, batches, clock, MOST_ITEMS)
        if min(len(training.features), len(reading.features)) < _LEAST:
            return None
        measured = _measured(reading, held_out, kind, encoding)
    except Exception as error:  # a training must not be lost for what may be made later
        notice(f"No reference for monitoring was made: {error}")
        return None
    return Reference.of(
        training.features, measured, kind=kind.name, outputs=encoding.watched, how="held-out"
    )


@without_retracing_advice()
def make_reference(
    fitted: FittedModel[Any],
    labelled: data.LoadedData | Any,
    *,
    trained_on: Any = None,
) -> Reference:
    """Makes the reference of a model from items that it was not trained on.

    When to use it: `fit` held nothing out, or had no time; then assign what this gives to
    `fitted.reference`, and save the model.

    Args:
        fitted: The model.
        labelled: Whatever `evaluate` takes: items that the model was not trained on.
        trained_on: Items that it was trained on, at best all of them; of these 500 are read.
            `None`: half of `labelled` takes their place, and the other half is the reference.

    Raises:
        ValueError: There are fewer than 40 items.

    Example:
        fitted.reference = tl.make_reference(fitted, "photos/validation", trained_on="photos/train")
        fitted.save("flowers")
    """
    held_out = measure(fitted, _labelled(fitted, labelled))
    order = np.random.default_rng(0).permutation(len(held_out.features))
    if trained_on is None:
        half = len(order) // 2
        training, held_out = held_out.features[order[:half]], held_out.rows(order[half:])
    else:
        items = _labelled(fitted, trained_on)
        few = items.at_most(_TRAINING_ITEMS) if isinstance(items, ItemDataset) else items
        training, held_out = measure(fitted, few).features, held_out.rows(order)
    if min(len(training), len(held_out.features)) < _LEAST:
        raise ValueError(
            f"There are {len(held_out.features)} items for the reference and {len(training)} that "
            f"take the place of those trained on: {_LEAST} of each are least."
        )
    return Reference.of(
        training,
        held_out,
        kind=fitted.kind.name,
        outputs=fitted.encoding.watched,
        how="given",
    )


def monitor(
    fitted: FittedModel[Any],
    items: Any,
    *,
    labelled: bool = False,
    false_alarms: float = 0.05,
    on_error: str = "skip",
    seed: int = 0,
) -> Watch:
    """Says whether items at work are still like those that the model was made for.

    Args:
        fitted: The model; `fit` made its `reference`, or `tl.make_reference` did.
        items: Whatever `predict` takes.
        labelled: Whether `items` has targets, too, as `evaluate` takes them.
        false_alarms: How often, in (0, 1), a batch without any change may be called an alarm.
        on_error: What to do with a broken file: `"skip"` it (and say so) or `"raise"`.
        seed: The seed of the random divisions that the tests are judged by.

    Returns:
        What has changed, with `alarm`, `tests`, `accuracy`, `odd` and `label_first`; printed, it
        is a table.

    Raises:
        ValueError: The model has no reference, or there are fewer than 20 items.
        ImportError: scipy is not installed (`pip install -e ".[monitor]"`).

    Example:
        print(tl.monitor(fitted, "photos/today"))
    """
    if fitted.reference is None:
        raise ValueError(
            "The model has no reference: nothing was held out when it was trained, or there was no "
            "time. Make one: fitted.reference = tl.make_reference(fitted, 'photos/validation')"
        )
    if labelled:
        dataset = _labelled(fitted, items, on_error)
    else:
        dataset = fitted.kind.unlabelled(items, on_error=on_error)
    signals = fitted.reference.signals_of(measure(fitted, dataset))
    rows = range(len(signals.table))
    names = [dataset.called(row) for row in rows]
    return watch(fitted.reference, signals, false_alarms=false_alarms, names=names, seed=seed)


@without_retracing_advice()
def measure(fitted: FittedModel[Any], dataset: Dataset) -> Measured:
    """Measures all rows of a dataset in its order, with their errors where it has targets."""
    probe = _probe(fitted.model)
    parts = []
    raw = fitted.encoding.raw if dataset.targets is not None else None
    batches = dataset.batches(batch_size=fitted.outline.batch_size, encode=raw)
    begun = 0
    for x, *y in iterate(batches):
        features, values = _split(probe.predict_on_batch(x), fitted.encoding)
        rows = np.arange(begun, begun + len(features))
        begun += len(features)
        traits = {**fitted.kind.traits(_first(x))}
        if isinstance(dataset, ItemDataset):
            traits.update(dataset.items.traits(rows))
        errors = fitted.encoding.watched.errors(values, np.asarray(y[0])) if y else None
        parts.append(Measured(features, values, traits, errors))
    if not parts:
        raise ValueError("There are no items.")
    return _joined(parts)


@dataclass(frozen=True)
class _Reading:
    """Holds what a model gave for some rows of its batches."""

    features: np.ndarray
    outputs: np.ndarray
    rows: np.ndarray


def _read(probe: keras.Model, batches: Any, clock: _Clock, most: int) -> _Reading:
    """Runs a model on batches in a random order, while there is time, and up to `most` items."""
    features, outputs, numbers = [np.empty((0, 1))], [], []
    count = 0
    for rows, x in _in_random_order(batches):
        if count >= most or not clock.allows():
            break
        made = in_numpy(
            probe(keras.tree.map_structure(keras.ops.convert_to_tensor, x), training=False)
        )
        clock.stop()
        features.append(made[0].reshape(len(made[0]), -1))
        outputs.append(made[1])
        numbers.append(rows)
        count += len(rows)
    if not outputs:
        return _Reading(features[0], np.empty((0, 1)), np.empty(0, int))
    return _Reading(np.concatenate(features[1:]), np.concatenate(outputs), np.concatenate(numbers))


def _in_random_order(batches: Any) -> Iterator[tuple[np.ndarray, Any]]:
    """Gives the numbers of the rows and the inputs of each batch; of streams, in their order."""
    if isinstance(batches, ItemBatches):
        mixed = batches.in_random_order(0)
        for index in range(len(mixed)):
            yield mixed.rows(index), mixed[index][0]
        return
    begun = 0
    for x, *_ in iterate(batches):
        count = len(_first(x))
        yield np.arange(begun, begun + count), x
        begun += count


def _measured(
    reading: _Reading, dataset: ItemDataset, kind: Kind, encoding: Encoding[Any]
) -> Measured:
    """Adds the traits and the errors of rows of a dataset to what a model gave for them."""
    values = encoding.values(reading.outputs)
    traits: list[dict[str, np.ndarray]] = []
    for begin in range(0, len(reading.rows), 32):
        rows = reading.rows[begin : begin + 32]
        batch = dataset.items.start(rows)()
        traits.append({**kind.traits(_first(batch)), **dataset.items.traits(rows)})
    joined = {name: np.concatenate([part[name] for part in traits]) for name in traits[0]}
    errors = encoding.watched.errors(values, np.asarray(dataset.learnt[reading.rows]))
    return Measured(reading.features, values, joined, errors)


def _probe(model: keras.Model) -> keras.Model:
    """Gives a model with the same layers that gives an item's features besides its output."""
    return keras.Model(model.input, [before_last_layer(model), model.output])


def _split(made: Sequence[Any], encoding: Encoding[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Gives features, one row an item, and values."""
    features, outputs = made
    features = np.asarray(features)
    return features.reshape(len(features), -1), encoding.values(outputs)


def _joined(parts: Sequence[Measured]) -> Measured:
    """Puts what was measured of several batches together."""
    errors = [part.errors for part in parts if part.errors is not None]
    return Measured(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.values for part in parts]),
        {name: np.concatenate([part.traits[name] for part in parts]) for name in parts[0].traits},
        np.concatenate(errors) if errors else None,
    )


def _first(x: Any) -> np.ndarray:
    """Gives the items of a batch: the first of several inputs."""
    return np.asarray(keras.tree.flatten(x)[0])


def _labelled(fitted: FittedModel[Any], source: Any, on_error: str = "skip") -> Dataset:
    """Reads items with targets as the model's training did."""
    return data.load(source, fitted.kind, fitted.encoding.target, on_error=on_error)
