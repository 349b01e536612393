"""Features in their principal axes, where linear problems are well conditioned."""

from dataclasses import dataclass

import numpy as np

_FLAT = 1e-6  # share of the largest variance below which an axis counts as none


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Features in their principal axes: `values = (features - mean) @ rotation`."""

    values: np.ndarray
    variances: np.ndarray
    mean: np.ndarray
    rotation: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, weights: np.ndarray | None) -> "Axes":
        """Finds the principal axes of features, float `(items, features)`."""
        mean = np.average(features, axis=0, weights=weights).astype("float32")
        centred = features.astype("float32") - mean
        scale = np.sqrt(np.square(centred).mean()) or np.float32(1)
        values, variances, rotation = principal_axes(centred / scale)
        return cls(values=values, variances=variances, mean=mean, rotation=rotation / scale)


def principal_axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotates features into the axes in which they vary independently.

    Args:
        centred: Float32 `(items, features)` with the mean 0.

    Returns:
        The features in these axes, `(items, axes)`, the variance of each axis, and the rotation
        `(features, axes)`; axes in which next to nothing varies are left out.
    """
    items, count = centred.shape
    if count <= items:
        variances, rotation = np.linalg.eigh(centred.T @ centred / items)
        kept = variances > _FLAT * variances[-1]
        return centred @ rotation[:, kept], variances[kept], rotation[:, kept]
    variances, items_axes = np.linalg.eigh(centred @ centred.T / items)
    kept = variances > _FLAT * variances[-1]
    variances, items_axes = variances[kept], items_axes[:, kept]
    lengths = np.sqrt(items * variances)
    return items_axes * lengths, variances, centred.T @ (items_axes / lengths)
