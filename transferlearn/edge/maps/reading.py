"""Defines what makes predictions of maps, each in the size of its photo."""

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from transferlearn.edge.description import TensorSpec
from transferlearn.edge.item_reader import ItemReader, Seen
from transferlearn.edge.maps.tiling import Strip, Tiling, whole
from transferlearn.edge.output_reader import OutputReader, Prediction


class MapReader(OutputReader[Prediction]):
    """Makes predictions of maps, each in the size of its photo.

    Attributes:
        output: The name of the output, `(rows, height, width, channels)`.
    """

    output: ClassVar[str]

    def check_outputs(self, outputs: Mapping[str, TensorSpec]) -> None:
        """Compares the axes, too, which are those of pictures."""
        super().check_outputs(outputs)
        if len(shape := outputs[self.output].shape) != 4:
            raise ValueError(f"{self.output} are no maps, but of shape {shape}.")

    def read(self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]) -> list[Prediction]:
        """Makes a prediction of each map; where no size is known, in the map's own."""
        found = []
        for values, one in zip(outputs[self.output], seen, strict=True):
            size = one.size or (values.shape[0] // self.scale, values.shape[1] // self.scale)
            strips = whole(values, size, self.scale)
            found.append(self.joined(strips, one._replace(size=size)))
        return found

    @abc.abstractmethod
    def joined(self, strips: Iterator[Strip], seen: Seen) -> Prediction:
        """Makes a prediction of a map in the size of its photo, which comes strip by strip."""


def predict_in_tiles(
    item_reader: ItemReader,
    output_reader: OutputReader,
    item: object,
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
