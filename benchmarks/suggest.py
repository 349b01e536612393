"""What `tl.suggest` expects of each network and depth, against fine-tuning each of them.

    python benchmarks/suggest.py                # the demo's photos; two cores: 20 minutes
    python benchmarks/suggest.py photos/ ...    # folders with a folder for each class
    python benchmarks/suggest.py --recommended solar:150 typefaces:150 digits:100    # 5 CPU minutes

300 photos to train on, 500 others to test on, drawn with seed 0. Fine-tuning: the head solved, then
the last blocks for 8 epochs with AdamW (rate 3e-4, warm-up, cosine, weight decay 0.01), BatchNorm
fixed, no augmentation. Prints Markdown tables, as in docs/choosing.md. It needs
`pip install -e ".[demo]"`.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import sets
from children import machine, print_table

import transferlearn as tl
from transferlearn.demos import photos as demo

SEED = 0
TRAIN, TEST = 300, 500
SIDES, OTHERS = (48, 64, 96, 128), 400  # pixels, images to test on, with --recommended
Photos = tuple[list[str], list[str]]


@dataclass(frozen=True)
class ProbeThenTrain(tl.Schedule):
    """The head solved, then all that the builder's `freeze` leaves free."""

    def phases(self, job: Any) -> Iterator[tl.Phase]:
        """Yields one phase or two."""
        frozen = tl.freezing.FreezeAll()
        yield tl.Phase(freeze=frozen, epochs=1, fit="solve")
        if job.freeze != frozen:
            yield tl.Phase(
                freeze=job.freeze, epochs=8, learning_rate=3e-4, warm_up=0.2, decay="cosine"
            )


def candidates() -> dict[str, tl.ImageClassifierBuilder]:
    """EfficientNetLite0, whole and cut, at two sizes."""
    optimizer = keras.optimizers.AdamW(weight_decay=0.01)
    made = {}
    for last, side in (("top", 96), ("top", 128), ("block6", 96), ("block5", 128)):
        whole = tl.backbones.get("EfficientNetLite0", image_size=(side, side))
        backbone = whole if last == "top" else cut(whole, last)
        made[f"up to {last}, {side} px"] = tl.ImageClassifierBuilder(
            backbone, image_size=(side, side), optimizer=optimizer, seed=SEED
        )
    return made


def cut(whole: tl.backbones.Backbone, last: str) -> tl.backbones.Backbone:
    """The network up to and with a block."""
    block = next(block for block in whole.blocks if block.name == last)
    output = whole.model.layers[block.layers[-1]].output
    return tl.backbones.from_model(
        keras.Model(whole.model.input, output),
        preprocessing=whole.preprocessing,
        blocks=tl.backbones.blocks_by_name((r"(stem|block\d|top)", r"\1")),
        name=last,
    )


def photos(folder: Path | None) -> Photos:
    """Paths and class names of a folder, or of the demo."""
    if folder is None:
        paths, names = zip(*demo.photos(), strict=True)
        return list(paths), list(names)
    files = sorted(path for path in folder.glob("*/*") if path.is_file())
    return [str(path) for path in files], [path.parent.name for path in files]


def compare(
    labelled: Photos, train: int, test: int, depths: list[int] | None
) -> list[dict[str, Any]]:
    """Expected and reached accuracy of each candidate and depth."""
    order = np.random.default_rng(1000 + SEED).permutation(len(labelled[0]))
    drawn = (order[:train], order[train : train + test])
    seen, unseen = (tuple([column[i] for i in rows] for column in labelled) for rows in drawn)
    rows = []
    for name, builder in candidates().items():
        found = tl.suggest(seen, [builder], depths=depths, seed=SEED, verbose=0)
        for row in sorted(found, key=lambda row: row.trained_blocks):
            begun = time.perf_counter()
            frozen = replace(row.builder, freeze=row.freeze)
            fitted = frozen.fit(seen, validation_split=0, schedule=ProbeThenTrain(), verbose=0)
            seconds = time.perf_counter() - begun
            rows.append(
                {
                    "network": name,
                    "blocks trained": row.trained_blocks,
                    "expected": row.score,
                    "reached": fitted.evaluate(unseen).accuracy,
                    "fit, s": seconds,
                }
            )
            keras.utils.clear_session()
    return rows


def recommended(name: str, count: int) -> dict[str, Any]:
    """Expected and reached accuracy of the recommended row of a set, and the best of all rows."""
    with tempfile.TemporaryDirectory() as cache:
        labelled = np.load(sets.stored(name, max(SIDES), Path(cache), None))
    order = np.random.default_rng(1000 + SEED).permutation(len(labelled["y"]))
    drawn = order[:count], order[count : count + OTHERS]
    seen, unseen = ((labelled["x"][rows], labelled["y"][rows]) for rows in drawn)
    builders = [
        tl.ImageClassifierBuilder("EfficientNetLite0", image_size=(side, side), seed=SEED)
        for side in SIDES
    ]
    found = tl.suggest(seen, builders, seed=SEED, verbose=0)
    reached = {}
    for builder in builders:
        fitted = builder.fit(seen, verbose=0)
        reached[builder.image_size] = fitted.evaluate(unseen).accuracy
        keras.utils.clear_session()
    chosen, best = found.recommended, found[0]
    return {
        "images": f"{count} of {name}",
        "recommended": chosen.size,
        "expected": f"{chosen.score:.3f}",
        "reached": f"{reached[chosen.image_size]:.3f}",
        "highest expected": f"{best.score:.3f} ({best.size})",
        "reached by that": f"{reached[best.image_size]:.3f}",
        "reached at 48, 64, 96, 128 px": ", ".join(f"{one:.3f}" for one in reached.values()),
    }


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path, help="by default the demo's photos")
    parser.add_argument("--depths", nargs="+", type=int, help="by default those of tl.suggest")
    parser.add_argument("--quick", action="store_true", help="few photos: does it run? no numbers")
    parser.add_argument("--recommended", nargs="+", metavar="SET:COUNT", help="no folders then")
    options = parser.parse_args()
    if options.recommended:
        asked = (one.split(":") for one in options.recommended)
        print_table(machine(), (recommended(name, int(count)) for name, count in asked))
        return
    sizes = (24, 24) if options.quick else (TRAIN, TEST)
    print(machine())
    for folder in options.folders or [None]:
        rows = compare(photos(folder), *sizes, options.depths)
        print_table("demo" if folder is None else folder.name, [_shown(row) for row in rows])
        first = max(rows, key=lambda row: row["expected"])
        best = max(row["reached"] for row in rows)
        print(f"\nThe first suggestion reached {first['reached']:.3f}, the best {best:.3f}.")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    shares = {name: f"{row[name]:.3f}" for name in ("expected", "reached")}
    return {**row, **shares, "fit, s": f"{row['fit, s']:.0f}"}


if __name__ == "__main__":
    main()
