"""Runs the parts of an exported network on real items beside Keras, and compares their logits."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transferlearn.data import Dataset, WrittenTargets, WrittenTokens
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.iterating import iterate
from transferlearn.data.sequences import CorpusDataset
from transferlearn.edge import Runner
from transferlearn.edge.generation import NextLogits
from transferlearn.edge.parts import ContinuesInParts, WritesInParts, opened
from transferlearn.edge.written import as_text
from transferlearn.exporting.checking import Checked, inputs_of, megabytes, milliseconds, size
from transferlearn.exporting.limits import check_floats, most_of
from transferlearn.fitted import FittedModel
from transferlearn.progress import stage
from transferlearn.tasks.language.answering import Writing
from transferlearn.tasks.writing.answering import Writes

_MOST = 32  # items that a check looks at, since a text takes many steps
_BATCH = _PROMPTS = 8
_TOKENS = 64  # of each prompt and how it goes on


def check_parts(
    fitted: FittedModel,
    writes: Writes | Writing,
    folder: Path,
    dataset: Dataset,
    *,
    quantize: str | None,
    limit: float | None,
) -> Checked:
    """Compares an export in parts with its model on items with the right texts.

    Logits are compared behind each token of the right text; texts are those that are likeliest.

    Args:
        fitted: The model.
        writes: Writes texts with it.
        folder: The exported folder.
        dataset: The items, with the right texts; at most 32 of them are looked at, and 8 texts.
        quantize: How the export was quantized, which decides what may differ.
        limit: The most that logits may differ, as a share of their range; `None`: what is usual.

    Raises:
        ValueError: More differs.
    """
    runner = Runner(folder, trusted=True)
    runtime = opened(runner.description, folder, None, trusted=True)
    assert isinstance(runtime, WritesInParts | ContinuesInParts)
    batches: Iterator[_Batch]
    if isinstance(writes, Writing):
        few, before = _at_most(dataset, _PROMPTS), 1
        batches = _of_prompts(few)
    else:
        few, before = _at_most(dataset, _MOST), len(writes.known.begin)
        batches = _of_items(fitted, writes, runner, few)
    compared = _Compared(before)
    equal, begun = list[bool](), 0
    with stage("checking", few.size, few.noun) as checked_items:
        for batch in batches:
            (own,), (theirs,) = (
                x.values() for x in (runtime.run(batch.inputs), writes.named(batch.x))
            )
            equal += [
                as_text(one) == as_text(other) for one, other in zip(own, theirs, strict=True)
            ]
            both = writes.begin(batch.x), runtime.begin(batch.inputs)
            compared.add(*both, batch.read, batch.right)
            one = {name: array[:1] for name, array in batch.inputs.items()}
            begun += len(batch.right)
            checked_items.advance(len(batch.right))
    items = list(one.values())
    checked = Checked(
        items=begun,
        difference=compared.difference,
        equal=float(np.mean(equal)),
        score=fitted.encoding.score.name,
        keras_score=compared.scores[0],
        exported_score=compared.scores[1],
        megabytes=sum(size(folder / name) for name in runner.description.parts) / 1e6,
        keras_megabytes=megabytes(fitted),
        milliseconds=milliseconds(lambda: runner.run(one)),
        keras_milliseconds=milliseconds(lambda: writes(items if len(items) > 1 else items[0])),
    )
    most = most_of(quantize, limit)
    check_floats(checked, compared.same(most), most)
    return checked


class _Batch(NamedTuple):
    """Holds what both networks read.

    Attributes:
        inputs: What the export takes.
        x: What Keras takes.
        read: The tokens that are read, int32 `(rows, tokens)`.
        right: The right token behind each, -1 where there is none.
    """

    inputs: dict[str, np.ndarray]
    x: Any
    read: np.ndarray
    right: np.ndarray


def _at_most(dataset: Dataset, count: int) -> Dataset:
    """Returns a dataset without the items beyond a number, if they can be told apart."""
    return dataset.at_most(count) if isinstance(dataset, ItemDataset) else dataset


def _of_items(
    fitted: FittedModel, writes: Writes, runner: Runner, dataset: Dataset
) -> Iterator[_Batch]:
    """Yields items with their right texts."""
    targets, writer = dataset.learnt, writes.known
    assert isinstance(targets, WrittenTargets)
    encode = WrittenTokens(writer, writer.length_for(targets.texts, writes.writer.most))
    begun = 0
    for (*items, read), right, *_ in iterate(dataset.batches(batch_size=_BATCH, encode=encode)):
        x = items if len(items) > 1 else items[0]
        inputs = inputs_of(fitted, runner, dataset, x, begun)
        yield _Batch(inputs, x, read, np.asarray(right))
        begun += len(right)


def _of_prompts(dataset: Dataset) -> Iterator[_Batch]:
    """Yields the beginnings of texts, of which the first halves are prompts."""
    assert isinstance(dataset, CorpusDataset)
    assert dataset.size is not None
    for begin in range(0, dataset.size, _BATCH):
        rows = range(begin, min(begin + _BATCH, dataset.size))
        tokens = [dataset.tokens_of(row)[:_TOKENS] for row in rows]
        prompts = _filled([row[: max(1, len(row) // 2)] for row in tokens])
        right = _filled([dataset.following[row][:_TOKENS] for row in rows])
        yield _Batch({"token_ids": prompts}, prompts, np.maximum(_filled(tokens), 0), right)


def _filled(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Returns rows of tokens, filled up with -1, int32 `(rows, tokens)`."""
    found = np.full((len(rows), max(map(len, rows))), -1, np.int32)
    for place, row in zip(found, rows, strict=True):
        place[: len(row)] = row
    return found


