"""Runs the demo for boxes: a network learns to find metal parts on photos that are composed."""

import time
from collections.abc import Callable
from pathlib import Path

from transferlearn.builders import ObjectDetectorBuilder
from transferlearn.demos.scenes import scenes, write
from transferlearn.fitted import check_target
from transferlearn.json_fields import Json
from transferlearn.types import Verbose

PHOTOS = {"train": 300, "test": 100}
SEED = 0
_SIZE = (128, 128)
_EPOCHS = 20


def run(output: Path, say: Callable[[str], object], *, verbose: Verbose = "auto") -> Json:
    """Composes 400 photos of parts, trains on 300 of them, tests on the rest, and saves.

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
    say(f"Composing {sum(PHOTOS.values())} photos of metal parts: {folder}.")
    sources = {
        part: write(folder / part, scenes(count, SEED + i, size=_SIZE))
        for i, (part, count) in enumerate(PHOTOS.items())
    }
    say(f"EfficientNetLite0 on {PHOTOS['train']} of them: head, then everything.")
    builder = ObjectDetectorBuilder("EfficientNetLite0", image_size=_SIZE, seed=SEED)
    training = builder.prepare(sources["train"], epochs=_EPOCHS)
    fitted = training.run(verbose=verbose)
    say(f"Testing on the other {PHOTOS['test']}.")
    started = time.monotonic()
    scores = fitted.evaluate(sources["test"])
    tested = time.monotonic() - started
    fitted.save(output)
    trained = [
        {"step": name, "items": PHOTOS["train"], "seconds": round(phase.seconds, 1)}
        for name, phase in zip(("head", "everything"), fitted.phases, strict=True)
    ]
    return {
        **scores,
        "steps": [*trained, {"step": "test", "items": PHOTOS["test"], "seconds": round(tested, 1)}],
        "model": str(output),
        "test": str(sources["test"]),
        "try": str(folder / "test" / "images" / "001.png"),
    }
