"""Runs the demo for masks: a network learns to find stains and streaks that are drawn on photos."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from transferlearn.atomic_files import written_whole
from transferlearn.builders import ImageSegmenterBuilder
from transferlearn.demos.photos import photos
from transferlearn.fitted import check_target
from transferlearn.json_fields import Json
from transferlearn.types import Verbose

CLASSES = ("cell", "stain", "streak")
PHOTOS = {"train": 200, "test": 100}
SEED = 0
_EPOCHS = 8
_DARK, _BRIGHT = 0.45, 1.6  # what a stain and a streak multiply the grey of a cell by
_SOFT = 1.5  # pixels; the radius of the blur of their edges


def drawn(photo: Image.Image, random: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """Draws one to three stains and streaks on a photo.

    Args:
        photo: A grey photo.
        random: Says where they are.

    Returns:
        The photo with them, in grey, and its mask: the place of each pixel's class in `CLASSES`.
    """
    mask = Image.new("L", photo.size)
    pen = ImageDraw.Draw(mask)
    side = min(photo.size)
    for _ in range(random.integers(1, 4)):
        x, y = random.uniform(0.1, 0.9, 2) * photo.size
        if random.random() < 0.5:
            wide, tall = random.uniform(0.06, 0.16, 2) * side
            pen.ellipse((x - wide, y - tall, x + wide, y + tall), fill=1)
        else:
            angle, half = random.uniform(0, np.pi), random.uniform(0.15, 0.4) * side
            across, down = half * np.cos(angle), half * np.sin(angle)
            width = int(random.uniform(0.04, 0.08) * side)
            pen.line((x - across, y - down, x + across, y + down), fill=2, width=width)
    shade = np.choose(np.asarray(mask), (1.0, _DARK, _BRIGHT)).astype(np.float32)
    percent = Image.fromarray(np.rint(shade * 100).astype(np.uint8))
    soft = np.asarray(percent.filter(ImageFilter.GaussianBlur(_SOFT)), np.float32) / 100
    grey = np.asarray(photo.convert("L"), np.float32) * soft
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)), mask


def write_photos(folder: Path) -> None:
    """Draws on photos of whole cells, and writes `train` and `test`, with `images/` and `masks/`.

    The same photos come out each time, so those that are there already stay.

    Raises:
        ImportError: The photos are not installed.
    """
    whole = [path for path, name in photos() if name == "functional"]
    random = np.random.default_rng(SEED)
    chosen = iter(random.permutation(len(whole)))
    for part, count in PHOTOS.items():
        for i in range(count):
            with Image.open(whole[next(chosen)]) as photo:
                pair = drawn(photo, random)
            for place, image in zip(("images", "masks"), pair, strict=True):
                file = folder / part / place / f"{i:03}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                if not file.exists():
                    with written_whole(file) as draft:
                        image.save(draft, format="PNG")


def run(output: Path, say: Callable[[str], object], *, verbose: Verbose = "auto") -> Json:
    """Draws on 300 photos of solar cells, trains on 200 of them, tests on the rest, and saves.

    Args:
        output: The folder to save in; the photos are beside it, in a folder that ends in `-photos`.
        say: A function that shows each line of progress.
        verbose: How training shows its progress, as for `model.fit`.

    Returns:
        The scores on the test photos; `steps`, each with its number of photos and seconds; and
        the paths of the saved model, of the test photos, and of one to `try` it on.
    """
    check_target(output)  # before minutes of training, not after them
    folder = output.with_name(f"{output.name}-photos")
    say(f"Drawing stains and streaks on {sum(PHOTOS.values())} photos of solar cells: {folder}.")
    write_photos(folder)
    say(f"EfficientNetLite0 on {PHOTOS['train']} of them: decoder, then everything.")
    builder = ImageSegmenterBuilder(
        "EfficientNetLite0", image_size=(128, 128), class_names=CLASSES, seed=SEED
    )
    training = builder.prepare(folder / "train", validation_split=0, epochs=_EPOCHS)
    fitted = training.run(verbose=verbose)
    say(f"Testing on the other {PHOTOS['test']}.")
    started = time.monotonic()
    scores = fitted.evaluate(folder / "test")
    tested = time.monotonic() - started
    fitted.save(output)
    trained = [
        {"step": name, "items": PHOTOS["train"], "seconds": round(phase.seconds, 1)}
        for name, phase in zip(("decoder", "everything"), fitted.phases, strict=True)
    ]
    return {
        **scores,
        "guess": scores.baseline,
        "steps": [*trained, {"step": "test", "items": PHOTOS["test"], "seconds": round(tested, 1)}],
        "model": str(output),
        "test": str(folder / "test"),
        "try": str(folder / "test" / "images" / "000.png"),
    }
