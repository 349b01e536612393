"""Runs a model on items: for its outputs and what they mean, for predictions and figures."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice, repeat
from typing import Any, TypeVar

import keras
import numpy as np

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.data.messages import indented, notice
from transferlearn.fitted.trained import Trained
from transferlearn.progress import Stage, stage, working
from transferlearn.tasks import Encoding, Evaluation, Seen, Tally

Prediction = TypeVar("Prediction")

# One prediction at a time: on JAX a running one holds the model's state, and TensorFlow then
# compiles only once.
_predicting = threading.Lock()


@without_retracing_advice()
def of_batch(model: keras.Model, batch: Any) -> Any:
    """Gives a model's outputs for one batch, in the short way."""
    with _predicting:
        return model.predict_on_batch(batch)


@without_retracing_advice()
def of_rows(model: keras.Model, dataset: Dataset, batch_size: int) -> Any:
    """Gives a model's outputs for all rows of a dataset, in its order."""
    with _predicting:
        return dataset.run(model, batch_size=batch_size)


def with_targets(
    fitted: Trained,
    dataset: Dataset,
    model: keras.Model,
    values: Callable[[Any], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Reads a dataset once; gives a model's values for its rows, and its items' raw targets.

    Args:
        fitted: Says how the items are read.
        dataset: The items, with targets.
        model: The model to run, which takes the same inputs as `fitted.model`.
        values: A function that turns the model's outputs into values, row by row.
    """
    batch_size = fitted.outline.batch_size
    if isinstance(dataset, ItemDataset):
        outputs = of_rows(model, dataset, batch_size)
        return values(outputs), dataset.learnt[dataset.first_rows]
    batches = dataset.batches(batch_size=batch_size, encode=fitted.encoding.raw)
    pairs = [(values(of_batch(model, x)), np.asarray(y)) for x, y, *_ in iterate(batches)]
    rows, targets = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return rows, targets


def in_parts(fitted: Trained, dataset: Dataset) -> Iterator[tuple[np.ndarray, list[Seen]]]:
    """Gives a model's values for all items of a dataset, with what is known of the items.

    Where values are as large as items, they come batch by batch, so that not all are in memory.
    """
    if fitted.encoding.by_batch:
        seen = _seen(dataset)
        batches = iterate(dataset.batches(batch_size=fitted.outline.batch_size))
        with working(), _predicting_all(dataset) as predicted:
            for x, *_ in batches:
                values = fitted.encoding.values(of_batch(fitted.model, x))
                predicted.advance(len(values))
                yield values, [next(seen) for _ in values]
        return
    outputs = of_rows(fitted.model, dataset, fitted.outline.batch_size)
    values = dataset.of_items(fitted.encoding.values(outputs))
    yield values, list(islice(_seen(dataset), len(values)))


def decoded(
    encoding: Encoding[Prediction], parts: Iterable[tuple[np.ndarray, Sequence[Seen]]]
) -> list[Prediction]:
    """Turns values into predictions, and warns of values that are NaN or infinite."""
    predictions: list[Prediction] = []
    lost: list[str] = []
    for values, seen in parts:
        lost += not_finite(values, [one.path for one in seen], len(predictions))
        predictions += encoding.decode(values, seen)
    if lost:
        notice(
            f"The model gave NaN or infinity for {len(lost)} of {len(predictions)} items; ignore "
            f"these predictions:{indented(lost)}"
        )
    return predictions


def evaluated(fitted: Trained, dataset: Dataset) -> Evaluation:
    """Scores a model on items with targets, and keeps what the figures were computed from.

    Raises:
        ValueError: The model gives NaN.
    """
    started, encoding = time.perf_counter(), fitted.encoding
    if encoding.by_batch:
        tallied, paths = _tallied(fitted, dataset)
        seconds = time.perf_counter() - started
        return tallied.completed(encoding.score, None, None, paths, seconds)
    rows, targets = with_targets(fitted, dataset, fitted.model, encoding.values)
    values = dataset.of_items(rows)
    seconds = time.perf_counter() - started
    paths = tuple(dataset.paths or [None] * len(values))
    check_finite(values, paths)
    measured = encoding.measure(values, targets)
    return measured.completed(encoding.score, values, targets, paths, seconds)


def _tallied(fitted: Trained, dataset: Dataset) -> tuple[Evaluation, tuple[str | None, ...]]:
    """Counts, batch by batch, what all items add to the figures; gives their files, too."""
    encoding, seen = fitted.encoding, _seen(dataset)
    tallies: list[Tally] = []
    unchanged: list[Tally] = []
    classical: list[Tally | None] = []
    paths: list[str | None] = []
    batches = dataset.batches(batch_size=fitted.outline.batch_size, encode=encoding.raw)
    with working(), _predicting_all(dataset) as predicted:
        for x, y, *_ in iterate(batches):
            values = encoding.values(of_batch(fitted.model, x))
            of_batch_paths = [next(seen).path for _ in values]
            check_finite(values, of_batch_paths)
            same = encoding.unchanged(x)
            tallies.append(encoding.tally(values, np.asarray(y), same))
            if same is not None:
                unchanged.append(encoding.tally(same, np.asarray(y), same))
                classical.append(encoding.classical(same, np.asarray(y), dataset.size or 0))
            paths += of_batch_paths
            predicted.advance(len(values))
    return summed(tallies, unchanged, classical), tuple(paths)


def summed(
    tallies: Sequence[Tally], unchanged: Sequence[Tally], classical: Sequence[Tally | None] = ()
) -> Evaluation:
    """Computes the figures of tallies, beside those of what needs no learning if there are any.

    Args:
        tallies: What each batch adds.
        unchanged: What the items themselves add, taken for answers.
        classical: What a method that learns nothing adds.
    """
    found = type(tallies[0]).joined(tallies).evaluation()
    if not unchanged:
        return found
    counted = [one for one in classical if one is not None]
    beside = type(counted[0]).joined(counted) if counted else None
    return found.beside(type(unchanged[0]).joined(unchanged).evaluation(), beside)


def _predicting_all(dataset: Dataset) -> AbstractContextManager[Stage]:
    """Shows how many items of a dataset are predicted."""
    return stage("predicting", dataset.size, dataset.noun, cost=1.0)


def _seen(dataset: Dataset) -> Iterator[Seen]:
    """Gives what is known of each item, without an end where nothing is."""
    return map(Seen, dataset.paths or repeat(None), dataset.original_sizes or repeat(None))


def not_finite(values: np.ndarray, paths: Sequence[str | None], before: int = 0) -> list[str]:
    """Names the items with a value that is NaN or infinite, which come after `before` others."""
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return [paths[int(i)] or f"item {before + i}" for i in np.flatnonzero(~finite)]


def check_finite(values: np.ndarray, paths: Sequence[str | None]) -> None:
    """Refuses values that are NaN or infinite, of which figures would be wrong."""
    if lost := not_finite(values, paths):
        raise ValueError(
            f"The model gives NaN or infinity for {len(lost)} of {len(values)} items, so no "
            "figure would be right. If it is for all, the weights are lost: train again, with "
            f"a lower learning_rate. If it is for a few, look at these:{indented(lost)}"
        )
