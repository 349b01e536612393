"""Predicts on photos tile by tile, with the readers that an export has, too."""

from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.data.dataset import Dataset
from transferlearn.edge.maps.whole_photos import predict_in_tiles
from transferlearn.fitted.outputs import of_batch
from transferlearn.fitted.trained import Trained

_AT_ONCE = 32  # tiles


def in_tiles(fitted: Trained, items: Any, tile: int | tuple[int, int], on_error: str) -> Any:
    """Predicts on one photo, or on each of several, tile by tile.

    Args:
        fitted: The model.
        items: What `FittedModel.predict` takes, but no stream; a dataset is one of files.
        tile: The side of a tile in pixels of the photo, or its `(height, width)`.
        on_error: What to do with a broken file among several.
    """
    kind, encoding = fitted.kind, fitted.encoding
    readers = kind.item_reader(), encoding.output_reader()

    def run(tiles: np.ndarray) -> np.ndarray:
        parts = [
            encoding.values(of_batch(fitted.model, tiles[begin : begin + _AT_ONCE]))
            for begin in range(0, len(tiles), _AT_ONCE)
        ]
        return np.concatenate(parts)

    if isinstance(items, Dataset):
        items = items.paths
    elif kind.is_one(items):
        return predict_in_tiles(*readers, items, tile, run)
    elif isinstance(items, (str, Path)) or kind.as_paths(items) is not None:
        items = kind.unlabelled(items, on_error=on_error).paths
    return [predict_in_tiles(*readers, item, tile, run) for item in items]
