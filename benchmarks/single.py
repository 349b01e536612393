"""A single prediction of a photo's file, beside its decoding and the compiled network alone.

    python benchmarks/single.py    # two minutes

EfficientNetLite0 with a solved head at 64 and 160 px; 60 of the demo's photos, each asked twice, in
turn. Then 2,000 predictions more, and the memory that the process holds before and after them.
Prints Markdown tables, as in docs/performance.md. It needs `pip install -e ".[demo]"`.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from children import call, machine, print_table
from PIL import Image

import transferlearn as tl
from transferlearn.demos import photos as demo


def single(size: int) -> dict[str, Any]:
    """Asks for one photo at a time, by us and by hand."""
    files, labels = map(list, zip(*demo.photos()[:60], strict=True))
    builder = tl.ImageClassifierBuilder("EfficientNetLite0", image_size=(size, size), seed=0)
    fitted = builder.fit((files, labels), schedule="probe", verbose=0)
    network = tf.function(lambda pixels: fitted.model(pixels, training=False))

    def by_hand(file: str) -> np.ndarray:
        image = Image.open(file).convert("RGB").resize((size, size))
        return np.asarray(network(tf.constant(np.asarray(image)[None], tf.float32)))

    seconds: dict[str, list[float]] = {"by hand": [], "predict": []}
    for file in files[:1] + files * 2:
        for way, ask in (("by hand", by_hand), ("predict", fitted.predict)):
            begun = time.perf_counter()
            ask(file)
            seconds[way].append(time.perf_counter() - begun)
    before = _resident()
    for i in range(2000):
        fitted.predict(files[i % len(files)])
    grown = (_resident() - before) / 2**20
    return {**{way: np.median(found[1:]) for way, found in seconds.items()}, "grown": grown}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Prints the table."""
    print(machine())
    rows = []
    for size in (64, 160):
        found = call(single, size)
        rows.append(
            {
                "image size": size,
                "by hand, ms": f"{found['by hand'] * 1000:.1f}",
                "`predict`, ms": f"{found['predict'] * 1000:.1f}",
                "ratio": f"{found['predict'] / found['by hand']:.2f}",
                "grown in 2,000, MB": f"{found['grown']:.1f}",
            }
        )
    print_table("A single photo", rows)


if __name__ == "__main__":
    main()
