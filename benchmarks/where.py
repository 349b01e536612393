"""Where the processor seconds of the default recipe go, from the import to the saved model.

    python benchmarks/where.py                    # two minutes on a busy machine
    python benchmarks/where.py --photos 1000 --size 96

Photos of the demo, EfficientNetLite0, none held out below 1,000. Seconds are of the processor, of
all cores together, in a process of its own: others at work on the machine hardly change them.
Prints a Markdown table, as in docs/performance.md. It needs `pip install -e ".[demo]"`.
"""

import argparse
import functools
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np
from children import call, machine, print_table

import transferlearn as tl
from transferlearn.builders import base, training_run
from transferlearn.demos import photos as demo
from transferlearn.features import extraction
from transferlearn.training import phases

# The function that does a part of the work; none of them calls another.
PARTS = {
    "reading and checking the photos": (base, "load_pair"),
    "loading the backbone": (base.Builder, "_read_backbone"),
    "building the network": (base.Builder, "_network"),
    "passes of the frozen part": (extraction, "run"),
    "solving the head": (phases, "solve"),
    "the reference for monitoring": (training_run, "refer"),
}


class _Epochs(keras.callbacks.Callback):
    """Times each epoch, in seconds of the processor."""

    async_safe = True

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._begun = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begun = time.process_time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.process_time() - self._begun)


def _timed(seconds: dict[str, float], name: str, function: Any) -> Any:
    @functools.wraps(function)
    def timed(*args: Any, **options: Any) -> Any:
        begun = time.process_time()
        try:
            return function(*args, **options)
        finally:
            seconds[name] += time.process_time() - begun

    return timed


def default_recipe(photos: int, size: int, seed: int) -> dict[str, Any]:
    """Trains and saves once, and gives the seconds of each part, in the order of the table."""
    importing = time.process_time()  # a new process has done nothing else by now
    labelled = demo.photos()
    order = np.random.default_rng(seed).permutation(len(labelled))[:photos]
    files, labels = zip(*(labelled[i] for i in order), strict=True)
    seconds = dict.fromkeys(PARTS, 0.0)
    for name, (owner, function) in PARTS.items():
        setattr(owner, function, _timed(seconds, name, getattr(owner, function)))
    epochs, begun = _Epochs(), time.process_time()
    builder = tl.ImageClassifierBuilder("EfficientNetLite0", image_size=(size, size), seed=seed)
    fitted = builder.fit((list(files), list(labels)), callbacks=[epochs], verbose=0)
    whole = time.process_time() - begun
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        fitted.save(Path(folder) / "model")
        saving = time.process_time() - begun
    _, *steps = epochs.seconds  # the head's epoch is timed as solving
    later = median(steps[1:])
    tracing = steps[0] - later
    parts = {
        **seconds,
        "tracing and compiling the step": tracing,
        f"{len(steps)} epochs": later * len(steps),
    }
    rest = whole - sum(parts.values())
    return {"importing": importing, **parts, "the rest of fit": rest, "saving": saving}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=227, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=160, help="pixels, default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    options = parser.parse_args()
    print(machine())
    found = call(default_recipe, options.photos, options.size, options.seed, tries=1)
    print(f"peak memory: {found.pop('peak') / 1e9:.2f} GB", file=sys.stderr)
    whole = sum(found.values())
    rows = [
        {"part": name, "processor s": f"{seconds:.1f}", "share": f"{seconds / whole:.0%}"}
        for name, seconds in (*found.items(), ("in all", whole))
    ]
    title = f"The default recipe, {options.photos} photos of the demo, {options.size} px"
    print_table(title, rows)


if __name__ == "__main__":
    main()
