"""What `tl.estimate` tells of a run, against what the run then takes.

    python benchmarks/estimate.py          # two cores: 40 minutes
    python benchmarks/estimate.py --cpu    # on a machine that others use too

Each estimate and each run has a process of its own, which loads its weights and compiles its graphs
itself; they are taken in turn, three of each. With `--cpu` both are told in seconds of the
process's own threads, on all cores together, in place of seconds on the wall: others make these
longer too, but not several times as long. Prints a Markdown table, as in docs/estimating.md. It
needs `pip install -e ".[demo]"`.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import keras
import numpy as np
from children import call, machine, print_table
from material import SEED, backbone, cache_note, photos

import transferlearn as tl

SIZE = 224
CLASSIC = {"freeze": "all", "head": tl.heads.FlattenDense(units=(128,))}
FLIPS = {"augmentation": keras.layers.RandomFlip("horizontal_and_vertical")}
LAST_TWO = {"freeze": tl.freezing.TrainLastBlocks(2)}
LITE = "EfficientNetLite0"

# Network, photos (or "arrays" of 64 px), settings of the builder, arguments of fit.
JOBS: dict[str, tuple[str, int, dict[str, Any], dict[str, Any]]] = {
    "the default": (LITE, 300, {}, {}),
    "pooled head": (LITE, 800, {"freeze": "all"}, {}),
    "pooled head, 100 epochs": (LITE, 800, {"freeze": "all"}, {"epochs": 100}),
    "classic head": (LITE, 800, CLASSIC, {}),
    "solved head": (LITE, 800, {}, {"schedule": "probe"}),
    "last two blocks": (LITE, 400, LAST_TWO, {}),
    "head, then two blocks": (LITE, 400, LAST_TWO, {"schedule": tl.FineTune(rate_factor=0.1)}),
    "four views": (LITE, 400, {**FLIPS, "freeze": "all", "views": 4}, {}),
    "live augmentation": (LITE, 400, {**FLIPS, "freeze": "all"}, {"epochs": 5}),
    "nothing frozen": (LITE, 200, {"freeze": "none"}, {"epochs": 5}),
    "classic head, VGG16": ("VGG16", 300, CLASSIC, {}),
    "last block, ResNet50": (
        "ResNet50",
        200,
        {"freeze": tl.freezing.TrainLastBlocks(1)},
        {"epochs": 5},
    ),
    "classic head, arrays of 64 px": (LITE, -20000, CLASSIC, {}),
    "the same from disk": (LITE, -20000, CLASSIC, {"cache": tl.Cache(memory=0)}),
}


def told(name: str, *, quick: bool, cpu: bool) -> dict[str, Any]:
    """Estimates."""
    now = _clock(cpu)
    time.perf_counter = time.monotonic = now  # by which steps are timed
    builder, data, arguments = _job(name, quick)
    begun = now()
    found = tl.estimate(builder, data, **arguments)
    return {**vars(found), "took": now() - begun, "text": str(found)}


def taken(name: str, *, quick: bool, cpu: bool) -> dict[str, Any]:
    """Runs."""
    now = _clock(cpu)
    builder, data, arguments = _job(name, quick)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TRANSFERLEARN_CACHE"] = directory
        begun = now()
        fitted = builder.fit(data, **arguments, verbose=0)
        return {"seconds": now() - begun, "note": cache_note(fitted.phases[-1])}


def _clock(cpu: bool) -> Callable[[], float]:
    return time.process_time if cpu else time.perf_counter


def _job(name: str, quick: bool) -> tuple[tl.Builder, Any, dict[str, Any]]:
    network, count, settings, arguments = JOBS[name]
    size = 64 if count < 0 or quick else SIZE
    made = network if network == LITE else backbone(network, size)
    builder = tl.ImageClassifierBuilder(made, seed=SEED, image_size=(size, size), **settings)
    if quick:
        count = min(max(count, -150), 150)
    if count > 0:
        return builder, photos(count), arguments
    rng = np.random.default_rng(SEED)
    images = rng.integers(0, 256, (-count, size, size, 3), "uint8")
    return builder, (images, rng.integers(0, 10, -count)), arguments


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", help="by default all", default=list(JOBS))
    parser.add_argument("--quick", action="store_true", help="few photos: does it run? no numbers")
    parser.add_argument("--cpu", action="store_true", help="seconds of the process's own threads")
    options = parser.parse_args()
    how = {"quick": options.quick, "cpu": options.cpu}
    tries = 1 if options.quick or options.cpu else 5
    print(machine())
    rows = []
    for name in options.jobs:
        network, count, *_ = JOBS[name]
        pairs = [
            (call(told, name, tries=tries, **how), call(taken, name, tries=tries, **how))
            for _ in range(1 if options.quick else 3)
        ]
        seconds = [(x["seconds"], y["seconds"]) for x, y in pairs]
        memory = [(x["memory"] / 1e9, y["peak"] / 1e9) for x, y in pairs]
        rows.append(
            {
                "job": name,
                "network": network,
                "images": f"{abs(count):,}",
                "took, s": f"{median(y for _, y in seconds):.1f}",
                "told, s": f"{median(x for x, _ in seconds):.1f}",
                "told / took, each": ", ".join(f"{x / y:.2f}" for x, y in seconds),
                "most resident, GB": f"{median(y for _, y in memory):.2f}",
                "told, GB": f"{median(x for x, _ in memory):.2f}",
                "told / most, each": ", ".join(f"{x / y:.2f}" for x, y in memory),
                "stored, MB": f"{(x0 := pairs[0][0])['stored_in_memory'] / 1e6:.1f}"
                + (f" + {x0['stored_on_disk'] / 1e6:.1f} on disk" if x0["stored_on_disk"] else ""),
                "the estimate, s": f"{median(x['took'] for x, _ in pairs):.1f}",
            }
        )
        print(f"\n{name}\n{pairs[0][0]['text']}\nIt was: {pairs[0][1]['note']}", flush=True)
    print_table("Estimates and runs", rows)


if __name__ == "__main__":
    main()
