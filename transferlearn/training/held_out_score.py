"""Computes the score of the held-out items from whole answers, where no metric can add it up."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from transferlearn.data.batches import ItemBatches
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.filling import joined_rows
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.tasks import Encoding, Evaluation
from transferlearn.training.inputs import PhaseInput
from transferlearn.types import Logs


@without_retracing_advice()
def held_out_evaluation(
    given: PhaseInput, held_out: Dataset, encoding: Encoding[Any], whole: keras.Model
) -> Evaluation:
    """Returns the figures of the held-out items, as `evaluate` computes them.

    The items are read once more, from where the phase reads them; an epoch does the same after its
    training. Streams are read anew, since their batches hold no raw targets.

    Args:
        given: The input of the phase; its features are used where they are stored.
        held_out: The held-out items.
        encoding: The meaning of the outputs.
        whole: The full model, which reads the items of streams.
    """
    batches = given.batches.validation
    if isinstance(held_out, ItemDataset) and isinstance(batches, ItemBatches):
        answers = _of_items(given.model, batches, held_out, encoding)
    else:
        answers = _of_stream(whole, held_out, given.batches.batch_size, encoding)
    if encoding.by_batch:
        tallies = [encoding.tally(values, targets) for values, targets in answers]
        return type(tallies[0]).joined(tallies).evaluation()
    values, targets = map(joined_rows, zip(*answers, strict=True))
    if isinstance(held_out, ItemDataset):
        targets = targets[held_out.first_rows]
    return encoding.measure(held_out.of_items(values), targets)


def _of_items(
    model: keras.Model, batches: ItemBatches, held_out: ItemDataset, encoding: Encoding[Any]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the values and the raw targets of each batch of items that can be read at any time."""
    for index in range(len(batches)):
        targets = np.asarray(held_out.learnt[batches.rows(index)])
        yield _values(model, batches[index][0], encoding), targets


def _of_stream(
    model: keras.Model, held_out: Dataset, batch_size: int, encoding: Encoding[Any]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the values and the raw targets of each batch of a stream."""
    for x, y, *_ in iterate(held_out.batches(batch_size=batch_size, encode=encoding.raw)):
        yield _values(model, x, encoding), np.asarray(y)


def _values(model: keras.Model, x: Any, encoding: Encoding[Any]) -> np.ndarray:
    """Returns what a model's outputs for a batch mean."""
    tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    return encoding.values(model(tensors, training=False))


def scoring(
    given: PhaseInput,
    held_out: Dataset | None,
    encoding: Encoding[Any],
    callbacks: Sequence[keras.callbacks.Callback],
) -> list[keras.callbacks.Callback]:
    """Returns the callback that adds the held-out score to the logs, where no metric does.

    It comes before `callbacks`. Those that monitor the score with `mode="auto"` are set to `"max"`,
    since Keras knows only of metrics whether more is better.
    """
    if held_out is None or not encoding.after_epoch:
        return []
    for callback in callbacks:
        monitor, mode = getattr(callback, "monitor", None), getattr(callback, "mode", None)
        if (monitor, mode) == (encoding.score.key, "auto"):
            callback.mode = "max"
    return [_HeldOutScore(given, held_out, encoding)]


class _HeldOutScore(keras.callbacks.Callback):
    """Adds the score of the held-out items to the logs of each epoch."""

    async_safe = True  # else Keras waits for the result of each step

    def __init__(self, given: PhaseInput, held_out: Dataset, encoding: Encoding[Any]) -> None:
        super().__init__()
        self._given, self._held_out, self._encoding = given, held_out, encoding

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Computes the score with the weights that the epoch ended with."""
        assert isinstance(logs, dict)  # one for all callbacks, which Keras passes to this hook
        if keras.backend.backend() == "jax":
            self._given.model.jax_state_sync()  # the last step holds the weights
        found = held_out_evaluation(self._given, self._held_out, self._encoding, self.model)
        logs[self._encoding.score.key] = float(found[self._encoding.score.name])
