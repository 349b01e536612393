"""Moves padded boxes as views move their photos."""

import numpy as np

from transferlearn.data.targets.boxes.columns import CLASS
from transferlearn.data.targets.moving import Geometries, Geometry, Movement

_VISIBLE = 0.3  # the least share of a box that is seen in a view; of less, no object is known
_LEAST = 1.0  # pixels of the shorter side


class AsBoxes(Movement):
    """Moves rows of boxes `(batch, most, 7)` whose corners are shares of the photo's sides.

    A box encloses its four moved corners, and is cut at the edge of the view. Where less than 0.3
    of it is left, it becomes a copy of the last row, which is padding; padding stays as it is.
    """

    def __call__(
        self,
        targets: np.ndarray,
        weights: np.ndarray | None,
        geometries: Geometries,
        shape: tuple[int, ...],
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Moves the boxes of each photo."""
        found = targets.copy()
        for rows, geometry in zip(found, geometries, strict=True):
            if geometry is not None:
                _move(rows, geometry, shape[0], shape[1])
        return found, weights


def _move(rows: np.ndarray, geometry: Geometry, height: int, width: int) -> None:
    """Moves the boxes of one photo in place."""
    real = np.flatnonzero(rows[:, CLASS] >= 0)
    limits = np.array([width, height] * 2, float)
    a, b, c, d, e, f = geometry.matrix(height, width)
    into_view = np.linalg.inv(np.array([[a, b], [d, e]]))
    x0, y0, x1, y1 = (rows[real, :4] * limits).T
    corners = np.stack([(x0, y0), (x0, y1), (x1, y0), (x1, y1)]).transpose(0, 2, 1)
    placed = (corners - (c, f)) @ into_view.T
    whole = np.concatenate([placed.min(axis=0), placed.max(axis=0)], axis=1)
    left, top, right, bottom = geometry.window(height, width)
    cut = np.clip(whole, (left, top) * 2, (right, bottom) * 2)
    sides, all_sides = (part[:, 2:] - part[:, :2] for part in (cut, whole))
    seen = (sides >= _LEAST).all(axis=1) & (sides.prod(axis=1) >= _VISIBLE * all_sides.prod(axis=1))
    rows[real, :4] = cut / limits
    rows[real[~seen]] = rows[-1]
