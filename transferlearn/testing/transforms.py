"""Checks that a transform makes the same views each time, and says where their places come from."""

import numpy as np
from PIL import Image

from transferlearn.data import Transform
from transferlearn.data.targets.moving import moved
from transferlearn.testing.requiring import require, require_object

_SIDES = (40, 56)  # height and width: exchanged, they would be seen
_COUNT = 12
_DARK, _BRIGHT = 40, 220


def check_transform(transform: Transform) -> None:
    """Checks a transform of photos on black ones with a bright square.

    Its views must follow from the photo's key and the view's number alone, and its `geometry` must
    say where they come from, so that masks and boxes go where photos go.

    Args:
        transform: The transform to check.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_transform(Tilted())
    """
    require_object(transform, Transform, "tl.data.Transform")
    require(
        isinstance(transform.name, str) and bool(transform.name) and transform.views >= 1,
        "A transform has a name, and 1 view or more. "
        f"Received: name={transform.name!r}, views={transform.views!r}",
    )
    require(not transform.others, "Transforms that join several photos are not checked here.")
    photos = _photos()
    keys, views = np.arange(_COUNT), np.arange(_COUNT) % max(transform.views, 4)
    views = np.minimum(views, transform.views - 1) if transform.views > 1 else views
    before = photos.copy()
    seen = transform.items(photos, keys, views)
    require(np.array_equal(photos, before), "items changed the photos that were given.")
    require(
        seen.shape == photos.shape and seen.dtype == photos.dtype,
        f"Views of uint8 photos {photos.shape} are uint8 of that shape. "
        f"Received: {seen.dtype} {seen.shape}",
    )
    alone = [transform.items(photos[i : i + 1], keys[i : i + 1], views[i : i + 1]) for i in (5, 2)]
    require(
        np.array_equal(np.concatenate(alone), seen[[5, 2]]),
        "A view must follow from the photo's key and the view's number alone: draw from "
        "np.random.default_rng((key, view)).",
    )
    for photo, view, key, number in zip(photos, seen, keys, views, strict=True):
        _check_geometry(transform, photo, view, int(key), int(number))


def _photos() -> np.ndarray:
    """Makes dark photos with a bright square each, uint8 `(n, height, width, 3)`."""
    photos = np.full((_COUNT, *_SIDES, 3), _DARK, np.uint8)
    draw = np.random.default_rng(0)
    for photo in photos:
        top, left = draw.integers(4, 20), draw.integers(4, 34)
        photo[top : top + 14, left : left + 18] = _BRIGHT
    return photos


def _check_geometry(
    transform: Transform, photo: np.ndarray, view: np.ndarray, key: int, number: int
) -> None:
    """Compares where the square is in a view with where the geometry puts it."""
    geometry = transform.geometry(key, number)
    map_of = (photo[..., 0] == _BRIGHT).astype(np.float32)
    outside = np.zeros_like(map_of)
    if geometry is not None:
        map_of = moved(map_of, geometry, Image.Resampling.BILINEAR, 0.0)
        whole = np.ones(_SIDES, np.float32)
        outside = 1 - moved(whole, geometry, Image.Resampling.BILINEAR, 0.0)
    bright, dark = view[map_of > 0.9], view[(map_of < 0.1) & (outside < 0.1)]
    if not bright.size or not dark.size:
        return  # the square has left the view
    least, most = np.quantile(bright, 0.05), np.quantile(dark, 0.95)
    require(
        least > most,
        f"View {number} does not show things where geometry({key}, {number}) puts them, so masks "
        "and boxes would lie beside what they mark: items must move photos by that map.",
    )
