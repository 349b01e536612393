"""Compares exports in three environments: `write` with Keras, then `check` without; `.ci/edge`.

`check_on_phones` runs where MediaPipe is.
"""

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

    small = []
    for number, image in enumerate(pixels(24, 8, seed=3)):  # as large as the network's input
        Image.fromarray(image).save(folder / f"{number}.png")
        small.append(str(folder / f"{number}.png"))
    said = [[found.class_name, found.probability] for found in colours.predict(small)]
    (folder / "phones.json").write_text(json.dumps([small, said]))


def check_on_phones(folder: Path) -> None:
    """Classifies the same photos by MediaPipe, which reads labels and pixels' range of the file."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import ImageClassifier, ImageClassifierOptions

    model = BaseOptions(model_asset_path=str(folder / "colours-litert" / "model.tflite"))
    items, said = json.loads((folder / "phones.json").read_text())
    with ImageClassifier.create_from_options(ImageClassifierOptions(base_options=model)) as phone:
        for item, (class_name, probability) in zip(items, said, strict=True):
            (found,) = phone.classify(mediapipe.Image.create_from_file(item)).classifications
            likeliest = found.categories[0]
            assert likeliest.category_name == class_name
            assert abs(likeliest.score - probability) < 1e-5
    print(f"colours-litert: MediaPipe answers alike on {len(items)} photos")


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
    jobs = {"write": write, "check": check, "check_on_phones": check_on_phones}
    jobs[sys.argv[1]](Path(sys.argv[2]))
