"""Predicts on photos tile by tile, with the readers that an export has, too."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.data.dataset import Dataset
from transferlearn.data.images.dataset import ImageDataset
from transferlearn.edge.maps.reading import join_tiles, predict_in_tiles
from transferlearn.fitted.outputs import check_finite, summed
from transferlearn.fitted.trained import Trained
from transferlearn.tasks import Evaluation, Seen, Tally

_AT_ONCE = 32  # tiles


def in_tiles(fitted: Trained, items: Any, tile: int | tuple[int, int], on_error: str) -> Any:
    """Predicts on one photo, or on each of several, tile by tile.

    Args:
        fitted: The model.
        items: What `FittedModel.predict` takes, but no stream; a dataset is one of files.
        tile: The side of a tile in pixels of the photo, or its `(height, width)`.
        on_error: What to do with a broken file among several.
    """
    kind = fitted.kind
    readers, run = (kind.item_reader(), fitted.encoding.output_reader()), _maps(fitted)
    if isinstance(items, Dataset):
        items = items.paths
    elif kind.is_one(items):
        return predict_in_tiles(*readers, items, tile, run)
    elif isinstance(items, (str, Path)) or kind.as_paths(items) is not None:
        items = kind.unlabelled(items, on_error=on_error).paths
    return [predict_in_tiles(*readers, item, tile, run) for item in items]


def evaluated_in_tiles(
    fitted: Trained, dataset: Dataset, tile: int | tuple[int, int]
) -> Evaluation:
    """Scores a model on photos in their own sizes, tile by tile, as `in_tiles` predicts on them.

    Args:
        fitted: The model.
        dataset: The photos, with targets.
        tile: The side of a tile in pixels of the photo, or its `(height, width)`.

    Raises:
        ValueError: These are no photos that can be read again, the model makes neither maps nor
            boxes, or it gives NaN.
    """
    if not isinstance(dataset, ImageDataset):
        raise ValueError("tile is for photos from files or arrays. Leave tile out.")
    started = time.perf_counter()
    tallies: list[Tally] = []
    unchanged: list[Tally] = []
    for number, size in enumerate(dataset.original_sizes):
        one = dataset.of(np.array([number]))
        one = one if size is None else one.resized(size)
        same = fitted.encoding.scoring.unchanged(one.image(0)[None])
        tallies.append(_tally(fitted, one, tile, None if same is None else same[0]))
        if same is not None:
            unchanged.append(fitted.encoding.scoring.tally(same, one.learnt[np.array([0])], same))
    figures = summed(tallies, unchanged)
    paths = tuple(dataset.paths or [None] * len(tallies))
    seconds = time.perf_counter() - started
    score, values, targets = fitted.encoding.score, figures.model_values, figures.targets
    return figures.completed(score, values, targets, paths, seconds)


def _tally(
    fitted: Trained,
    one: ImageDataset,
    tile: int | tuple[int, int],
    unchanged: np.ndarray | None,
) -> Tally:
    """Counts what one photo in its own size, the only one of a dataset, adds to the figures."""
    reader = fitted.encoding.output_reader().without_thresholds()
    readers, run = (fitted.kind.item_reader(), reader), _maps(fitted)
    path = one.paths[0] if one.paths else None

    def checked(tiles: np.ndarray) -> np.ndarray:
        values = run(tiles)
        check_finite(values, [path] * len(values))
        return values

    prediction = join_tiles(*readers, one.image(0), Seen(path, one.image_size), tile, checked)
    return fitted.encoding.scoring.tally_of(prediction, one.learnt[np.array([0])][0], unchanged)


def _maps(fitted: Trained) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what runs the model on tiles, some at a time."""
    answerer = fitted.answerer()

    def run(tiles: np.ndarray) -> np.ndarray:
        parts = [
            answerer(tiles[begin : begin + _AT_ONCE]) for begin in range(0, len(tiles), _AT_ONCE)
        ]
        return np.concatenate(parts)

    return run
