"""Counts false alarms and found changes of `tl.monitor`, on photos of solar cells and on digits.

A network is fine-tuned on a part of each set. The other part is the pool, from which each trial
draws a reference and a batch that have no item in common; the batch is then left as it is, or
changed. What the network makes of the pool, and of changed copies of 500 of its items, is computed
once (`--features` names the file), so that a thousand batches take minutes.

    python benchmarks/monitoring.py --features monitoring.npz
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter
from sklearn.datasets import load_digits

import transferlearn as tl
from transferlearn.demos.photos import photos
from transferlearn.freezing import FreezeUpTo
from transferlearn.measuring import measure
from transferlearn.monitoring import Measured, OneClass, Reference, Signals, drift
from transferlearn.monitoring.accuracy import by_threshold, estimate
from transferlearn.monitoring.axes import FeatureAxes
from transferlearn.monitoring.measured import CONFIDENCE
from transferlearn.monitoring.watching import statistics

CHANGED = 500  # items of the pool, of which there are changed copies
SIZES = (50, 500)
RATE = 0.05
SHIFTS = ("brightness +80", "blur 2", "blur 4", "class shares", "20% foreign", "100% foreign")


class Pool(NamedTuple):
    """Holds what was computed of one set of data."""

    training: np.ndarray
    clean: Measured
    labels: np.ndarray
    changed: dict[str, Measured]
    classes: tuple[str, ...]


def cells() -> tuple[np.ndarray, np.ndarray]:
    """Returns the demo's photos in random order, uint8 `(2223, 160, 160, 3)`, and their labels."""
    listed = photos()
    order = np.random.default_rng(0).permutation(len(listed))
    pixels = np.stack([_pixels(Image.open(listed[i][0]), 160) for i in order])
    return pixels, np.array([listed[i][1] for i in order])


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Scikit-learn's digits in random order, uint8 `(1797, 96, 96, 3)`, and their labels."""
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.images))
    grey = (found.images[order] / 16 * 255).astype(np.uint8)
    pixels = np.stack([_pixels(Image.fromarray(image), 96) for image in grey])
    return pixels, found.target[order].astype(str)


def _pixels(image: Image.Image, side: int) -> np.ndarray:
    """Returns an image as RGB with sides of so many pixels."""
    return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))


def shifted(pixels: np.ndarray, foreign: np.ndarray) -> dict[str, np.ndarray]:
    """Returns changed copies of images, and foreign images of the same size, by name."""
    return {
        "brightness +80": np.clip(pixels.astype(int) + 80, 0, 255).astype(np.uint8),
        **{f"blur {radius}": _blurred(pixels, radius) for radius in (2, 4)},
        "foreign": np.stack(
            [_pixels(Image.fromarray(image), pixels.shape[1]) for image in foreign[: len(pixels)]]
        ),
    }


def _blurred(pixels: np.ndarray, radius: int) -> np.ndarray:
    """Returns images behind a Gaussian blur of a radius in pixels."""
    blur = ImageFilter.GaussianBlur(radius)
    return np.stack([np.asarray(Image.fromarray(image).filter(blur)) for image in pixels])


def computed(name: str) -> Pool:
    """Fine-tunes a network on a part of a set, and measures the pool and changed copies of it."""
    sets = {"cells": cells, "digits": digits}
    pixels, labels = sets[name]()
    other = sets["digits" if name == "cells" else "cells"]()[0]
    train = 800 if name == "cells" else 600
    builder = tl.ImageClassifierBuilder(
        "EfficientNetLite0", freeze=FreezeUpTo("block4"), learning_rate=2e-3, seed=0
    )
    fitted = builder.fit(
        (pixels[:train], labels[:train]),
        validation_split=0,
        epochs=4,
        schedule=tl.FineTune(head_epochs=2, rate_factor=0.05),
        verbose=2,
    )

    def measured(items: np.ndarray, of: np.ndarray) -> Measured:
        dataset = tl.data.load((items, of), fitted.kind, fitted.encoding.target)
        return measure(fitted, dataset)

    few = pixels[train : train + CHANGED], labels[train : train + CHANGED]
    trained_on = measured(pixels[:500], labels[:500]).features
    assert trained_on is not None
    return Pool(
        training=trained_on,
        clean=measured(pixels[train:], labels[train:]),
        labels=np.array([fitted.class_names.index(label) for label in labels[train:]]),
        changed={n: measured(p, few[1]) for n, p in shifted(few[0], other).items()},
        classes=fitted.class_names,
    )


def kept(path: Path) -> dict[str, Pool]:
    """Returns both pools, from the file if it is there; else it computes and writes them."""
    if not path.exists():
        pools = {name: computed(name) for name in ("cells", "digits")}
        np.savez_compressed(path, pools=np.array(pools, object))
    return np.load(path, allow_pickle=True)["pools"].item()


