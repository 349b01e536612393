"""Draws scenes of 128 px with masks: six sorts of things on a background that is cluttered.

A class is a shape, filled with a pattern; colours and light are drawn anew for each thing, and say
nothing. Some things that are in the background have a pattern but no shape of any class.
"""

import numpy as np
from PIL import Image, ImageFilter

NAMES = ("background", "disc", "box", "diamond", "ring", "cross", "wedge")
_SIZE = 128  # pixels


def scenes(count: int, seed: int, size: int = _SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Photos, uint8 `(n, size, size, 3)`, and the ids of their pixels, `(n, size, size)`."""
    rng = np.random.default_rng(seed)
    drawn = [_scene(rng, size) for _ in range(count)]
    photos, masks = zip(*drawn, strict=True)
    return np.stack(photos), np.stack(masks)


def _scene(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws one scene, its things one above the other."""
    photo = _ground(rng, size)
    mask = np.zeros((size, size), np.uint8)
    for _ in range(rng.integers(3, 8)):
        which = int(rng.integers(0, len(NAMES)))
        inside = _shape(rng, size, which)
        light = rng.uniform(0.7, 1.3)
        photo[inside] = np.clip(_pattern(rng, size) * light, 0, 255)[inside]
        mask[inside] = which
    left, right = rng.uniform(0.5, 1.2, 2)
    shade = np.linspace(left, right, size)[None, :, None]
    photo = photo * shade + rng.normal(0, 12, photo.shape)
    image = Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))), mask


def _ground(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws clouds of colours, some coarse and some fine."""
    ground = np.zeros((size, size, 3))
    for cells in (4, 9, 21):
        small = Image.fromarray(rng.integers(0, 255, (cells, cells, 3)).astype(np.uint8))
        ground += np.asarray(small.resize((size, size), Image.Resampling.BICUBIC)) / 3
    return ground


def _pattern(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws stripes of two colours, in any direction and width, or one colour."""
    rows, columns = np.mgrid[:size, :size]
    one, other = rng.integers(20, 235, (2, 3))
    angle, width = rng.uniform(0, np.pi), rng.uniform(1.5, 5)
    wave = np.sin((rows * np.sin(angle) + columns * np.cos(angle)) / width)
    share = (wave > 0) * rng.integers(0, 2)
    return one + (other - one) * share[..., None]


def _shape(rng: np.random.Generator, size: int, which: int) -> np.ndarray:
    """Draws where a thing is: turned a little, of any size."""
    rows, columns = np.mgrid[:size, :size]
    y, x = rng.integers(0, size, 2)
    radius, angle = rng.uniform(7, 26), rng.uniform(-0.5, 0.5)
    dy, dx = (rows - y) / radius, (columns - x) / radius
    v, u = dy * np.cos(angle) - dx * np.sin(angle), dy * np.sin(angle) + dx * np.cos(angle)
    away = np.hypot(v, u)
    near = (abs(u) < 1) & (abs(v) < 1)
    blob = away < 0.7 + 0.3 * np.sin(rng.integers(4, 8) * np.arctan2(v, u) + angle)
    shapes = {
        0: blob,
        1: away < 1,
        2: near & (abs(v) < 0.6),
        3: abs(u) + abs(v) < 1,
        4: (away < 1) & (away > 0.55),
        5: near & ((abs(u) < 0.33) | (abs(v) < 0.33)),
        6: near & (abs(u) < (v + 1) / 2),
    }
    return shapes[which]
