"""Draws docs/picture.png: `python docs/make_picture.py` (`pip install -e ".[demo,plot]"`)."""

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib as mpl
import numpy as np

mpl.use("agg")
import matplotlib.pyplot as plt

import transferlearn as tl
from transferlearn.demos import photos as demo

PICTURE = Path(__file__).parent / "picture.png"
PHOTOS = 6


def main() -> None:
    """Trains the demo's model, and draws its answers and heat maps for photos of its test."""
    with TemporaryDirectory() as folder:
        demo.run(Path(folder, "solar-cells"), print, verbose=0)
        fitted = tl.load(Path(folder, "solar-cells"))
    draw(fitted, tested_photos())


def tested_photos() -> list[tuple[str, str]]:
    """Lists the first photos that the demo did not train on, as many of each class."""
    labelled = demo.photos()
    order = np.random.default_rng(demo.SEED).permutation(len(labelled))[demo.TRAIN_PHOTOS :]
    found = []
    for name in ("functional", "defective"):
        found += [labelled[i] for i in order if labelled[i][1] == name][: PHOTOS // 2]
    return found


def draw(fitted: tl.FittedModel, labelled: list[tuple[str, str]]) -> None:
    """Draws a row of photos with their predictions, and a row of heat maps below it."""
    paths = [path for path, _ in labelled]
    predictions = fitted.predict(paths)
    maps = tl.explaining.heat_maps(fitted, paths, "defective")
    figure, axes = plt.subplots(2, PHOTOS, figsize=(9, 3.6), layout="constrained")
    figure.set_facecolor("white")  # readable on dark pages, too
    for column, (_, truth) in enumerate(labelled):
        predicted, heat = predictions[column], maps[column]
        photo, below = axes[:, column]
        photo.imshow(heat.image.astype("uint8"))
        color = "black" if predicted.class_name == truth else "firebrick"
        photo.set_title(f"{predicted.class_name} {predicted.probability:.0%}", size=9, color=color)
        photo.set_xlabel(f"is {truth}", size=8)
        below.imshow(heat.image.astype("uint8"))
        below.imshow(heat.resized(), cmap="inferno", alpha=0.5, vmin=0, vmax=1)
    axes[1, 0].set_ylabel("speaks for\n“defective”", size=9)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    figure.savefig(PICTURE, dpi=100, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
