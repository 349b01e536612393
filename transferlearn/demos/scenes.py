"""Composes photos of metal parts on a bench, with the box around each part."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from transferlearn.atomic_files import written_whole
from transferlearn.edge.box_files import BoxedPhoto, write_coco

NAMES = ("bolt", "bracket", "gear", "nut", "pin", "washer")
_EMPTY = 10  # each tenth photo shows no part
_SEEN = 0.3  # of a part: one of which less is to be seen has no box
_FINER = 3  # times finer than the photo a part is drawn, so that its edge is smooth
_RAG = len(NAMES)  # a stain, which is of no class


class Scene(NamedTuple):
    """Holds a photo of parts.

    Attributes:
        photo: Its pixels, uint8 `(height, width, 3)`.
        boxes: The box around what is to be seen of each part, x0, y0, x1, y1 in pixels, `(n, 4)`.
        classes: The place of each part's class in `NAMES`, `(n,)`.
    """

    photo: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray


def scenes(
    count: int,
    seed: int,
    *,
    size: tuple[int, int] = (128, 128),
    parts: tuple[int, int] = (1, 7),
    radii: tuple[float, float] = (7, 30),
) -> list[Scene]:
    """Composes photos: parts lie over each other and over the edge, and each tenth photo is empty.

    Args:
        count: How many photos.
        seed: The same photos come out for the same seed.
        size: Their `(height, width)` in pixels.
        parts: The least and the greatest number of parts of a photo that is not empty.
        radii: The least and the greatest half of a part's length in pixels.
    """
    random, composed = np.random.default_rng(seed), []
    for i in range(count):
        shown = int(random.integers(*parts, endpoint=True)) if i % _EMPTY else 0
        composed.append(_scene(random, size, shown, radii))
    return composed


def write(folder: Path, composed: list[Scene]) -> Path:
    """Writes photos as PNG files into `images/`, and their boxes as a COCO file.

    Returns:
        The path of the COCO file. Photos that are there already stay.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    boxed = []
    for i, one in enumerate(composed):
        file = folder / "images" / f"{i:03}.png"
        if not file.exists():
            with written_whole(file) as draft:
                Image.fromarray(one.photo).save(draft, format="PNG")
        height, width = one.photo.shape[:2]
        boxed.append(
            BoxedPhoto(str(file), (height, width), one.boxes, one.classes, [{}] * len(one.boxes))
        )
    write_coco(folder / "annotations.json", boxed, NAMES)
    return folder / "annotations.json"


def _scene(
    random: np.random.Generator, size: tuple[int, int], count: int, radii: tuple[float, float]
) -> Scene:
    """Composes a photo of parts, the later ones over the earlier."""
    photo, top = _ground(random, size), np.full(size, -1)
    kinds = random.integers(0, len(NAMES), count)
    whole = np.zeros(count)
    for _ in range(random.integers(0, 3)):
        _lay(random, photo, top, -1, _RAG, radii[1])
    for i, kind in enumerate(kinds):
        # As many small parts as large ones.
        radius = float(np.exp(random.uniform(*np.log(radii))))
        whole[i] = _lay(random, photo, top, i, int(kind), radius)
    left, right = random.uniform(0.6, 1.15, 2).tolist()
    light = np.linspace(left, right, size[1])[None, :, None]
    noisy = photo * light + random.normal(0, 7, photo.shape)
    pixels = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    blurred = pixels.filter(ImageFilter.GaussianBlur(random.uniform(0.2, 0.8)))
    seen = [np.nonzero(top == i) for i in range(count)]
    kept = [i for i, (ys, _) in enumerate(seen) if len(ys) > _SEEN * whole[i]]
    boxes = [(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) for ys, xs in (seen[i] for i in kept)]
    return Scene(np.asarray(blurred), np.array(boxes, float).reshape(-1, 4), kinds[kept])


