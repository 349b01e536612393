"""Predicts on a photo of any size tile by tile."""

from collections.abc import Callable
from typing import Any

import numpy as np

from transferlearn.edge.item_reader import ItemReader, Seen
from transferlearn.edge.maps.tiling import Tiling
from transferlearn.edge.output_reader import OutputReader


def predict_in_tiles(
    item_reader: ItemReader,
    output_reader: OutputReader,
    item: Any,
    tile: int | tuple[int, int],
    run: Callable[[np.ndarray], np.ndarray],
) -> Any:
    """Predicts on one photo in tiles, whose maps are blended where they overlap.

    Args:
        item_reader: Reads the photo, and makes of its tiles what the network takes.
        output_reader: Makes the prediction.
        item: The photo, as `item_reader` takes it.
        tile: The side of a tile in pixels of the photo, or its `(height, width)`.
        run: Gives the maps of a row of tiles, `(tiles, rows, columns, channels)`.

    Raises:
        ValueError: The photo cannot be read, or these readers know no photos and maps.
    """
    pixels, seen = item_reader.photo(item)
    return join_tiles(item_reader, output_reader, pixels, seen, tile, run)


def join_tiles(
    item_reader: ItemReader,
    output_reader: OutputReader,
    pixels: np.ndarray,
    seen: Seen,
    tile: int | tuple[int, int],
    run: Callable[[np.ndarray], np.ndarray],
) -> Any:
    """Predicts in tiles on a photo that was read, `(height, width, 3)`; see `predict_in_tiles`."""
    tiling = Tiling.of((pixels.shape[0], pixels.shape[1]), tile, output_reader.scale)
    maps = (run(item_reader.tiles([pixels[box] for box in row])) for row in tiling.rows())
    return output_reader.of_tiles(tiling, maps, seen)
