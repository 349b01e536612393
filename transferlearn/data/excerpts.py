"""Opens a few items of a source, which stand for all."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from transferlearn.data.checks import check_train, check_validation
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.holding_out import hold_out
from transferlearn.data.listed import Listed
from transferlearn.data.loading import Reading, listed_of, parts_of
from transferlearn.data.targets import Targets
from transferlearn.types import Source


class Excerpt(NamedTuple):
    """Holds a few items that stand for many.

    Attributes:
        few: The items that were opened.
        size: The number of rows that all items have; an item is one row, or several as a long text.
        seconds: How long it took to open the few items, with hashing.
        held_bytes: The bytes of the few items in memory, besides what the source itself holds.
    """

    few: ItemDataset
    size: int
    seconds: float
    held_bytes: int


def load_excerpts(
    train: Source,
    validation_data: Source | None,
    reading: Reading,
    *,
    validation_split: float | None,
    least_to_split: int,
    seed: int | None,
    share: Callable[[int], float],
) -> list[Excerpt]:
    """Loads what `load_pair` loads, of a source that is no stream, but opens a few items only.

    Args:
        train: The source to train on, as `load_pair` takes it, but no stream.
        validation_data: The source to validate on, as `load_pair` takes it, but no stream.
        reading: How both sources are read.
        validation_split: The share of the items to validate on, if there is no source to do so.
        least_to_split: Of fewer items none is held out.
        seed: The seed by which those items are drawn, not by content, since few are opened.
        share: Returns, for the number of all items, the share of them to open, in (0, 1].

    Returns:
        Some items to train on, and some to validate on if there are any.

    Raises:
        ValueError: As `load_pair` raises it; also for a stream, whose items cannot be read alone.
    """
    source, beside = parts_of(train, reading)
    listed, targets = listed_of(source, reading)
    rows = np.arange(len(listed))
    other = beside if validation_data is None else validation_data
    parts = [(listed, targets, rows)]
    if other is not None:
        given = listed_of(other, replace(reading, target=reading.target.like(targets)))
        parts.append((*given, np.arange(len(given[0]))))
    elif validation_split and len(listed) >= least_to_split:
        held_out = _held_out(targets, rows, validation_split, seed)
        parts = [(listed, targets, part) for part in (rows[~held_out], rows[held_out])]
    parts = [given for given in parts if len(given[2])]
    part = share(sum(len(rows) for *_, rows in parts))
    found: list[Excerpt] = []
    for listed, targets, rows in parts:
        found.append(_excerpt(listed, targets, rows, part, reading))
        reading = replace(reading, kind=reading.kind.like(found[0].few))
    few = reading.kind.of_one_shape([excerpt.few for excerpt in found])
    # The few may lack a class that all have.
    wholes = [replace(x, targets=y.take(rows)) for x, (_, y, rows) in zip(few, parts, strict=True)]
    check_train(wholes[0])
    if len(wholes) > 1:
        check_validation(wholes[0], wholes[1], split=other is None)
    pairs = zip(found, few, strict=True)
    return [one._replace(few=x) for one, x in pairs if isinstance(x, ItemDataset)]


def _excerpt(
    listed: Listed, targets: Targets, rows: np.ndarray, share: float, reading: Reading
) -> Excerpt:
    """Opens a share of the items `rows`, the same of each class, and measures how long it takes."""
    # At least one of each class is not held out.
    chosen = rows[~_held_out(targets, rows, 1 - share, 0)] if share < 1 else rows

    def opened(rows: np.ndarray) -> ItemDataset:
        dataset = reading.kind.open(
            listed.take(rows), targets.take(rows), on_error=reading.on_error
        )
        dataset.content_hashes()  # `fit` asks for them too, so they are part of the time
        return dataset

    opened(chosen[:1])  # begins threads, loads codecs
    begun = time.perf_counter()
    few = opened(chosen)
    seconds = time.perf_counter() - begun
    in_memory = isinstance(listed.items, np.ndarray)
    size = round(len(rows) * len(few.items) / len(chosen))
    return Excerpt(few, size, seconds, 0 if in_memory else few.items.held_bytes)


def _held_out(targets: Targets, rows: np.ndarray, fraction: float, seed: int | None) -> np.ndarray:
    """Returns whether each of the items `rows` is held out, chosen by its number."""
    return hold_out(list(map(str, rows)), None, targets.take(rows).strata(), fraction, seed)
