"""Flips labels, and counts how many of them are found by `tl.doubt` and by other rankings.

    python benchmarks/doubts.py --sets solar digits --seeds 0 1 2

Each row is one set and one seed: of as many labels as were flipped, the share of flipped ones among
the most doubtful. `scikit-learn` ranks by the self-confidence of cleanlab, by five cross-validated
logistic regressions on the same features. `mistakes` are those of the default recipe after it was
trained on these labels.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from children import print_table
from sets import stored
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

import transferlearn as tl

_ITEMS, _FLIPPED = 500, 0.2


def found(name: str, size: int, seed: int, cache: Path, fine_tune: bool) -> dict[str, Any]:
    """Flips a fifth of the labels of a set, and looks for them."""
    rng = np.random.default_rng(seed)
    with np.load(stored(name, size, cache, None)) as file:
        x, y = file["x"], file["y"]
    chosen = rng.permutation(len(y))[:_ITEMS]
    x, right = x[chosen], y[chosen]
    wrong = rng.permutation(len(right))[: round(_FLIPPED * len(right))]
    labels = right.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, right.max() + 1, len(wrong))) % (
        right.max() + 1
    )
    builder = tl.ImageClassifierBuilder("EfficientNetLite0", image_size=(size, size), seed=seed)
    begun = time.process_time()
    doubts = tl.doubt(builder, (x, labels), seed=seed, verbose=0)
    seconds = time.process_time() - begun
    order = np.array([row.item for row in doubts])
    suspected = [row.item for row in doubts.suspected]
    row = {
        "set": name,
        "seed": seed,
        "tl.doubt": np.isin(order[: len(wrong)], wrong).mean(),
        "suspected": len(suspected),
        "of these wrong": np.isin(suspected, wrong).mean(),
        "scikit-learn": np.isin(_of_scikit_learn(builder, x, labels)[: len(wrong)], wrong).mean(),
        "CPU s": seconds,
    }
    if fine_tune:
        fitted = builder.fit((x, labels), verbose=0, reference=False)
        own = tl.plotting.mistakes(fitted.evaluate((x, labels)), len(wrong))
        row["mistakes"] = float(np.isin([one.item for one in own], wrong).sum() / len(wrong))
    return row


def _of_scikit_learn(builder: Any, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Orders the items by 1 minus the cross-validated probability of their labels."""
    model = builder.build(int(labels.max()) + 1)
    pooled = keras.Model(model.input, model.layers[-1].input).predict(x, verbose=0)
    probabilities = cross_val_predict(
        LogisticRegression(max_iter=1000), pooled, labels, cv=5, method="predict_proba"
    )
    own: np.ndarray = probabilities[np.arange(len(labels)), labels]
    return own.argsort(kind="stable")


def main() -> None:
    """Prints a table, a row for each set and seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=["solar", "digits", "typefaces"])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--cache", type=Path, default=Path("/tmp"))
    parser.add_argument("--fine-tune", action="store_true", help="train the default recipe, too")
    options = parser.parse_args()
    rows = [
        found(name, options.size, seed, options.cache, options.fine_tune)
        for name in options.sets
        for seed in options.seeds
    ]
    print_table("Flipped labels that are found", rows)


if __name__ == "__main__":
    main()
