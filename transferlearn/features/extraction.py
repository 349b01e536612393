"""Computes and stores the output of frozen layers for items that are not stored yet."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

import keras
import numpy as np

from transferlearn.backbones.graph import cloned, copy_operation, copy_weights
from transferlearn.distributing import on_devices
from transferlearn.features.writing import Writer
from transferlearn.folding import folded
from transferlearn.keras_internals import layers_within
from transferlearn.progress import Stage
from transferlearn.splitting import Cut
from transferlearn.types import Operation, Tensor

Batch: TypeAlias = np.ndarray | Sequence[np.ndarray]

# Preprocessing stays in float32, as in a network that is built in half precision.
_IN_FLOAT32 = (keras.layers.Rescaling, keras.layers.Normalization)


def trunk(
    inputs: Sequence[Tensor],
    cut: Cut,
    *,
    dtype: str | None,
    layers: Sequence[keras.Layer] | None = None,
) -> keras.Model:
    """Builds the part of a network that leads from `inputs` to a cut, to compute in `dtype`.

    Args:
        inputs: The tensors that it begins with: the raw items, or all that crosses an earlier cut.
        cut: The place in the network where it ends.
        dtype: The type that it computes in, such as `"bfloat16"`; `None`: that of the layers.
        layers: The layers that compute in `dtype`; what prepares items keeps its own, since a
            spectrogram needs all digits. `None`: all layers.
    """
    given = {id(tensor) for tensor in inputs}
    # Keras refuses a tensor that is both input and output, as the mask of an encoder is.
    outputs = [keras.layers.Identity()(x) if id(x) in given else x for x in cut.tensors]
    model = keras.Model(list(inputs), outputs)
    return folded(model) if dtype is None else _in_dtype(model, dtype, layers)


class FeatureModel:
    """Runs a model; fills each batch up to the largest so far, so that it is rarely compiled anew.

    Args:
        model: The model to run.
        blank: An item that is nothing but padding, as a batch of one; it is as long as the longest
            item. The outputs for a shorter item are filled up with the outputs for this one.
            `None`: all items have the same length.
    """

    def __init__(self, model: keras.Model, blank: np.ndarray | None = None) -> None:
        parts = layers_within(model)
        self._in_half = any(getattr(part, "compute_dtype", "") == "float16" for part in parts)
        self._model = model
        self._size = 0
        self._padding: list[np.ndarray] | None = None
        if blank is not None and any(None in output.shape[1:] for output in model.outputs):
            self._padding = self._outputs(blank, 1)

    def __call__(self, inputs: Batch, count: int) -> list[np.ndarray]:
        """Returns the model's outputs for a batch of `count` items, all of full length."""
        rows = self._outputs(inputs, count)
        if self._in_half:  # float16 ends at 65504; bfloat16 has the range of float32
            _check_finite(rows)
        if self._padding:
            rows = [_lengthened(part, like) for part, like in zip(rows, self._padding, strict=True)]
        return rows

    def _outputs(self, inputs: Batch, count: int) -> list[np.ndarray]:
        """Runs the model on a batch that is filled up with copies, and drops their outputs."""
        self._size = max(self._size, count)
        filled = keras.tree.map_structure(partial(_padded, size=self._size), inputs)
        outputs = self._model.predict_on_batch(keras.tree.map_structure(on_devices, filled))
        features = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return [np.asarray(part)[:count] for part in features]


def as_in_training(augmentation: keras.Layer, like: Tensor) -> keras.Model:
    """Makes a model that augments images of the shape of `like`, even when it only predicts."""
    image = keras.Input(like.shape[1:], dtype=like.dtype)
    return keras.Model(image, AsInTraining(augmentation)(image))


class AsInTraining(keras.Layer):
    """Calls a layer with `training=True`, even when Keras predicts."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        self.layer = layer

    def call(self, inputs: Tensor) -> Tensor:
        """Calls the layer with `training=True`."""
        return self.layer(inputs, training=True)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of the input, which augmentation does not change."""
        return input_shape


def _in_dtype(model: keras.Model, dtype: str, layers: Sequence[keras.Layer] | None) -> keras.Model:
    """Copies a model to compute in `dtype`; layers that prepare pixels keep their own."""
    policy = dtype if dtype == "float32" else f"mixed_{dtype}"
    of_network = None if layers is None else {id(layer) for layer in layers}
    copies: dict[int, tuple[Operation, Operation]] = {}

    def copy(operation: Operation) -> Operation:
        if id(operation) not in copies:
            prepares = of_network is not None and id(operation) not in of_network
            keeps_dtype = prepares or isinstance(operation, _IN_FLOAT32)
            changes = {"name": operation.name} | ({} if keeps_dtype else {"dtype": policy})
            copies[id(operation)] = (operation, copy_operation(operation, **changes))
        return copies[id(operation)][1]

    copied = cloned(model, copy)
    copy_weights(list(copies.values()))
    return copied


def run(
    predictor: FeatureModel,
    batches: Iterable[tuple[Sequence[bytes], Batch]],
    writer: Writer,
    computed: Stage,
    go_on: Callable[[], None],
) -> None:
    """Computes and stores the features of each batch.

    Args:
        predictor: Computes the features of a batch.
        batches: For each batch the keys of its items, and the arrays that the model takes.
        writer: Adds the features to a store.
        computed: The stage of the work, whose steps are items.
        go_on: A function that is called before each batch; what it raises ends the work.
    """
    # While one batch is written in a thread, the next one is computed; never more than one waits.
    with ThreadPoolExecutor(1) as beside:
        written: Future[object] = beside.submit(int)  # at first there is nothing to wait for
        for keys, inputs in batches:
            go_on()
            rows = predictor(inputs, len(keys))
            written.result()
            written = beside.submit(writer.add, keys, rows)
            computed.advance(len(keys))
        written.result()


def _check_finite(rows: Sequence[np.ndarray]) -> None:
    """Refuses features that are infinite or NaN."""
    if not all(np.isfinite(part).all() for part in rows):
        raise ValueError(
            "The frozen part has values above 65504, which are infinite in float16. "
            'Take tl.Cache(trunk_dtype="bfloat16").'
        )


def _lengthened(batch: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """Lengthens each item's output to that of the blank item, whose values fill the rest."""
    if batch.shape[1:] == padding.shape[1:]:
        return batch
    whole = np.repeat(padding, len(batch), axis=0)
    whole[tuple(map(slice, batch.shape))] = batch
    return whole


def _padded(batch: np.ndarray, size: int) -> np.ndarray:
    """Fills a batch up to `size` items with copies of its first item."""
    rest = size - len(batch)  # a batch of another size would make Keras compile the model again
    return np.concatenate([batch, np.repeat(batch[:1], rest, axis=0)]) if rest else batch
