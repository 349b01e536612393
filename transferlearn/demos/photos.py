"""Runs the demo: a network learns to tell whole solar cells from defective ones, on real photos."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from transferlearn.builders import ImageClassifierBuilder
from transferlearn.extras import install_line
from transferlearn.fitted import check_target
from transferlearn.freezing import FreezeUpTo
from transferlearn.json_fields import Json
from transferlearn.schedules import FineTune
from transferlearn.types import Verbose

TRAIN_PHOTOS = 800
SEED = 0
# How surely the cell is defective; photos that are labelled with anything between are left out.
_CLASSES = {0.0: "functional", 1.0: "defective"}


def photos() -> list[tuple[str, str]]:
    """Lists the photos of `elpv-dataset` that are surely functional or surely defective.

    Returns:
        The path of each 300 x 300 grey PNG file, and its class name.

    Raises:
        ImportError: The package is not installed.
    """
    try:
        import elpv_dataset
    except ImportError as error:
        raise ImportError(f"The demo's photos are not installed: {install_line('demo')}") from error
    folder = Path(elpv_dataset.__file__).parent / "data"
    rows = map(str.split, (folder / "labels.csv").read_text("utf-8").splitlines())
    return [
        (str(folder / path), _CLASSES[float(defect)])
        for path, defect, _ in rows
        if float(defect) in _CLASSES
    ]


def run(output: Path, say: Callable[[str], object], *, verbose: Verbose = "auto") -> Json:
    """Trains on 800 photos of solar cells, tests on the rest, and saves the model.

    Args:
        output: The folder to save in.
        say: A function that shows each line of progress.
        verbose: How training shows its progress, as for `model.fit`.

    Returns:
        The scores on the test photos; `steps`, each with its number of photos and seconds; and
        the paths of the saved model and of a photo to `try` it on.
    """
    check_target(output)  # before minutes of training, not after them
    labelled = photos()
    order = np.random.default_rng(SEED).permutation(len(labelled))
    train = _columns(labelled[i] for i in order[:TRAIN_PHOTOS])
    test = _columns(labelled[i] for i in order[TRAIN_PHOTOS:])
    say(f"Fine-tuning EfficientNetLite0 on {len(train[0])} photos of solar cells.")
    builder = ImageClassifierBuilder(
        "EfficientNetLite0", freeze=FreezeUpTo("block4"), learning_rate=2e-3, seed=SEED
    )
    schedule = FineTune(head_epochs=2, rate_factor=0.05)
    training = builder.prepare(train, validation_split=0, epochs=5, schedule=schedule)
    fitted = training.run(verbose=verbose)
    head, rest = fitted.phases
    say(f"Testing on the other {len(test[0])} photos.")
    started = time.monotonic()
    scores = fitted.evaluate(test)
    tested = time.monotonic() - started
    fitted.save(output)
    return {
        **scores,
        "steps": [
            _step(f"head, {head.epochs} epochs", train, head.seconds),
            _step(f"from block 5 on, {rest.epochs} epochs", train, rest.seconds),
            _step("test", test, tested),
        ],
        "model": str(output),
        "try": test[0][0],
    }


def _columns(labelled: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Splits pairs into a list of paths and a list of class names."""
    paths, names = zip(*labelled, strict=True)
    return list(paths), list(names)


def _step(name: str, labelled: tuple[list[str], list[str]], seconds: float) -> Json:
    """Describes one step of the demo: its name, its number of photos, its seconds."""
    return {"step": name, "items": len(labelled[0]), "seconds": round(seconds, 1)}