def _ground(random: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draws a bench: its colour, clouds from coarse to fine, and the grain of wood or none."""
    height, width = size
    ground = np.zeros((*size, 3)) + random.uniform(60, 180) + random.normal(0, 20, 3)
    for wide in (43, 16, 6, 2.3):  # pixels
        cells = (int(height / wide) + 1, int(width / wide) + 1, 3)
        coarse = Image.fromarray(random.integers(0, 255, cells).astype(np.uint8))
        cloud = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), float) - 127
        ground += cloud.mean(axis=2, keepdims=True) * random.uniform(0.1, 0.6) + cloud * 0.08
    rows, columns = np.mgrid[:height, :width]
    angle, wide = random.uniform(0, np.pi), random.uniform(1.5, 6)
    across = rows * np.sin(angle) + columns * np.cos(angle) + ground.mean(axis=2) / 15
    return ground + random.choice([0, 14, 25]) * np.sin(across / wide)[..., None]


def _lay(
    random: np.random.Generator,
    photo: np.ndarray,
    top: np.ndarray,
    number: int,
    kind: int,
    radius: float,
) -> float:
    """Draws a part and its shadow into a photo, and its number into what is on top.

    Returns:
        The part's area in pixels, with what is covered or beyond the edge.
    """
    height, width = top.shape
    y, x = (random.uniform(0, side) for side in (height, width))
    half = int(radius) + 3
    low = int(y) - half, int(x) - half
    cover = _cover(random, kind, radius, half)
    ink = _metal(random, cover.shape)
    shadow, deep = np.roll(cover, random.integers(1, 3, 2), (0, 1)), random.uniform(0.4, 0.8)
    rows = slice(max(0, low[0]), min(height, low[0] + len(cover)))
    columns = slice(max(0, low[1]), min(width, low[1] + len(cover)))
    inner = (
        slice(rows.start - low[0], rows.stop - low[0]),
        slice(columns.start - low[1], columns.stop - low[1]),
    )
    part = photo[rows, columns]
    part *= 1 - (1 - deep) * shadow[inner][..., None]
    part += (ink[inner] - part) * cover[inner][..., None]
    top[rows, columns][cover[inner] > 0.5] = number
    return float((cover > 0.5).sum())


def _metal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draws steel, brass, copper or paint, bright on one side; it says nothing of the class."""
    colour = random.uniform(40, 230) + random.normal(0, 22, 3)
    down, across = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    turn = random.uniform(0, 2 * np.pi)
    light = 1 + random.uniform(0.1, 0.5) * (down * np.sin(turn) + across * np.cos(turn))
    return light[..., None] * colour + random.normal(0, 9, (*shape, 1))


def _cover(random: np.random.Generator, kind: int, radius: float, half: int) -> np.ndarray:
    """Draws how much of each pixel a part covers, turned in any way, `(2 half + 1,) * 2`."""
    side = 2 * half + 1
    steps = (np.arange(side * _FINER) + 0.5) / _FINER - half - 0.5
    down, across = steps[:, None] / radius, steps[None, :] / radius
    turn = random.uniform(0, 2 * np.pi)
    u = across * np.cos(turn) + down * np.sin(turn)
    v = down * np.cos(turn) - across * np.sin(turn)
    inside = _inside(random, kind, u, v)
    return inside.reshape(side, _FINER, side, _FINER).mean(axis=(1, 3))


def _inside(random: np.random.Generator, kind: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Returns whether points are inside a part of this class, whose half length is 1."""
    away, around = np.hypot(u, v), np.arctan2(v, u)
    hexagon = away * np.cos((around % (np.pi / 3)) - np.pi / 6)
    slim = random.uniform(0.8, 1.25)
    if kind == _RAG:
        return away < 0.7 + 0.25 * np.sin(random.integers(3, 7) * around)
    if NAMES[kind] == "bolt":
        head = (u < -0.45) & (u > -0.95) & (abs(v) < 0.42 * slim)
        return head | ((u > -0.5) & (u < 0.95) & (abs(v) < 0.2 * slim))
    if NAMES[kind] == "bracket":
        arm = 0.7 - 0.45 * slim
        return (abs(u) < 0.7) & (abs(v) < 0.7) & ((u < -arm) | (v > arm))
    if NAMES[kind] == "gear":
        teeth = 0.82 + 0.15 * np.sign(np.sin(random.integers(7, 13) * around))
        return (away < teeth) & (away > 0.25 * slim)
    if NAMES[kind] == "nut":
        return (hexagon < 0.82) & (away > 0.45 * slim)
    if NAMES[kind] == "pin":
        return (abs(u) < 0.95) & (abs(v) < 0.15 * slim)
    return (away < 0.95) & (away > 0.5 * slim)
