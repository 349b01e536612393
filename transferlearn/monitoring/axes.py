"""Lays features out along the axes of the training items, and says how foreign an item is."""

from dataclasses import dataclass

import numpy as np

AXES = 16
_WIDEST = 4096  # features that are looked at; of more, as many are picked at even distances


@dataclass(frozen=True)
class FeatureAxes:
    """Holds the principal axes of training items' features.

    Attributes:
        width: The number of features of an item.
        mean: The mean of each picked feature, float32 `(picked,)`.
        rotation: The axes, float32 `(picked, axes)`, scaled so that training items have a spread of
            1 along each.
        rest: The mean square of what the axes leave of a training item.
    """

    width: int
    mean: np.ndarray
    rotation: np.ndarray
    rest: float

    @classmethod
    def of(cls, features: np.ndarray) -> "FeatureAxes":
        """Finds the axes along which features `(items, features)` vary most."""
        width = features.shape[1]
        picked = np.asarray(features[:, _picked(width)], np.float64)
        mean = picked.mean(axis=0)
        centred = picked - mean
        sizes, axes = _principal(centred)
        # Half of the axes that the items span at most, so that something is left of each.
        count = min(AXES, max(1, int((sizes > 1e-6 * (sizes[0] or 1)).sum()) // 2))
        sizes, axes = np.maximum(sizes[:count], 1e-12), axes[:, :count]
        spread = sizes / max(len(features) - 1, 1) ** 0.5
        left = np.square(centred).sum(axis=1) - np.square(centred @ axes).sum(axis=1)
        return cls(
            width=width,
            mean=mean.astype(np.float32),
            rotation=(axes / spread).astype(np.float32),
            rest=float(max(left.mean(), 1e-12)),
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the mean and the axes as a save holds them."""
        wide = self.width > 1024
        return {
            "mean": self.mean,
            "rotation": self.rotation.astype(np.float16 if wide else np.float32),
        }

    def places(self, features: np.ndarray) -> np.ndarray:
        """Returns the place of each item along the axes, float32 `(items, axes)`.

        Raises:
            ValueError: The items have another number of features.
        """
        if features.shape[1] != self.width:
            raise ValueError(
                f"The reference was made of {self.width} features an item, and these items have "
                f"{features.shape[1]}: it belongs to another model."
            )
        return (features[:, _picked(self.width)] - self.mean) @ self.rotation

    def novelty(self, features: np.ndarray) -> np.ndarray:
        """Returns how far each item is from the training items, along the axes and beside them.

        Returns:
            The logarithm of a squared distance, float `(items,)`.
        """
        centred = features[:, _picked(self.width)] - self.mean
        places = centred @ self.rotation
        lengths = 1 / np.square(self.rotation).sum(axis=0)  # of the unscaled axes, squared
        beside = np.square(centred).sum(axis=1) - np.square(places) @ lengths
        relative = np.maximum(beside, 0) / self.rest
        return np.log(np.square(places).mean(axis=1) + relative + 1e-6)


def _picked(width: int) -> np.ndarray:
    """Returns the numbers of the features that are looked at."""
    return np.unique(np.linspace(0, width - 1, min(width, _WIDEST)).round().astype(int))


def _principal(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the singular values of a matrix, the largest first, and its right vectors as columns.

    By the smaller of its two squares, which is several times faster than by the matrix itself.
    """
    wide = len(centred) < centred.shape[1]
    squares, vectors = np.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
    sizes = np.sqrt(np.maximum(squares[::-1], 0.0))
    vectors = vectors[:, ::-1]
    return sizes, centred.T @ vectors / np.maximum(sizes, 1e-12) if wide else vectors
