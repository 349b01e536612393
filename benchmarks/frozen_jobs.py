"""What `frozen_epochs.py` measures; each function runs in a process of its own."""

import os
import tempfile
import time
from dataclasses import replace
from typing import Any, cast

import keras
import numpy as np
from children import peak_memory
from material import SEED, EpochTimes, Photos, backbone, cache_note, photos, pixels

import transferlearn as tl
from transferlearn import training
from transferlearn.assembling import Network
from transferlearn.backbones import Backbone
from transferlearn.data.dataset import Request
from transferlearn.data.images import checking
from transferlearn.features import Storage, extraction
from transferlearn.features.store import StoredTensor, open_store
from transferlearn.freezing import TrainLastBlocks
from transferlearn.progress import Stage
from transferlearn.splitting import boundary, count_operations, split

BATCH = 32
HELD_OUT = 256
HEADS = {"classic": tl.heads.FlattenDense(units=(128,)), "pooled": tl.heads.PooledDense()}
_CLASSES = ("defective", "functional")


def plain(name: str, head: str, count: int, measured: int) -> dict[str, Any]:
    """What a careful user writes with Keras: the frozen network runs in each epoch."""
    builder, files = _builder(name, head), photos(count)
    batches = _pipeline(files, shuffle=True)
    begun = time.perf_counter()
    model = builder.build(num_classes=2)
    model.fit(batches.take(1), shuffle=False, verbose=0)  # compiles
    start = time.perf_counter() - begun
    begun = time.perf_counter()
    model.fit(batches, epochs=measured, shuffle=False, verbose=0)
    return {"start": start, "epoch": (time.perf_counter() - begun) / measured}


def by_hand(name: str, head: str, count: int, epochs: int) -> dict[str, Any]:
    """The floor: one pass into arrays, then Keras's `fit` of the head on them."""
    builder, files = _builder(name, head), photos(count)
    model = builder.build(num_classes=2)
    features = model.get_layer(_own(builder).model.layers[-1].name).output
    begun = time.perf_counter()
    stored = keras.Model(model.input, features).predict(_pipeline(files, shuffle=False), verbose=0)
    passed = time.perf_counter()
    alone = keras.Model(features, model.output)
    alone.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    alone.fit(stored, _labels(files), batch_size=BATCH, epochs=epochs, verbose=0)
    return {"pass": passed - begun, "head": time.perf_counter() - passed}


def ours(name: str, head: str, count: int, epochs: int) -> dict[str, Any]:
    """`builder.fit` as it comes, then once more with another head."""
    builder, files = _builder(name, head), photos(count)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TRANSFERLEARN_CACHE"] = directory  # what others stored there must not help
        begun = time.perf_counter()
        fitted = builder.fit(files, validation_split=0, epochs=epochs, verbose=0)
        first = time.perf_counter() - begun
        peak = peak_memory()
        other = replace(builder, head=tl.heads.FlattenDense(units=(64,)))
        begun = time.perf_counter()
        again = other.fit(files, validation_split=0, epochs=epochs, verbose=0)
        second = time.perf_counter() - begun
    return {
        "seconds": first,
        "note": cache_note(fitted.phases[0]),
        "again": second,
        "again_note": cache_note(again.phases[0]),
        "peak": peak,
    }


def one_pass(name: str, count: int, repeats: int, dtype: str | None) -> dict[str, Any]:
    """Images a second of the pass, files decoded, against the network on arrays in memory."""
    builder, files = _builder(name, "pooled"), photos(count)
    network = _network(builder)
    mask = [True] * len(network.layers)
    training.set_trainable(network, mask, batch_norm="frozen")
    cut = boundary(network, mask)
    checking.KEPT_BYTES = 0  # decoding is to be measured too
    contents = tl.data.load(files, builder.kind).contents(Request(BATCH))
    keys = [bytes.fromhex(text) for text in contents.hashes]
    rows = np.arange(count)
    batches = [images for _, images in contents.read(rows, BATCH)]
    predictors = {
        kind: extraction.FeatureModel(extraction.trunk(network.model.inputs, cut, dtype=kind))
        for kind in dict.fromkeys((None, dtype))
    }
    for predictor in predictors.values():
        predictor(batches[0], BATCH)  # traced before it is timed
    specs = [StoredTensor(tuple(tensor.shape[1:]), "float32") for tensor in cut.tensors]

    def passing(dtype: str | None, run: int) -> None:
        store = open_store(Storage.of(tl.Cache()), f"{dtype}{run}", specs, "benchmark")
        read = (([keys[i] for i in some], images) for some, images in contents.read(rows, BATCH))
        with store.adding(count) as writer:
            shown = Stage("frozen layers", count)
            extraction.run(predictors[dtype], read, writer, shown, lambda: None)

    def network_alone() -> None:
        for images in batches:
            predictors[None](images, len(images))

    def decoding() -> None:
        for _ in contents.read(rows, BATCH):
            pass

    kinds = ("network", "decoding", *map(str, predictors))
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for run in range(repeats):
        times["network"].append(_seconds(network_alone))
        times["decoding"].append(_seconds(decoding))
        for given in predictors:
            times[str(given)].append(_seconds(passing, given, run))
    return {kind: count / np.median(seconds) for kind, seconds in times.items()}


