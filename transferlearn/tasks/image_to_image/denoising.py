"""Removes noise without learning anything, to see what a network is worth beside it."""

import numpy as np

_MARGIN, _DISTANCE = 2, 6  # pixels: patches of 5 x 5; how far alike patches are looked for
_STRENGTH = 0.8  # of the noise; scikit-image advises 0.6 to 0.8
_NORMAL = 0.6745  # the median of the absolute values, for a standard deviation of 1
_GAUSSIAN = np.exp(-(np.arange(-_MARGIN, _MARGIN + 1) ** 2) / (2.0 * (_MARGIN / 2) ** 2))
_WEIGHTS = (_GAUSSIAN / _GAUSSIAN.sum()).astype(np.float32)  # of the rows or columns of a patch


def non_local_means(picture: np.ndarray) -> np.ndarray:
    """Returns the means of the pixels around each pixel, by how alike their surroundings are.

    It is `denoise_nl_means` of scikit-image with `patch_size=5`, `patch_distance=6`,
    `fast_mode=False`, the noise that `noise_of` finds as `sigma`, and `h=0.8 * sigma`.

    Args:
        picture: `(height, width, 3)` in [0, 255].

    Reference: Buades et al., [A non-local algorithm](https://doi.org/10.1109/CVPR.2005.38).
    """
    pixels, noise = picture.astype(np.float32), noise_of(picture)
    if not noise:
        return pixels
    padded = np.pad(pixels, [(_MARGIN, _MARGIN)] * 2 + [(0, 0)], "reflect")
    means, weights = np.zeros_like(pixels), np.zeros(pixels.shape[:2], np.float32)
    for shift in np.ndindex(2 * _DISTANCE + 1, 2 * _DISTANCE + 1):
        here, there = zip(*map(_overlap, shift, pixels.shape), strict=False)
        squares = (padded[_wider(here)] - padded[_wider(there)]) ** 2
        different = _patch_means(squares.mean(axis=-1)) - 2 * noise**2
        weight = np.exp(-np.maximum(different, 0) / (_STRENGTH * noise) ** 2)
        means[here] += weight[..., None] * pixels[there]
        weights[here] += weight
    return means / weights[..., None]


def noise_of(picture: np.ndarray) -> float:
    """Estimates the standard deviation of the noise in a picture, from its finest diagonals.

    Pixels that are black or white are left out, since the noise is cut off there.
    """
    rows, columns = (side // 2 * 2 for side in picture.shape[:2])
    even = picture[:rows, :columns].astype(np.float32)
    corners = np.stack([even[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    uncut = ((corners > 0) & (corners < 255)).all(axis=0)
    details = np.abs(corners[0] - corners[1] - corners[2] + corners[3]) / 2
    return float(np.median(details[uncut]) / _NORMAL) if uncut.any() else 0.0


def _overlap(shift: int, side: int) -> tuple[slice, slice]:
    """Returns the pixels of a side that have a neighbour at a shift, and those neighbours."""
    moved = shift - _DISTANCE
    return slice(max(0, -moved), side - max(0, moved)), slice(max(0, moved), side + min(0, moved))


def _wider(place: tuple[slice, ...]) -> tuple[slice, ...]:
    """Returns the place in the padded picture that holds the patches around pixels."""
    return tuple(slice(part.start, part.stop + 2 * _MARGIN) for part in place)


def _patch_means(values: np.ndarray) -> np.ndarray:
    """Returns the weighted mean of each patch that lies within an array."""
    for axis in (0, 1):
        left = values.shape[axis] - 2 * _MARGIN
        rows = [np.take(values, range(i, i + left), axis) for i in range(len(_WEIGHTS))]
        values = np.tensordot(_WEIGHTS, np.stack(rows), 1)
    return values