class Trial(NamedTuple):
    """Holds a reference and a batch that share no item."""

    reference: Reference
    batch: Signals


def trials(pool: Pool, shift: str | None, size: int, count: int) -> Iterator[Trial]:
    """Draws references and batches from a pool; each batch is changed by `shift`, if any."""
    items = len(pool.labels)
    changed = pool.changed.get(shift or "")
    axes = FeatureAxes.of(pool.training)
    for seed in range(count):
        random = np.random.default_rng((seed, size))
        if shift == "class shares":
            weight = np.where(pool.labels < max(len(pool.classes) // 4, 1), 6.0, 1.0)
            chosen = random.choice(items, size, replace=False, p=weight / weight.sum())
        elif changed is not None:
            chosen = random.permutation(CHANGED)[:size]
        else:
            chosen = random.permutation(items)[:size]
        rest = random.permutation(np.setdiff1d(np.arange(items), chosen))[:600]
        batch = changed.rows(chosen) if changed is not None else pool.clean.rows(chosen)
        if shift and shift.endswith("foreign"):
            foreign = pool.changed["foreign"].rows(random.permutation(CHANGED)[:size])
            some = size if shift.startswith("100%") else size // 5
            batch = _joined(batch.rows(np.arange(some, size)), foreign.rows(np.arange(some)))
        reference = Reference.of(
            axes,
            pool.clean.rows(rest),
            kind="images",
            outputs=OneClass(pool.classes),
            how="held-out",
        )
        yield Trial(reference, reference.signals_of(batch))


def _joined(first: Measured, second: Measured) -> Measured:
    """Puts two batches together; how wrong answers for foreign items are is not asked."""
    return Measured(
        np.concatenate([first.features, second.features]),
        np.concatenate([first.values, second.values]),
        {n: np.concatenate([v, second.traits[n]]) for n, v in first.traits.items()},
        None,
    )


def p_values(pool: Pool, shift: str | None, size: int, count: int) -> dict[str, np.ndarray]:
    """Returns the p-value of each trial: of all tests together, and of each alone."""
    found: dict[str, list[float]] = {}
    for seed, (reference, batch) in enumerate(trials(pool, shift, size, count)):
        tests = statistics(reference.signals, batch)
        judged = drift.test_drift(tests, len(reference), len(batch.table), seed)
        for name, p_value in {"all": judged.p_value, **judged.of_tests}.items():
            found.setdefault(name, []).append(p_value)
    return {name: np.array(values) for name, values in found.items()}


def estimation_error(
    pool: Pool, shift: str | None, size: int, count: int
) -> tuple[float, float, float]:
    """Mean errors of accuracies estimated without labels, and how often an interval held."""
    errors = []
    for reference, batch in trials(pool, shift, size, count):
        before, wrong = reference.signals.column(CONFIDENCE), reference.signals.errors
        now = batch.column(CONFIDENCE)
        assert before is not None
        assert wrong is not None
        assert now is not None
        assert batch.errors is not None
        truth = 1 - batch.errors.mean()
        told = estimate(before, wrong, now)
        errors.append(
            (
                abs(told.value - truth),
                abs(by_threshold(before, wrong, now) - truth),
                told.low <= truth <= told.high,
            )
        )
    calibrated, threshold, held = np.mean(errors, axis=0)
    return float(calibrated), float(threshold), float(held)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--features", type=Path, default=Path("monitoring.npz"))
    parser.add_argument("--batches", type=int, default=1000, help="batches without a change")
    parser.add_argument("--changed", type=int, default=200, help="batches with each change")
    options = parser.parse_args()
    for name, pool in kept(options.features).items():
        for size in SIZES:
            clean = p_values(pool, None, size, options.batches)["all"]
            alarms = ", ".join(
                f"{rate:.0%}: {(clean <= rate).mean():.2%}" for rate in (0.01, 0.05, 0.1)
            )
            print(f"{name}, batches of {size}, no change, alarms at {alarms}", flush=True)
            for shift in SHIFTS:
                found = p_values(pool, shift, size, options.changed)
                power = {test: float((values <= RATE).mean()) for test, values in found.items()}
                best = sorted(power, key=lambda test: -power[test])[1:5]
                each = ", ".join(f"{test} {power[test]:.2f}" for test in best)
                print(f"  {shift}: {power['all']:.2f} ({each})", flush=True)
            for change in (None, "class shares", "brightness +80", "blur 2"):
                errors = estimation_error(pool, change, size, options.changed)
                print(
                    f"  accuracy, {change or 'no change'}: off by {errors[0]:.3f} calibrated, "
                    f"{errors[1]:.3f} by a threshold; interval holds {errors[2]:.0%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
