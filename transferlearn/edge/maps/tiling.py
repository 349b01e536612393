"""Cuts large photos into overlapping tiles, and puts the maps of the tiles together, blended."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from PIL import Image

Box = tuple[slice, slice]
"""The rows and the columns of a part of a photo."""

# Shares of a tile's side. A network sees less near the edge of a tile, so that edge is not used.
_OVERLAP = 1 / 4
_UNUSED = 1 / 16
_BLENDED = _OVERLAP - 2 * _UNUSED
_STRIP = 512  # rows of a photo that are put together at a time
LEAST = 32  # pixels; a photo of 4,000 x 3,000 has 21,000 tiles of that side


class Strip(NamedTuple):
    """Holds some rows of a photo's map.

    Attributes:
        rows: The rows of the photo.
        channels: Each channel of the map, float32 `(rows, width)`. It is made when it is asked for,
            since all of them need not fit into memory, and before the next strip is.
    """

    rows: slice
    channels: Iterator[np.ndarray]


@dataclass(frozen=True)
class Tiling:
    """Describes where the tiles of a photo lie: a quarter of each lies on the tile beside it.

    Args:
        size: The `(height, width)` of the photo in pixels.
        tile: The `(height, width)` of a tile; a smaller photo is one tile.
        scale: How many times larger the map is that is put together.
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    scale: int = 1

    def __post_init__(self) -> None:
        height, width = (min(sides) for sides in zip(self.size, self.tile, strict=True))
        object.__setattr__(self, "tile", (height, width))

    @classmethod
    def of(cls, size: tuple[int, int], tile: int | tuple[int, int], scale: int = 1) -> "Tiling":
        """Makes the tiling of a photo.

        Raises:
            ValueError: `tile` is neither a side nor a height and a width of 32 pixels or more.
        """
        sides = tile if isinstance(tile, (tuple, list)) else (tile, tile)
        if len(sides) != 2 or not all(
            isinstance(s, (int, np.integer)) and s >= LEAST for s in sides
        ):
            raise ValueError(
                "tile is the side of a tile in pixels of the photo, such as tile=512, or its "
                f"(height, width), of at least {LEAST}. Received: tile={tile!r:.80}"
            )
        return cls(size, (sides[0], sides[1]), scale)

    def rows(self) -> Iterator[list[Box]]:
        """Yields the place of each tile, row by row."""
        height, width = self.tile
        for top in _starts(self.size[0], height):
            yield [
                (slice(top, top + height), slice(left, left + width))
                for left in _starts(self.size[1], width)
            ]

    def blended(self, maps: Iterable[np.ndarray]) -> Iterator[Strip]:
        """Puts maps of tiles together, from top to bottom.

        Each map is enlarged, bilinearly, to `scale` times the size of its tile. Only those rows of
        tiles are kept that are still needed.

        Args:
            maps: The maps of each row of tiles, `(tiles, rows, columns, channels)`.
        """
        waiting: deque[tuple[int, np.ndarray]] = deque()
        done = 0
        for index, row in enumerate(maps):
            waiting.append((index, row))
            until = self._tops[index + 1] if index + 1 < len(self._tops) else self._size[0]
            for begin in range(done, until, _STRIP):
                rows = slice(begin, min(begin + _STRIP, until))
                made = (self._channel(waiting, rows, i) for i in range(row.shape[-1]))
                yield Strip(rows, made)
            done = until
            while waiting and self._tops[waiting[0][0]] + self._tile[0] <= done:
                waiting.popleft()

    @property
    def _size(self) -> tuple[int, int]:
        """The `(height, width)` of the map that is put together."""
        return self.size[0] * self.scale, self.size[1] * self.scale

    @property
    def _tile(self) -> tuple[int, int]:
        """The `(height, width)` of a tile in that map."""
        return self.tile[0] * self.scale, self.tile[1] * self.scale

    @cached_property
    def _tops(self) -> list[int]:
        return [start * self.scale for start in _starts(self.size[0], self.tile[0])]

    @cached_property
    def _lefts(self) -> list[int]:
        return [start * self.scale for start in _starts(self.size[1], self.tile[1])]

    @cached_property
    def _down(self) -> list[np.ndarray]:
        return _weights(self._tops, self._size[0], self._tile[0])

    @cached_property
    def _across(self) -> list[np.ndarray]:
        return _weights(self._lefts, self._size[1], self._tile[1])

    def _channel(
        self, waiting: Iterable[tuple[int, np.ndarray]], rows: slice, channel: int
    ) -> np.ndarray:
        """Makes one channel of some rows of the photo, float32 `(rows, width)`."""
        height = rows.stop - rows.start
        (tall, wide), total = self._tile, np.zeros((height, self._size[1]), "float32")
        for index, maps in waiting:
            top = self._tops[index]
            begin, end = max(rows.start, top), min(rows.stop, top + tall)
            if begin >= end:
                continue
            part = slice(begin - top, end - top)
            place = total[begin - rows.start : end - rows.start]
            for column, left in enumerate(self._lefts):
                enlarged = _enlarged(maps[column, ..., channel], self._tile, part)
                weights = self._down[index][part, None] * self._across[column]
                place[:, left : left + wide] += weights * enlarged
        return total


def whole(values: np.ndarray, size: tuple[int, int], scale: int = 1) -> Iterator[Strip]:
    """Returns a single map, `(rows, columns, channels)`, in `scale` times the size of its photo."""
    return Tiling(size, size, scale).blended([values[None]])


def _starts(length: int, side: int) -> list[int]:
    """Returns where tiles begin on an axis; the last one ends where the photo does."""
    step = max(1, side - int(side * _OVERLAP))
    return [*range(0, length - side, step), length - side]


def _weights(starts: Sequence[int], length: int, side: int) -> list[np.ndarray]:
    """Returns how much each place of each tile counts on an axis; over all tiles it is 1 in sum."""
    places = (np.arange(side, dtype=np.float32) + 0.5) / side
    ramps, total = [], np.zeros(length, np.float32)
    for start in starts:
        ramp = np.ones(side, np.float32)
        if start:
            ramp = np.minimum(ramp, (places - _UNUSED) / _BLENDED)
        if start + side < length:
            ramp = np.minimum(ramp, (1 - places - _UNUSED) / _BLENDED)
        ramps.append(np.maximum(ramp, 0))
        total[start : start + side] += ramps[-1]
    return [ramp / total[at : at + side] for ramp, at in zip(ramps, starts, strict=True)]


def _enlarged(channel: np.ndarray, tile: tuple[int, int], part: slice) -> np.ndarray:
    """Enlarges one channel of a map to the size of its tile, and gives the rows in `part`."""
    (rows, columns), (tall, wide) = channel.shape, tile
    image = Image.fromarray(np.ascontiguousarray(channel, np.float32))
    box = (0, part.start * rows / tall, columns, part.stop * rows / tall)
    size = (wide, part.stop - part.start)
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box))
