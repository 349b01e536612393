"""Moves targets as views move their items: a target says how, nothing is guessed from its shape."""

import abc
from collections.abc import Sequence

import numpy as np
from PIL import Image


class Geometry(abc.ABC):
    """Describes where each place of one view comes from in its item, by an affine map."""

    @abc.abstractmethod
    def matrix(self, height: int, width: int) -> tuple[float, ...]:
        """Returns six numbers a to f of the map, in pixels.

        The view shows at (x, y) what the item has at (a x + b y + c, d x + e y + f).

        Args:
            height: The height in pixels of the item, or of a map of it.
            width: Its width.
        """

    def window(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Returns the part of the view in which the item is seen; by default all of it.

        Returns:
            x0, y0, x1, y1 in pixels.
        """
        return 0, 0, width, height


class Mirror(Geometry):
    """Exchanges left and right."""

    def matrix(self, height: int, width: int) -> tuple[float, ...]:
        """Returns the six numbers of the map."""
        return -1, 0, width, 0, 1, 0


Geometries = Sequence[Geometry | None]
"""The geometry of each item's view; `None`: the view shows the item where it is."""


class Movement(abc.ABC):
    """Describes how encoded targets of a batch move with the views of their items."""

    @abc.abstractmethod
    def __call__(
        self,
        targets: np.ndarray,
        weights: np.ndarray | None,
        geometries: Geometries,
        shape: tuple[int, ...],
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns the targets and weights that belong to the views; those given stay as they are.

        Args:
            targets: The encoded targets, `(batch, ...)`.
            weights: Their weights, or `None`.
            geometries: The geometry of each item's view.
            shape: The shape of an item, such as `(height, width, 3)`.
        """


class Still(Movement):
    """Leaves targets as they are, such as classes and numbers."""

    def __call__(
        self,
        targets: np.ndarray,
        weights: np.ndarray | None,
        geometries: Geometries,
        shape: tuple[int, ...],
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns the targets and weights as they are."""
        return targets, weights


class AsMaps(Movement):
    """Moves maps `(batch, height, width, ...)`, and weights of the same height and width.

    Args:
        outside: The value of what comes from outside the item; its weight is 0.
        resampling: Which values of the map a new one is made of.
    """

    def __init__(
        self, outside: float = -1, resampling: Image.Resampling = Image.Resampling.NEAREST
    ) -> None:
        self._outside = outside
        self._resampling = resampling

    def __call__(
        self,
        targets: np.ndarray,
        weights: np.ndarray | None,
        geometries: Geometries,
        shape: tuple[int, ...],
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Moves the maps, and their weights."""
        moved = _all_moved(targets, geometries, self._resampling, self._outside)
        if weights is not None and weights.shape[1:3] == targets.shape[1:3]:
            weights = _all_moved(weights, geometries, Image.Resampling.NEAREST, 0)
        return moved, weights


def _all_moved(
    part: np.ndarray, geometries: Geometries, resampling: Image.Resampling, outside: float
) -> np.ndarray:
    """Moves each map of a batch."""
    rows = [
        one if geometry is None else moved(one, geometry, resampling, outside)
        for one, geometry in zip(part, geometries, strict=True)
    ]
    return np.stack(rows).astype(part.dtype, copy=False)


def moved(
    part: np.ndarray, geometry: Geometry, resampling: Image.Resampling, outside: float
) -> np.ndarray:
    """Moves a map `(height, width)` or `(height, width, channels)`; in 32 bits, as Pillow does."""
    if isinstance(geometry, Mirror):
        return part[:, ::-1]
    if part.ndim == 3:
        channels = (moved(one, geometry, resampling, outside) for one in np.moveaxis(part, -1, 0))
        return np.stack(list(channels), axis=-1)
    height, width = part.shape
    kind = np.int32 if part.dtype.kind in "biu" else np.float32
    image = Image.fromarray(np.ascontiguousarray(part, kind))
    return np.asarray(
        image.transform(
            (width, height),
            Image.Transform.AFFINE,
            geometry.matrix(height, width),
            resample=resampling,
            fillcolor=int(outside) if kind is np.int32 else outside,
        )
    )
