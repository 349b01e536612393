"""Computes the score of the held-out items from whole answers, where no metric can add it up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from transferlearn.data.batches import ItemBatches
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.data.kind import Kind
from transferlearn.distributing import apart
from transferlearn.edge.filling import joined_rows
from transferlearn.tasks import Answerer, Encoding, Evaluation, OnePass, Score, scorer
from transferlearn.tasks.answering import values_of
from transferlearn.training.inputs import PhaseInput
from transferlearn.types import Logs


@dataclass(frozen=True)
class HeldOutScore:
    """Scores the held-out items as `evaluate` does, while a model is trained.

    Attributes:
        model: The whole network, from raw items to outputs.
        kind: The kind of the items.
        encoding: The meaning of the outputs, with the score.
        held_out: The held-out items, or `None`.
    """

    model: keras.Model
    kind: Kind
    encoding: Encoding
    held_out: Dataset | None

    @property
    def score(self) -> Score:
        """The score that ranks weights."""
        return self.encoding.score

    @cached_property
    def _answerer(self) -> Answerer:
        """Returns what answers the items by the full model."""
        return scorer(self.encoding, self.model, self.kind)

    def callbacks(
        self, given: PhaseInput, others: Sequence[keras.callbacks.Callback]
    ) -> list[keras.callbacks.Callback]:
        """Returns the callback that adds the score to the logs, where no metric does.

        It comes before `others`. Those that monitor the score with `mode="auto"` are set to
        `"max"`, since Keras knows only of metrics whether more is better.
        """
        if self.held_out is None or not self.encoding.after_epoch:
            return []
        for callback in others:
            monitor, mode = getattr(callback, "monitor", None), getattr(callback, "mode", None)
            if (monitor, mode) == (self.score.key, "auto"):
                callback.mode = "max"
        return [_AddsScore(self, given)]

    @without_retracing_advice()
    def evaluation(self, given: PhaseInput) -> Evaluation:
        """Returns the figures of the held-out items.

        The items are read once more, from where the phase reads them; an epoch does the same after
        its training. Streams are read anew, since their batches hold no raw targets, and so are
        items that are answered without what their targets give the network.

        Args:
            given: The input of the phase; its features are used where they are stored.
        """
        scoring, held_out = self.encoding.scoring, self.held_out
        assert held_out is not None
        if isinstance(held_out, ItemDataset) and not (self._in_one_pass or scoring.by_batch):
            return self.read_anew(given.batches.batch_size)
        answers = self._answers(given, held_out)
        if scoring.by_batch:
            tallies = [scoring.tally(values, targets) for values, targets in answers]
            return type(tallies[0]).joined(tallies).evaluation()
        values, targets = map(joined_rows, zip(*answers, strict=True))
        if isinstance(held_out, ItemDataset):
            targets = targets[held_out.first_rows]
        return scoring.measure(held_out.of_items(values), targets)

    def read_anew(self, batch_size: int) -> Evaluation:
        """Returns the figures of the held-out items, which are no stream and are read for it."""
        held_out = self.held_out
        assert isinstance(held_out, ItemDataset)
        rows = self._answerer.of_rows(held_out, batch_size)
        targets = held_out.learnt[held_out.first_rows]
        return self.encoding.scoring.measure(held_out.of_items(rows), targets)

    def _answers(
        self, given: PhaseInput, held_out: Dataset
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields the values and the raw targets of each batch."""
        batches, encoding = given.batches.validation, self.encoding
        in_one_pass = self._in_one_pass
        if in_one_pass and isinstance(held_out, ItemDataset) and isinstance(batches, ItemBatches):
            for index in range(len(batches)):
                targets = np.asarray(held_out.learnt[batches.rows(index)])
                yield self._values(given.model, batches[index][0]), targets
            return
        size = given.batches.batch_size
        for x, y, *_ in iterate(held_out.batches(batch_size=size, encode=encoding.scoring.raw)):
            yield self._values(self.model, x) if in_one_pass else self._answerer(x), np.asarray(y)

    @property
    def _in_one_pass(self) -> bool:
        """Returns whether the network's outputs for the items alone are the answers."""
        return type(self._answerer) is OnePass and not self.encoding.inputs

    def _values(self, model: keras.Model, x: object) -> np.ndarray:
        """Returns what a model's outputs for a batch mean."""
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
        return values_of(self.encoding, model(tensors, training=False))


class _AddsScore(keras.callbacks.Callback):
    """Adds the score of the held-out items to the logs of each epoch."""

    async_safe = True  # else Keras waits for the result of each step

    def __init__(self, scoring: HeldOutScore, given: PhaseInput) -> None:
        super().__init__()
        self._scoring, self._given = scoring, given

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Computes the score with the weights that the epoch ended with."""
        assert isinstance(logs, dict)  # one for all callbacks, which Keras passes to this hook
        if keras.backend.backend() == "jax":
            self._given.model.jax_state_sync()  # the last step holds the weights
        score = self._scoring.score
        with apart([self._scoring.model, self._given.model]):
            logs[score.key] = float(self._scoring.evaluation(self._given)[score.name])