class _Compared:
    """Compares the logits of two networks behind each token of the right texts.

    Args:
        before: The number of tokens that are read before a text.
    """

    def __init__(self, before: int) -> None:
        self._before = before
        self._most = 0.0
        self._range = np.inf, -np.inf
        self._nats = np.zeros(2)
        self._others, self._tokens = list[float](), 0

    def add(
        self, expected: NextLogits, found: NextLogits, read: np.ndarray, right: np.ndarray
    ) -> None:
        """Reads the right texts of a batch with both.

        Args:
            expected: Gives the logits of Keras.
            found: Gives the logits of the exported network.
            read: The tokens that are read, int32 `(rows, tokens)`.
            right: The right token behind each, -1 where there is none.
        """
        lengths = np.full(len(read), self._before)
        for place in range(self._before - 1, read.shape[1]):
            both = [
                (
                    logits.next(read[:, place])
                    if place >= self._before
                    else logits.first(read[:, : self._before], lengths, read.shape[1])
                ).astype("float64")
                for logits in (expected, found)
            ]
            if (known := right[:, place] >= 0).any():
                self._compare(both[0][known], both[1][known], right[known, place])

    def _compare(self, expected: np.ndarray, found: np.ndarray, right: np.ndarray) -> None:
        """Compares the logits of some rows, `(rows, all tokens)`."""
        self._most = max(self._most, float(np.abs(expected - found).max()))
        least, most = self._range
        self._range = min(least, expected.min()), max(most, expected.max())
        rows = np.arange(len(right))
        for i, logits in enumerate((expected, found)):
            top = logits.max(axis=1)
            sums = np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top
            self._nats[i] += (sums - logits[rows, right]).sum()
        chosen = found.argmax(axis=1)
        self._others += (expected.max(axis=1) - expected[rows, chosen])[
            chosen != expected.argmax(axis=1)
        ].tolist()
        self._tokens += len(right)

    @property
    def difference(self) -> float:
        """The largest difference, as a share of the range of all logits."""
        least, most = self._range
        return self._most / (most - least)

    @property
    def scores(self) -> tuple[float, float]:
        """The mean probability of a right token, with both networks."""
        own, theirs = np.exp(-self._nats / self._tokens).tolist()
        return own, theirs

    def same(self, tolerance: float) -> np.ndarray:
        """Returns whether the likeliest token is the same each time, or as likely in Keras.

        Args:
            tolerance: How close two logits may be to count as the same, as a share of the range.
        """
        least, most = self._range
        wrong = sum(far > tolerance * (most - least) for far in self._others)
        return np.arange(self._tokens) >= wrong
