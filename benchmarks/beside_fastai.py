"""The default recipe beside fastai's `fine_tune(4)`: the same photos, weights and machine.

    python benchmarks/beside_fastai.py ENV/bin/python           # two cores: 10 minutes a seed
    python benchmarks/beside_fastai.py ENV/bin/python --seeds 3

ENV is a virtual environment with what benchmarks/fastai_fine_tune.py needs. Photos of the demo, a
tenth of those to train on held out (fastai trains on nine tenths, as in its own guide), 1,000
others to test on. Seconds are of processor time, of `fit` and of learner and `fine_tune`, from
image files on, with the libraries imported. It needs `pip install -e ".[demo]"`.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from children import call, machine, print_table
from material import photos

import transferlearn as tl

SIZES = ((96, 300), (96, 1000), (128, 300), (128, 1000), (224, 300))  # pixels, photos


def draw(size: int, count: int, seed: int) -> dict[str, Any]:
    """What benchmarks/fastai_fine_tune.py takes."""
    labelled = list(zip(*photos(), strict=True))
    order = np.random.default_rng(seed).permutation(len(labelled))
    held_out, shown, kept, _ = np.split(order, (count // 10, count, count + 1000))
    parts = {"validation": held_out, "train": shown, "test": kept}
    drawn = {part: [labelled[i] for i in rows] for part, rows in parts.items()}
    return {**drawn, "image_size": size, "epochs": 4, "seed": seed}


def the_default(size: int, count: int, seed: int) -> dict[str, Any]:
    """Trains by the default recipe, and tests."""
    job = draw(size, count, seed)
    shown, kept = (
        tuple(map(list, zip(*pairs, strict=True)))
        for pairs in (job["validation"] + job["train"], job["test"])
    )
    begun = time.process_time()
    builder = tl.ImageClassifierBuilder("EfficientNetLite0", image_size=(size, size), seed=seed)
    fitted = builder.fit(shown, verbose=0)
    seconds = time.process_time() - begun
    return {"cpu_seconds": seconds, "accuracy": fitted.evaluate(kept).accuracy}


def fastai(python: str, size: int, count: int, seed: int) -> dict[str, Any]:
    """Has the other environment train and test."""
    job = draw(size, count, seed)
    script = Path(__file__).with_name("fastai_fine_tune.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job))
        # PyTorch's threads would count as work while they wait for each other.
        sleepy = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        done = subprocess.run(
            [python, script, path], stdout=subprocess.PIPE, check=True, env=sleepy
        )
    return json.loads(done.stdout)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python", help="of the environment with fastai")
    parser.add_argument("--seeds", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    print(machine())
    rows = []
    for size, count in SIZES:
        jobs = [(size, count, seed) for seed in range(options.seeds)]
        found = [(call(the_default, *job, tries=1), fastai(options.python, *job)) for job in jobs]
        row: dict[str, Any] = {"photos": f"{count:,}, {size} px"}
        for name, runs in zip(("the default", "fastai"), zip(*found, strict=True), strict=True):
            row[f"{name}, accuracy"] = f"{mean(run['accuracy'] for run in runs):.1%}"
            row[f"{name}, processor s"] = round(mean(run["cpu_seconds"] for run in runs), 1)
        share = row["the default, processor s"] / row["fastai, processor s"]
        row["time over fastai's"] = f"{share:.2f}"
        rows.append(row)
    print_table(f"EfficientNetLite0, photos of the demo, seeds: {options.seeds}", rows)


if __name__ == "__main__":
    main()
