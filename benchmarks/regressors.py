"""Learning numbers: the solved head beside scikit-learn's, and the default recipe beside the head.

    python benchmarks/regressors.py    # two cores: 40 minutes

Three numbers of the demo's photos at 96 px: their contrast (the standard deviation of the pixels),
the angle by which each was turned (drawn from -45 to 45 degrees), and how surely a cell is
defective (0, 1/3, 2/3 or 1, as the data set says). The last 300 or so are tested on, the others
drawn from. EfficientNetLite0 with its ImageNet weights. Prints Markdown tables, as in
docs/numbers.md. It needs `pip install -e ".[demo]"` and scikit-learn.
"""

import argparse
import time
from pathlib import Path
from statistics import mean
from typing import Any

import keras
import numpy as np
from children import call, machine, print_table
from PIL import Image

import transferlearn as tl
from transferlearn.tasks.solving.ridge import RidgeSolver

SIZE, TESTED_FROM = 96, 1900
NUMBERS = ("contrast", "angle", "defect")
Data = tuple[np.ndarray, np.ndarray]


def data(name: str) -> Data:
    """Returns all photos of a number, in an order drawn with seed 0, and the number."""
    import elpv_dataset

    folder = Path(elpv_dataset.__file__).parent / "data"
    rows = [line.split() for line in (folder / "labels.csv").read_text("utf-8").splitlines()]
    rng = np.random.default_rng(0)
    order = rng.permutation(len(rows))[:2200]
    opened = [Image.open(folder / rows[i][0]).convert("RGB").resize((SIZE, SIZE)) for i in order]
    if name == "angle":
        angles = rng.uniform(-45, 45, len(opened))
        turned = [image.rotate(angle) for image, angle in zip(opened, angles, strict=True)]
        return np.stack([np.asarray(image) for image in turned]), angles
    photos = np.stack([np.asarray(image) for image in opened])
    if name == "contrast":
        return photos, photos.std(axis=(1, 2, 3))
    return photos, np.array([float(rows[i][1]) for i in order])


def drawn(name: str, count: int, seed: int) -> tuple[Data, Data]:
    """Returns `count` photos to train on, and those to test on."""
    x, y = data(name)
    rows = np.random.default_rng(seed).permutation(TESTED_FROM)[:count]
    return (x[rows], y[rows]), (x[TESTED_FROM:], y[TESTED_FROM:])


def heads(name: str, count: int) -> dict[str, Any]:
    """Solves heads on the same features, by us and by scikit-learn, in turn."""
    from sklearn.linear_model import RidgeCV

    backbone = tl.backbones.get("EfficientNetLite0", image_size=(SIZE, SIZE))
    image = keras.Input((SIZE, SIZE, 3))
    features = keras.layers.GlobalAveragePooling2D()(backbone.model(*backbone.prepare(image)))
    model = keras.Model(image, features)
    (x, y), (tested, truth) = ((model.predict(x, verbose=0), y) for x, y in drawn(name, count, 0))

    def ours() -> np.ndarray:
        solver = RidgeSolver((y.mean(),), (y.std(),))
        found = solver.solve(x, y[:, None].astype("float32"), None, 0)
        return (tested @ found.kernel + found.bias)[:, 0] * y.std() + y.mean()

    ways = {
        "ours": ours,
        "RidgeCV()": lambda: RidgeCV().fit(x, y).predict(tested),
        "41 strengths": lambda: RidgeCV(alphas=np.logspace(-4, 6, 41)).fit(x, y).predict(tested),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    found = {}
    for _ in range(3):
        for way, solve in ways.items():
            begun = time.perf_counter()
            told = solve()
            seconds[way].append(time.perf_counter() - begun)
            found[way] = 1 - float(np.square(told - truth).mean() / truth.var())
    return {"r2": found, "seconds": {way: float(np.median(s)) for way, s in seconds.items()}}


def recipe(name: str, count: int, seed: int, schedule: str) -> dict[str, Any]:
    """Trains by a recipe, and tests."""
    shown, kept = drawn(name, count, seed)
    begun = time.perf_counter()
    builder = tl.ImageRegressorBuilder("EfficientNetLite0", image_size=(SIZE, SIZE), seed=seed)
    fitted = builder.fit(shown, schedule=schedule, verbose=0)
    seconds = time.perf_counter() - begun
    scores = fitted.evaluate(kept)
    return {"r2": scores.r2, "mae": scores.mae, "seconds": seconds}


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few photos: does it run? no numbers")
    quick = parser.parse_args().quick
    tries = 1 if quick else 5
    print(machine())
    rows = []
    for name in NUMBERS:
        for count in (40,) if quick else (100, 400, 1900):
            found = call(heads, name, count, tries=tries)
            cells = {
                f"{way}, {what}": f"{found[key][way]:.{places}f}"
                for way in found["r2"]
                for key, what, places in (("r2", "R2", 3), ("seconds", "s", 3))
            }
            rows.append({"number": name, "photos": count, **cells})
    print_table("Heads solved on 1,280 features", rows)
    rows = []
    for name in NUMBERS:
        for count in (40,) if quick else (50, 100, 400):
            seeds = range(1 if quick or count > 100 else 3)
            for schedule in ("probe", "auto"):
                runs = [call(recipe, name, count, seed, schedule, tries=tries) for seed in seeds]
                rows.append(
                    {
                        "number": name,
                        "photos": count,
                        "schedule": schedule,
                        "R2": f"{mean(run['r2'] for run in runs):.3f}",
                        "each seed": ", ".join(f"{run['r2']:.3f}" for run in runs),
                        "MAE": f"{mean(run['mae'] for run in runs):.3g}",
                        "fit, s": f"{mean(run['seconds'] for run in runs):.1f}",
                    }
                )
    print_table("Recipes", rows)


if __name__ == "__main__":
    main()
