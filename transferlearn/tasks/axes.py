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
        items, count = centred.shape
        scale = np.sqrt(np.square(centred).mean()) or np.float32(1)
        centred /= scale
        if count <= items:
            variances, rotation = np.linalg.eigh(centred.T @ centred / items)
            kept = variances > _FLAT * variances[-1]
            variances, rotation = variances[kept], rotation[:, kept]
            values = centred @ rotation
        else:
            variances, items_axes = np.linalg.eigh(centred @ centred.T / items)
            kept = variances > _FLAT * variances[-1]
            variances, items_axes = variances[kept], items_axes[:, kept]
            lengths = np.sqrt(items * variances)
            values, rotation = items_axes * lengths, centred.T @ (items_axes / lengths)
        return cls(values=values, variances=variances, mean=mean, rotation=rotation / scale)
