"""Small photos of coloured rectangles on grey, with the boxes around them."""

import numpy as np

NAMES = ("red", "blue")
_COLOURS = np.array([[220, 40, 40], [40, 60, 220]])


def rectangles(count, size=32, seed=0):
    """Returns photos and boxes as `fit` takes them; each fifth photo is empty."""
    random = np.random.default_rng(seed)
    photos = random.normal(128, 12, (count, size, size, 3))
    boxes, labels = [], []
    for i, photo in enumerate(photos):
        found, names = [], []
        for _ in range(random.integers(1, 4) if i % 5 else 0):
            width, height = random.integers(size // 5, size // 2, 2)
            x, y = random.integers(0, size - width), random.integers(0, size - height)
            id_ = random.integers(2)
            low, high = np.array([x, y]), np.array([x + width, y + height])
            if any((low < box[2:]).all() and (high > box[:2]).all() for box in found):
                continue
            photo[y : y + height, x : x + width] = _COLOURS[id_] + random.normal(0, 10, 3)
            found.append(np.array([x, y, x + width, y + height]))
            names.append(NAMES[id_])
        boxes.append(np.array(found, float).reshape(-1, 4))
        labels.append(names)
    pixels = np.clip(photos, 0, 255).astype(np.uint8)
    return pixels, {"boxes": boxes, "labels": labels}
