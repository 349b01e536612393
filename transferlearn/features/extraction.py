"""Run the frozen part once over what is not stored yet."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import keras
import numpy as np

from transferlearn.backbones.graph import cloned, copy_operation, copy_weights
from transferlearn.folding import folded
from transferlearn.keras_internals import layers_within
from transferlearn.splitting import Cut

_SECONDS_BETWEEN_LINES = 15.0
_IN_FLOAT32 = (keras.layers.Rescaling, keras.layers.Normalization)


def trunk(inputs: Sequence[Any], cut: Cut, *, dtype: str | None) -> keras.Model:
    """Builds the network that gives what crosses the cut.

    Args:
        inputs: The image, or all that crosses an earlier cut.
        cut: Where it ends.
        dtype: What it computes in, such as `"bfloat16"`; `None`: as it is.
    """
    model = keras.Model(list(inputs), list(cut.tensors))
    return folded(model) if dtype is None else _in_dtype(model, dtype)


class Predictor:
    """Runs a model, compiled once: smaller batches than the largest so far are filled up.

    Args:
        model: To run.
        blank: An item of nothing but padding, where items are shorter than it: what the model puts
            out for one is filled up with what it puts out for padding. `None`: all have one length.
    """

    def __init__(self, model: keras.Model, blank: np.ndarray | None = None) -> None:
        parts = layers_within(model)
        self._in_half = any(getattr(part, "compute_dtype", "") == "float16" for part in parts)
        self._model = model
        self._size = 0
        self._padding: list[np.ndarray] | None = None
        if blank is not None and any(None in output.shape[1:] for output in model.outputs):
            self._padding = self._outputs(blank, 1)

    def __call__(self, inputs: Any, count: int) -> list[np.ndarray]:
        """Gives the model's outputs for a batch of `count` items."""
        rows = self._outputs(inputs, count)
        if self._in_half:
            _check_finite(rows)
        if self._padding:
            rows = [_as_long(part, like) for part, like in zip(rows, self._padding, strict=True)]
        return rows

    def _outputs(self, inputs: Any, count: int) -> list[np.ndarray]:
        self._size = max(self._size, count)
        filled = keras.tree.map_structure(partial(_padded, size=self._size), inputs)
        outputs = self._model.predict_on_batch(filled)
        features = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return [np.asarray(part)[:count] for part in features]


def as_in_training(augmentation: keras.Layer, like: Any) -> keras.Model:
    """Makes a model of a layer for images such as `like`, random in `predict` too."""
    image = keras.Input(like.shape[1:], dtype=like.dtype)
    return keras.Model(image, AsInTraining(augmentation)(image))


class AsInTraining(keras.Layer):
    """Runs a layer as in training, also in `predict`."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        self.layer = layer

    def call(self, inputs: Any) -> Any:
        """Calls the layer."""
        return self.layer(inputs, training=True)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As it goes in."""
        return input_shape


def _in_dtype(model: keras.Model, dtype: str) -> keras.Model:
    policy = dtype if dtype == "float32" else f"mixed_{dtype}"
    copies: dict[int, tuple[Any, Any]] = {}

    def copy(operation: Any) -> Any:
        if id(operation) not in copies:
            kept = isinstance(operation, _IN_FLOAT32)
            changes = {"name": operation.name} | ({} if kept else {"dtype": policy})
            copies[id(operation)] = (operation, copy_operation(operation, **changes))
        return copies[id(operation)][1]

    copied = cloned(model, copy)
    copy_weights(list(copies.values()))
    return copied


def run(
    predictor: Predictor,
    batches: Iterable[tuple[Sequence[bytes], Any]],
    writer: Any,
    *,
    items: int,
    verbose: Any,
) -> None:
    """Computes and stores the features of each batch.

    Args:
        predictor: Gives the features.
        batches: Keys of the items, and what the model takes of them.
        writer: Of the store.
        items: How many there will be, for the progress bar.
        verbose: 0 for no progress, 2 for a line now and then, else a progress bar.
    """
    progress = keras.utils.Progbar(items, unit_name="item", verbose=int(verbose not in (0, 2)))
    done, told = 0, time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        written = beside.submit(int)
        for keys, inputs in batches:
            rows = predictor(inputs, len(keys))
            written.result()
            written = beside.submit(writer.add, keys, rows)
            progress.add(len(keys))
            done += len(keys)
            if verbose == 2 and time.monotonic() - told > _SECONDS_BETWEEN_LINES:
                print(f"Cache: {done:,} of {items:,} items computed")
                told = time.monotonic()
        written.result()


def _check_finite(rows: Sequence[np.ndarray]) -> None:
    if not all(np.isfinite(part).all() for part in rows):
        raise ValueError(
            "The frozen part has values above 65504, which are infinite in float16. "
            'Take tl.Cache(trunk_dtype="bfloat16").'
        )


def _as_long(batch: np.ndarray, padding: np.ndarray) -> np.ndarray:
    if batch.shape[1:] == padding.shape[1:]:
        return batch
    whole = np.repeat(padding, len(batch), axis=0)
    whole[tuple(map(slice, batch.shape))] = batch
    return whole


def _padded(batch: np.ndarray, size: int) -> np.ndarray:
    """Fills a batch up to `size`: one of another size would have the network compiled once more."""
    rest = size - len(batch)
    return np.concatenate([batch, np.repeat(batch[:1], rest, axis=0)]) if rest else batch
