"""The lines of Python on the pages of the docs run as they are written, on a small network."""

import csv
from pathlib import Path

import keras
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels, spread
from tests.test_docs import python_blocks
from transferlearn.backbones import registry

pytestmark = pytest.mark.filterwarnings("ignore")  # the photos are few, and noise
full = pytest.mark.full


class Small(tl.backbones.BackboneSource):
    """A small network in the place of large ones."""

    names = ("EfficientNetLite0", "ResNet50", "VGG16")

    def load(self, name, *, weights, image_size):
        keras.utils.set_random_seed(0)
        image = keras.Input((*image_size, 3))
        x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="first")(image)
        x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="second")(x)
        scaled = keras.layers.Rescaling(1 / 255)
        network = keras.Model(image, x, name="small")
        return spread(tl.backbones.from_model(network, preprocessing=scaled), image_size[0])

    def facts(self, name):
        return tl.backbones.Facts(name=name, image_size=(32, 32))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with photos, and a table of houses with their prices."""
    root = tmp_path_factory.mktemp("docs")
    for part in ("photos/train", "photos/validation", "photos/test"):
        for i, image in enumerate(pixels(16, 32, seed=len(part))):
            folder = root / part / ("cat", "dog")[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{i}.png")
    for folder in ("train", "validation"):
        (root / folder).symlink_to(root / "photos" / folder)
    for name in ("new.jpg", "photo.jpg", "house.jpg"):
        Image.fromarray(pixels(1, 32)[0]).save(root / name)
    photos = sorted((root / "photos/train").rglob("*.png"))
    for name in ("houses.csv", "other-houses.csv"):
        with (root / name).open("w", newline="") as file:
            rows = [(str(path), 100 + i) for i, path in enumerate(photos)]
            csv.writer(file).writerows([("path", "price"), *rows])
    return root


@pytest.fixture(scope="module")
def fitted(place):
    builder = tl.ImageClassifierBuilder(Small().load("", weights=None, image_size=(32, 32)))
    return builder.fit(place / "photos/train", epochs=4, schedule="one-phase", verbose=0)


# What is written in the place of lines that would take long, and what the page's lines leave.
PAGES = {
    "docs/quick-start.md": ({}, "pets/model.keras"),
    "docs/reports.md": ({}, "report.html"),
    "docs/tracking.md": ({"trials=20": "trials=2"}, "logs/flowers/train"),
    "docs/choosing.md": ({}, "choice.png"),
    "docs/diagnosing.md": ({}, ""),
    "docs/searching.md": ({"trials=30": "trials=2", "Range(5, 20)": "Range(1, 2)"}, "search.png"),
    "docs/resuming.md": ({"epochs=40": "epochs=2"}, "runs/flowers"),
    "docs/caching.md": ({}, ""),
    "docs/scaling.md": ({}, "features"),
    "docs/data.md": ({}, ""),
    "docs/numbers.md": ({}, "prices/model.keras"),
    "README.md": ({"epochs=10": "epochs=1"}, "flowers/model.keras"),
}
SHORT = ("docs/quick-start.md",)
NEEDED = {
    "parquet": "pyarrow",
    "mlflow": "mlflow",
    "wandb": "wandb",
    "MLflowCallback": "optuna_integration",
}


@pytest.mark.parametrize(
    "page", [page if page in SHORT else pytest.param(page, marks=full) for page in PAGES]
)
def test_the_lines_of_a_page_run_as_written(page, place, fitted, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setattr(
        registry, "_sources", registry._sources | dict.fromkeys(Small.names, Small())
    )
    shorter, written = PAGES[page]
    scope = {
        "tl": tl,
        "builder": tl.ImageClassifierBuilder("EfficientNetLite0", seed=0),
        "fitted": fitted,
        "patients": list("abcd"),
        "space": {"learning_rate": [1e-3, 1e-2]},
    }
    blocks = python_blocks(page)
    assert blocks
    for block in blocks:
        if any(name in block for name in NEEDED) and not _installed(block):
            continue
        for line, shorter_one in shorter.items():
            block = block.replace(line, shorter_one)
        exec(block, scope)
    assert Path(written).exists()


def _installed(block):
    """Returns whether what a block needs is installed, which only the long matrix brings."""
    try:
        for word, package in NEEDED.items():
            if word in block:
                __import__(package)
    except ImportError:
        return False
    return True
