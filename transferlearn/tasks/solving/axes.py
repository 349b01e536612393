"""Rotates features into their principal axes, where linear problems are well conditioned."""

from dataclasses import dataclass

import numpy as np

# Share of the largest variance below which an axis is left out: float32 rounds at 1.2e-7.
_FLAT = 1e-6


@dataclass(frozen=True, kw_only=True)
class RotatedFeatures:
    """Holds features in their principal axes: `values = (features - mean) @ rotation`.

    Attributes:
        values: The features in their axes, float32 `(items, axes)`.
        variances: The variance along each axis.
        mean: The mean of each feature.
        rotation: The matrix from features to axes, `(features, axes)`, the scaling included.
    """

    values: np.ndarray
    variances: np.ndarray
    mean: np.ndarray
    rotation: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, weights: np.ndarray | None) -> "RotatedFeatures":
        """Centres and scales features, `(items, features)`, and rotates them into their axes.

        Args:
            features: The features of the items.
            weights: The weight of each item in the mean; `None`: all weigh the same.
        """
        mean = np.average(features, axis=0, weights=weights).astype("float32")
        centred = features.astype("float32") - mean
        # With a mean square of 1, a strength of the penalty means the same for any features.
        scale = np.sqrt(np.square(centred).mean()) or np.float32(1)
        values, variances, rotation = principal_axes(centred / scale)
        return cls(values=values, variances=variances, mean=mean, rotation=rotation / scale)


def check_finite(features: np.ndarray) -> None:
    """Refuses features with a value that is NaN or infinite."""
    if not np.isfinite(features).all():
        raise ValueError("Features to solve a head on have values that are not finite.")


def principal_axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotates features into the axes along which they vary independently.

    Args:
        centred: The features less their mean, float32 `(items, features)`.

    Returns:
        The features in these axes, `(items, axes)`, the variance of each axis, and the rotation
        `(features, axes)`; axes along which next to nothing varies are left out.
    """
    items, count = centred.shape
    if count <= items:
        variances, rotation = np.linalg.eigh(centred.T @ centred / items)
        kept = variances > _FLAT * variances[-1]
        return centred @ rotation[:, kept], variances[kept], rotation[:, kept]
    # With fewer items than features, the smaller matrix, of the items, has the same variances.
    variances, items_axes = np.linalg.eigh(centred @ centred.T / items)
    kept = variances > _FLAT * variances[-1]
    variances, items_axes = variances[kept], items_axes[:, kept]
    lengths = np.sqrt(items * variances)
    return items_axes * lengths, variances, centred.T @ (items_axes / lengths)
