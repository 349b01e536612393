"""Pairs of pictures: a sharp one, and one that is made worse."""

import numpy as np
from PIL import Image


def blocks(count, size=32, seed=0):
    """Returns sharp pictures, uint8 `(n, size, size, 3)`: blocks of 8 x 8 pixels in any colours."""
    rng = np.random.default_rng(seed)
    small = rng.integers(30, 226, (count, -(-size // 8), -(-size // 8), 3))
    return small.repeat(8, axis=1).repeat(8, axis=2)[:, :size, :size].astype("uint8")


def darker(pictures):
    """Returns the same pictures with less light and a tint."""
    return (pictures * np.array([0.5, 0.6, 0.4])).astype("uint8")


def write(folder, inputs, targets):
    """Writes `inputs/` as JPEG and `targets/` as PNG, the second half in a folder of its own."""
    for i, pair in enumerate(zip(inputs, targets, strict=True)):
        name = f"{i}" if 2 * i < len(inputs) else f"more/{i}"
        for place, pixels, ending in zip(("inputs", "targets"), pair, ("jpg", "png"), strict=True):
            file = folder / place / f"{name}.{ending}"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
    return folder
