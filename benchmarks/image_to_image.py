"""Super-resolution from 32 to 128 px: PSNR, SSIM and CPU time, beside a bicubic filter.

    python benchmarks/image_to_image.py    # two cores: an hour

300 pictures to train on and 150 to test on, at 128 px, of three sets: scenes that are drawn, the
demo's solar cells, and crops of the photos that come with scikit-image and scikit-learn, where no
photo is in both parts. EfficientNetLite0, the default recipe; the same with the encoder left
frozen; and the same network with random weights, trained whole. Prints a Markdown table, as in
docs/image-to-image.md. It needs `pip install -e ".[demo]" scikit-image scikit-learn`.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from children import machine, print_table
from drawn_scenes import scenes
from PIL import Image

import transferlearn as tl
from transferlearn.tasks.image_to_image.figures import PictureTally

SIDE, FACTOR = 128, 4
TRAIN, TEST = 300, 150
ARMS: dict[str, dict[str, Any]] = {
    "the default": {},
    "encoder frozen": {"freeze": "all", "schedule": "auto"},
    "random weights": {"weights": None},
}
_TO_TRAIN = (
    "astronaut.png",
    "brick.png",
    "coffee.png",
    "coins.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "rocket.jpg",
)
_TO_TEST = ("camera.png", "chelsea.png", "grass.png", "moon.png", "retina.jpg")

Parts = tuple[np.ndarray, np.ndarray]
Row = dict[str, str]


def drawn(seed: int) -> Parts:
    """Draws scenes."""
    return scenes(TRAIN, seed)[0], scenes(TEST, 1000 + seed)[0]


def cells(seed: int) -> Parts:
    """Takes photos of solar cells, in grey."""
    import elpv_dataset

    files = sorted(Path(elpv_dataset.__file__).parent.rglob("*.png"))
    chosen = np.random.default_rng(seed).permutation(len(files))[: TRAIN + TEST]
    pictures = np.stack([_square(Image.open(files[i])) for i in chosen])
    return pictures[:TRAIN], pictures[TRAIN:]


def photos(seed: int) -> Parts:
    """Cuts squares of 128 to 256 px from photos."""
    import skimage
    from sklearn.datasets import load_sample_images

    folder = Path(skimage.__file__).parent / "data"
    china, flower = map(Image.fromarray, load_sample_images().images)
    sources = (
        [*(Image.open(folder / name) for name in _TO_TRAIN), flower],
        [*(Image.open(folder / name) for name in _TO_TEST), china],
    )
    rng = np.random.default_rng(seed)
    first, second = (
        np.stack([_crop(part[i % len(part)], rng) for i in range(count)])
        for part, count in zip(sources, (TRAIN, TEST), strict=True)
    )
    return first, second


SETS: dict[str, Callable[[int], Parts]] = {"scenes": drawn, "cells": cells, "photos": photos}


def bicubic(pictures: np.ndarray) -> dict[str, float]:
    """Shrinks pictures and enlarges them again, both by Pillow's bicubic filter."""
    worse = tl.data.super_resolution(FACTOR)
    again = [
        np.asarray(Image.fromarray(worse(one)).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        for one in pictures
    ]
    return dict(PictureTally.of(again, list(pictures)).evaluation())


def trained(train: np.ndarray, test: np.ndarray, seed: int, arm: str) -> dict[str, float]:
    """Trains with one seed, and tests; counts CPU seconds of the training."""
    settings = dict(ARMS[arm])
    schedule = settings.pop("schedule", None)
    builder = tl.ImageToImageBuilder(
        "EfficientNetLite0",
        degradation=tl.data.super_resolution(FACTOR),
        seed=seed,
        **settings,
    )
    begun = time.process_time()
    fitted = builder.fit(train, schedule=schedule, validation_split=0, verbose=0)
    seconds = time.process_time() - begun
    return {**fitted.evaluate(test), "seconds": seconds}


def _square(image: Image.Image) -> np.ndarray:
    """Returns a picture in RGB at 128 px."""
    return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _crop(photo: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Cuts a square out of a photo, and gives it at 128 px."""
    side = int(rng.integers(SIDE, min(2 * SIDE, *photo.size) + 1))
    left, top = (int(rng.integers(0, length - side + 1)) for length in photo.size)
    return _square(photo.crop((left, top, left + side, top + side)))


def measured(names: Sequence[str], arms: Sequence[str], seeds: Sequence[int]) -> Iterator[Row]:
    """Yields a row of the table for each set, seed and arm, as it is done."""
    for name in names:
        for seed in seeds:
            train, test = SETS[name](seed)
            for arm in ("bicubic", *arms):
                found = bicubic(test) if arm == "bicubic" else trained(train, test, seed, arm)
                yield {
                    "set": name,
                    "seed": str(seed),
                    "arm": arm,
                    "PSNR, dB": f"{found['psnr']:.2f}",
                    "SSIM": f"{found['ssim']:.3f}",
                    "CPU seconds": f"{found['seconds']:.0f}" if "seconds" in found else "",
                }


def main() -> None:
    """Runs all sets, arms and seeds, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    print_table(machine(), measured(options.sets, options.arms, options.seeds))


if __name__ == "__main__":
    main()
