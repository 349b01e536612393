"""Compares exports in two environments: `write` with Keras, then `check` without; `.ci/edge`."""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

SECONDS = 1.0  # for a prediction in a shell, Python's start included
TEXTS = ["good", "bad", "boo", "oog"] * 4


def write(folder: Path) -> None:
    """Exports a model of photos and one of texts, with what Keras says of some items."""
    import transferlearn as tl
    from tests import made
    from tests.networks import pixels

    photos, texts = folder / "photos", TEXTS
    photos.mkdir()
    for number, image in enumerate(pixels(24, 40, seed=3)):
        Image.fromarray(image).save(photos / f"{number}.jpg")
    files = sorted(map(str, photos.iterdir()))
    colours = made.of_colours([[4.0, -4.0], [0, 0], [-4, 4]])
    letters = made.of_letters({"g": [0.0, 3.0], "b": [3.0, 0.0], "o": [0.1, 0.0]})
    jobs = {
        "colours": (colours, files, (files, ["red", "blue"] * 12)),
        "letters": (letters, texts, (texts, ["good", "bad", "bad", "good"] * 4)),
    }
    for name, (model, items, labelled) in jobs.items():
        for format in ("onnx", "litert"):
            tl.export(model, folder / f"{name}-{format}", labelled, format=format)
        said = [list(found.probabilities.values()) for found in model.predict(items)]
        (folder / f"{name}.json").write_text(json.dumps([items, said]))


def check(folder: Path) -> None:
    """Predicts on the same items without Keras, and compares."""
    from transferlearn.edge import Runner

    for module in ("keras", "tensorflow", "jax", "torch"):
        assert importlib.util.find_spec(module) is None, f"{module} is installed here"
    for name in ("colours", "letters"):
        items, said = json.loads((folder / f"{name}.json").read_text())
        for format in ("onnx", "litert"):
            found = Runner(folder / f"{name}-{format}").predict(items)
            numbers = [list(prediction.probabilities.values()) for prediction in found]
            np.testing.assert_allclose(numbers, said, atol=1e-5)
            command = [sys.executable, "-m", "transferlearn.edge"]
            times = []
            for _ in range(5):
                begun = time.perf_counter()
                subprocess.run(
                    [*command, folder / f"{name}-{format}", items[0]],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                times.append(time.perf_counter() - begun)
            print(f"{name}, {format}: equal on {len(items)} items; {min(times):.2f} s in a shell")
            assert min(times) < SECONDS


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]](Path(sys.argv[2]))
