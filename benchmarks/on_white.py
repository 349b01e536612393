"""Noise taken from drawings on white: PSNR, SSIM, and the errors on white and elsewhere.

    python benchmarks/on_white.py                # two cores: 2 minutes
    python benchmarks/on_white.py --seeds 0 1

160 line drawings on white at 64 px to train on and 60 to test on, `tl.data.denoise(0.1)`,
EfficientNetLite0 with its ImageNet weights, the default recipe. Prints a Markdown table, as in
docs/image-to-image.md. White is what has at least 250 in each channel. Seconds are of processor
time, of `fit` from arrays on. It needs `pip install -e ".[demo]"`.
"""

import argparse
import time

import numpy as np
from children import machine, print_table
from PIL import Image, ImageDraw

import transferlearn as tl
from transferlearn.tasks.image_to_image.figures import PictureTally

SIDE, TRAIN, TEST = 64, 160, 60
WHITE = 250  # of 255
_LARGE = 3 * SIDE  # drawn so large, and shrunk


def drawings(count: int, seed: int) -> np.ndarray:
    """Draws lines, circles, boxes and arcs on white, uint8 `(count, SIDE, SIDE, 3)`."""
    return np.stack([_drawing(np.random.default_rng([seed, number])) for number in range(count)])


def _drawing(rng: np.random.Generator) -> np.ndarray:
    image = Image.new("RGB", (_LARGE, _LARGE), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(4, 10)):
        red, green, blue = rng.integers(0, 180, 3).tolist()
        colour, width = (red, green, blue), int(rng.integers(3, 10))
        points = [tuple(rng.integers(0, _LARGE, 2).tolist()) for _ in range(rng.integers(2, 6))]
        kind, (x, y) = rng.integers(4), points[0]
        if kind == 0:
            draw.line(points, fill=colour, width=width)
        elif kind == 2:
            high, wide = rng.integers(20, 100, 2).tolist()
            draw.rectangle((x, y, x + high, y + wide), outline=colour, width=width)
        else:
            radius = int(rng.integers(20, 90))
            around = (x - radius, y - radius, x + radius, y + radius)
            if kind == 1:
                fill = colour if rng.random() < 0.2 else None
                draw.ellipse(around, outline=colour, width=width, fill=fill)
            else:
                start, end = int(rng.integers(0, 180)), int(rng.integers(180, 360))
                draw.arc(around, start, end, fill=colour, width=width)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def measured(seed: int) -> dict[str, str]:
    """Trains and tests with one seed."""
    train, test = drawings(TRAIN, seed), drawings(TEST, 1000 + seed)
    worse = tl.data.denoise(0.1)
    builder = tl.ImageToImageBuilder("EfficientNetLite0", degradation=worse, seed=seed)
    begun = time.process_time()
    fitted = builder.fit(train, validation_split=0, verbose=0)
    seconds = time.process_time() - begun
    given = np.stack([worse(one) for one in test]).astype("float32")
    answers = fitted.model.predict(given, verbose=0)
    figures = PictureTally.of(list(answers), list(test)).evaluation()
    white, errors = (test >= WHITE).all(-1), np.abs(answers - test).mean(-1)
    return {
        "seed": str(seed),
        "PSNR, dB": f"{figures['psnr']:.2f}",
        "SSIM": f"{figures['ssim']:.3f}",
        "error, white": f"{errors[white].mean():.2f}",
        "error, elsewhere": f"{errors[~white].mean():.2f}",
        "CPU seconds": f"{seconds:.0f}",
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="default: 0")
    print_table(machine(), map(measured, parser.parse_args().seeds))


if __name__ == "__main__":
    main()
