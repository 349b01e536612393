"""How time, disk and memory grow with the number of items.

    python benchmarks/growth.py    # two cores: 3 minutes; 6 GB in the temporary directory

Prints Markdown tables, as in docs/performance.md. It needs `pip install -e ".[demo]"`.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from children import call, machine, print_table
from material import SEED, EpochTimes, cache_note

import transferlearn as tl
from transferlearn.data.batches import ItemBatches, arrays_beside
from transferlearn.features import Storage
from transferlearn.features.items import FeatureItems
from transferlearn.features.store import Store, StoredTensor, open_store
from transferlearn.training.stand_in import EpochBatches, fit

EPOCHS = 3
SIZE = 64
MAP = (7, 7, 512)  # of VGG16 at 224 px: 25,088 numbers
_CHUNK = 500


def whole_fit(items: int, in_memory: bool) -> dict[str, Any]:
    """`builder.fit` on arrays of small images, the classic head on EfficientNetLite0."""
    rng = np.random.default_rng(SEED)
    images = rng.integers(0, 256, (items, SIZE, SIZE, 3), "uint8")
    labels = rng.integers(0, 10, items)
    builder = tl.ImageClassifierBuilder(
        "EfficientNetLite0", head=tl.heads.FlattenDense(units=(128,)), freeze="all", seed=SEED
    )
    times = EpochTimes(EPOCHS)
    with tempfile.TemporaryDirectory() as directory:
        cache = tl.Cache(directory=directory, memory=None if in_memory else 0)
        begun = time.perf_counter()
        fitted = builder.fit(
            (images, labels),
            validation_split=0,
            epochs=EPOCHS,
            cache=cache,
            callbacks=[times],
            verbose=0,
        )
        whole = time.perf_counter() - begun
        on_disk = sum(path.stat().st_size for path in Path(directory).rglob("*.bin"))
    return {
        "before": whole - sum(times.seconds),
        "epoch": float(np.median(times.seconds)),
        "bytes": on_disk,
        "images": images.nbytes,
        "note": cache_note(fitted.phases[0]),
    }


def large_store(items: int, in_memory: bool) -> dict[str, Any]:
    """The classic head of VGG16 on features that no network had to make."""
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as directory:
        cache = tl.Cache() if in_memory else tl.Cache(directory=directory, memory=0)
        store = open_store(Storage.of(cache), "large", [StoredTensor(MAP, "float32")], "benchmark")
        keys = [i.to_bytes(32, "little") for i in range(items)]
        writing = 0.0
        with store.adding(items) as writer:
            for start in range(0, items, _CHUNK):
                some = keys[start : start + _CHUNK]
                rows = rng.standard_normal((len(some), *MAP), "float32")
                begun = time.perf_counter()
                writer.add(some, [rows])
                writing += time.perf_counter() - begun
        model, tail = _classic_head()
        batches = _batches(store, keys, rng)
        _, warm, cold = _epochs(model, tail, batches, Path(directory))
    return {
        "bytes": items * store.item_bytes,
        "writing": items / writing,
        "warm": items / warm,
        "cold": items / cold,
    }


def _classic_head() -> tuple[keras.Model, keras.Model]:
    """A model of an image and what follows its features, as `builder.fit` trains it."""
    image = keras.Input((16, 16, 3))
    features = keras.layers.Conv2D(MAP[-1], 3, strides=2, trainable=False)(image)
    output = tl.heads.FlattenDense(units=(128,))(features, 10)
    model = keras.Model(image, output)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, keras.Model(features, output)


def _batches(store: Store, keys: list[bytes], rng: np.random.Generator) -> ItemBatches:
    rows = store.rows(keys)[:, None]
    labels = rng.integers(0, 10, len(keys)).astype("int32")
    items, beside = FeatureItems(store, rows, SEED), arrays_beside([labels])
    return ItemBatches(items, beside, 32, shuffle=True, seed=SEED)


def _epochs(
    model: keras.Model, tail: keras.Model, batches: ItemBatches, directory: Path
) -> list[float]:
    """The seconds of three epochs: the first compiles, the last reads from the disk itself."""
    times = EpochTimes(3)
    forget = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: _out_of_page_cache(directory) if epoch == 2 else None
    )
    batches_of_epoch = EpochBatches(train=batches, validation=None, batch_size=32)
    fit(
        model,
        tail,
        batches_of_epoch,
        metrics=["accuracy"],
        callbacks=[forget, times],
        keeping=keras.callbacks.Callback(),
        recorder=None,
        first=(),
        in_time=(),
        begun=0,
        epochs=3,
        verbose=0,
    )
    return times.seconds


def _out_of_page_cache(directory: Path) -> None:
    """Makes the kernel forget the files."""
    os.sync()
    for path in directory.rglob("*.bin"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few items: does it run? no numbers")
    share, tries = (0.01, 1) if parser.parse_args().quick else (1.0, 5)
    print(machine())
    rows = []
    for items in (1000, 5000, 20000):
        for in_memory in (True, False):
            count = int(items * share)
            found = call(whole_fit, count, in_memory=in_memory, tries=tries)
            rows.append(
                {
                    "items": f"{count:,}",
                    "read from": "memory" if in_memory else "disk",
                    "checks and the pass, s": f"{found['before']:.1f}",
                    "an epoch, s": f"{found['epoch']:.2f}",
                    "on disk, MB": f"{found['bytes'] / 1e6:.1f}",
                    "images, MB": f"{found['images'] / 1e6:.1f}",
                    "most resident, GB": f"{found['peak'] / 1e9:.2f}",
                }
            )
    print(f"\n{found['note']}")
    print_table(f"EfficientNetLite0 at {SIZE} px, classic head, arrays of noise", rows)
    rows = []
    for items, in_memory in ((5000, True), (50000, False)):
        found = call(large_store, int(items * share), in_memory=in_memory, tries=tries)
        rows.append(
            {
                "items": f"{int(items * share):,}",
                "read from": "memory" if in_memory else "disk",
                "GB": f"{found['bytes'] / 1e9:.2f}",
                "written, items/s": f"{found['writing']:,.0f}",
                "trained, items/s": f"{found['warm']:,.0f}",
                "after the kernel forgot the files": f"{found['cold']:,.0f}",
                "most resident, GB": f"{found['peak'] / 1e9:.2f}",
            }
        )
    print_table("The classic head of VGG16 on 25,088 float32 features an item", rows)


if __name__ == "__main__":
    main()
