"""Photos whose masks are known: coarse blocks, whose class is their colour."""

import numpy as np
from PIL import Image


def scenes(count, size=32, seed=0):
    """Returns images, uint8 `(n, size, size, 3)`, and ids of three classes, `(n, size, size)`."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 3, (count, size // 8, size // 8)).repeat(8, axis=1).repeat(8, axis=2)
    colours = np.array([[40, 60, 90], [200, 190, 60], [90, 200, 220]])
    noise = rng.normal(0, 20, (count, size, size, 3))
    return np.clip(colours[ids] + noise, 0, 255).astype("uint8"), ids.astype("uint8")


def write(folder, images, masks, palette=False):
    """Writes `images/` and `masks/`, the second half in a folder of its own."""
    for i, (image, mask) in enumerate(zip(images, masks, strict=True)):
        name = f"{i}" if 2 * i < len(images) else f"more/{i}"
        for place in ("images", "masks"):
            (folder / place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "images" / f"{name}.jpg", quality=95)
        drawn = Image.fromarray(mask)
        if palette:
            drawn = drawn.convert("P")
            drawn.putpalette(list(range(255, -1, -1)) * 3)
        drawn.save(folder / "masks" / f"{name}.png")
    return folder
