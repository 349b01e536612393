"""Runs a model on items: for its outputs and what they mean, for predictions and figures."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any

import numpy as np

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.iterating import iterate
from transferlearn.data.messages import indented, notice
from transferlearn.fitted.trained import Trained
from transferlearn.progress import Stage, stage, working
from transferlearn.tasks import Answerer, Encoding, Evaluation, Seen, Tally, scorer
from transferlearn.types import Prediction


def with_targets(
    fitted: Trained, dataset: Dataset, answerer: Answerer
) -> tuple[np.ndarray, np.ndarray]:
    """Reads a dataset once; returns the answers to its rows, and its items' raw targets.

    Args:
        fitted: The model, which says how the items are read.
        dataset: The items, with targets.
        answerer: What answers them.
    """
    batch_size = fitted.outline.batch_size
    if isinstance(dataset, ItemDataset):
        return answerer.of_rows(dataset, batch_size), dataset.learnt[dataset.first_rows]
    batches = dataset.batches(batch_size=batch_size, encode=fitted.encoding.scoring.raw)
    pairs = [(answerer(x), np.asarray(y)) for x, y, *_ in iterate(batches)]
    rows, targets = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return rows, targets


def predicted(fitted: Trained, items: object, answerer: Answerer, on_error: str) -> Any:
    """Predicts on one item, or on each of several, see `FittedModel.predict`."""
    kind, encoding = fitted.kind, fitted.encoding
    # The short way for one item: no hashes, no threads, nothing traced again.
    single = not isinstance(items, Dataset) and kind.is_one(items)
    if single and (one := kind.one(items)) is not None:
        values = answerer(one.batch)
        return decoded(encoding, [(values, [Seen(one.path, one.size)])])[0]
    dataset = items if isinstance(items, Dataset) else None
    dataset = dataset or kind.unlabelled(items, on_error="raise" if single else on_error)
    predictions = decoded(encoding, in_parts(fitted, dataset, answerer))
    return predictions[0] if single else predictions


def in_parts(
    fitted: Trained, dataset: Dataset, answerer: Answerer
) -> Iterator[tuple[np.ndarray, list[Seen]]]:
    """Yields a model's values for all items of a dataset, with what is known of the items.

    Where values are as large as items, they come batch by batch, so that not all are in memory.
    """
    if fitted.encoding.scoring.by_batch:
        seen = dataset.seen()
        batches = iterate(dataset.batches(batch_size=fitted.outline.batch_size))
        with working(), _predicting_all(dataset) as predicted:
            for x, *_ in batches:
                values = answerer(x)
                predicted.advance(len(values))
                yield values, [next(seen) for _ in values]
        return
    values = dataset.of_items(answerer.of_rows(dataset, fitted.outline.batch_size))
    yield values, list(islice(dataset.seen(), len(values)))


def decoded(
    encoding: Encoding[Prediction], parts: Iterable[tuple[np.ndarray, Sequence[Seen]]]
) -> list[Prediction]:
    """Turns values into predictions, and warns of values that are NaN or infinite."""
    predictions: list[Prediction] = []
    reader = encoding.output_reader()
    lost: list[str] = []
    for values, seen in parts:
        lost += not_finite(values, [one.path for one in seen], len(predictions))
        predictions += reader.read(reader.as_outputs(values), seen)
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
    if encoding.scoring.by_batch:
        tallied, paths = _tallied(fitted, dataset)
        seconds = time.perf_counter() - started
        return tallied.completed(encoding.score, None, None, paths, seconds)
    rows, targets = with_targets(fitted, dataset, scorer(encoding, fitted.model, fitted.kind))
    values = dataset.of_items(rows)
    seconds = time.perf_counter() - started
    paths = tuple(dataset.paths or [None] * len(values))
    check_finite(values, paths)
    measured = encoding.scoring.measure(values, targets)
    return measured.completed(encoding.score, values, targets, paths, seconds)


def _tallied(fitted: Trained, dataset: Dataset) -> tuple[Evaluation, tuple[str | None, ...]]:
    """Counts, batch by batch, what all items add to the figures; gives their files, too."""
    scoring, answerer, seen = fitted.encoding.scoring, fitted.answerer(), dataset.seen()
    tallies: list[Tally] = []
    unchanged: list[Tally] = []
    classical: list[Tally | None] = []
    paths: list[str | None] = []
    batches = dataset.batches(batch_size=fitted.outline.batch_size, encode=scoring.raw)
    with working(), _predicting_all(dataset) as predicted:
        for x, y, *_ in iterate(batches):
            values = answerer(x)
            of_batch_paths = [next(seen).path for _ in values]
            check_finite(values, of_batch_paths)
            same = scoring.unchanged(np.asarray(x))
            tallies.append(scoring.tally(values, np.asarray(y), same))
            if same is not None:
                unchanged.append(scoring.tally(same, np.asarray(y), same))
                before, of = len(paths), dataset.size
                classical.append(scoring.classical(same, np.asarray(y), before=before, of=of))
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