def last_block(name: str, count: int, epochs: int, measured: int, cache: bool) -> dict[str, Any]:
    """The classic head with the last block trained; and the operations of both parts."""
    freeze, times = TrainLastBlocks(1), EpochTimes(measured)
    builder = replace(_builder(name, "classic"), freeze=freeze, learning_rate=1e-4)
    begun = time.perf_counter()
    fitted = builder.fit(
        photos(count),
        validation_split=0,
        epochs=epochs,
        cache=cache and tl.Cache(memory=int(8e9)),
        callbacks=[times],
        verbose=0,
    )
    whole = time.perf_counter() - begun
    network = _network(builder)
    cut = boundary(network, tl.freezing.Layers.of(_own(builder)).frozen_by(freeze))
    return {
        "seconds": _whole_run(whole, times.seconds, epochs),
        "epoch": np.median(times.seconds),
        "before": cut.operations,
        "behind": count_operations(split(network, cut).tail),
        "note": cache_note(fitted.phases[0]),
    }


def exactness(name: str, size: int, count: int, epochs: int) -> dict[str, Any]:
    """The same training with and without a store."""
    builder = tl.ImageClassifierBuilder(
        backbone(name, size), freeze="all", image_size=(size, size), seed=SEED
    )
    noisy = replace(builder, head=tl.heads.FlattenDense(units=(64,), dropout=0.3))
    variants = {
        "the classic head": replace(builder, head=HEADS["classic"]),
        "a head with Dropout": noisy,
        "that and the last block": replace(noisy, freeze=TrainLastBlocks(1), learning_rate=1e-4),
    }
    return {trained: _compared(variant, count, epochs) for trained, variant in variants.items()}


def _compared(builder: tl.ImageClassifierBuilder, count: int, epochs: int) -> dict[str, Any]:
    kept = []
    for cache in (False, True):
        weights = _Weights(after=(1, epochs))
        fitted = builder.fit(
            photos(count),
            validation_split=0,
            epochs=epochs,
            cache=cache,
            callbacks=[weights],
            verbose=0,
        )
        kept.append(weights.kept)
    held_out = photos(HELD_OUT, start=800)
    height, _, _ = fitted.model.input_shape[1:]
    images, truth = pixels(held_out[0], height), _labels(held_out)
    answers = []
    for _, last in kept:
        fitted.model.set_weights(last)
        answers.append(fitted.model.predict(images, verbose=0).argmax(1))
    return {
        "first": _difference(kept[1][0], kept[0][0]),
        "last": _difference(kept[1][1], kept[0][1]),
        "accuracies": [float((answer == truth).mean()) for answer in answers],
        "equal": float((answers[0] == answers[1]).mean()),
        "note": cache_note(fitted.phases[0]),
    }


class _Weights(keras.callbacks.Callback):
    """Copies all weights of the model after some epochs, counted from 1."""

    def __init__(self, after: tuple[int, ...]) -> None:
        super().__init__()
        self._after = after
        self.kept: list[list[np.ndarray]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 in self._after:
            self.kept.append(self.model.get_weights())


def _difference(weights: list[np.ndarray], others: list[np.ndarray]) -> float:
    """The largest relative L2 norm of a tensor's difference."""
    pairs = zip(weights, others, strict=True)
    return max(float(np.linalg.norm(a - b) / (np.linalg.norm(b) or 1)) for a, b in pairs)


def _builder(name: str, head: str) -> tl.ImageClassifierBuilder:
    size = 224
    return tl.ImageClassifierBuilder(
        backbone(name, size), head=HEADS[head], freeze="all", image_size=(size, size), seed=SEED
    )


def _own(builder: tl.ImageClassifierBuilder) -> Backbone:
    return cast(Backbone, builder.backbone)


def _network(builder: tl.ImageClassifierBuilder) -> Network:
    images, labels = np.zeros((2, 224, 224, 3), "uint8"), [0, 1]
    return builder.prepare((images, labels), validation_split=0).network


def _labels(files: Photos) -> np.ndarray:
    return np.array([_CLASSES.index(name) for name in files[1]])


def _pipeline(files: Photos, *, shuffle: bool) -> Any:
    import tensorflow as tf

    def load(path: Any, label: Any) -> tuple[Any, Any]:
        image = tf.io.decode_png(tf.io.read_file(path), channels=3)
        return tf.image.resize(image, (224, 224)), label

    paired = tf.data.Dataset.from_tensor_slices((files[0], _labels(files)))
    if shuffle:
        paired = paired.shuffle(len(files[0]), seed=SEED)
    loaded = paired.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return loaded.batch(BATCH).prefetch(tf.data.AUTOTUNE)


def _whole_run(seconds: float, epochs_measured: list[float], epochs: int) -> float:
    """What all epochs take, from some: the median epoch stands for those that were left out."""
    return seconds + (epochs - len(epochs_measured)) * float(np.median(epochs_measured))


def _seconds(run: Any, *args: Any) -> float:
    begun = time.perf_counter()
    run(*args)
    return time.perf_counter() - begun
