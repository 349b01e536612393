"""Solve a head's only layer with weights, in place of gradient steps."""

from typing import Any

import keras
import numpy as np

from transferlearn import probing
from transferlearn.assembling import Network
from transferlearn.backbones.graph import walk
from transferlearn.data import without_autotune
from transferlearn.objectives import Outputs, is_cross_entropy
from transferlearn.training.feeding import Fed
from transferlearn.training.mixup import MixedBatches
from transferlearn.training.stand_in import Feed

_MOST_BYTES = 4e9
_ACTIVATIONS = (keras.layers.Activation, keras.layers.Softmax)


class NotSolvableError(ValueError):
    """Why a head needs gradient steps."""


def layer_to_solve(network: Network) -> keras.layers.Dense:
    """Gives the head's only layer with weights.

    Raises:
        NotSolvableError: It has none or several, is not a Dense layer, or more follows it than an
            activation; or something of the backbone is trained; or the loss is another one.
    """
    model = network.model
    weighted = [i for i, part in enumerate(network.head) if getattr(part, "weights", ())]
    if len(weighted) != 1:
        raise NotSolvableError(f"the head has {len(weighted)} layers with weights")
    layer, behind = network.head[weighted[0]], network.head[weighted[0] + 1 :]
    if type(layer) is not keras.layers.Dense or len(layer.input.shape) != 2 or not layer.use_bias:
        raise NotSolvableError(f"{layer.name} is no plain Dense layer")
    if not all(isinstance(part, _ACTIVATIONS) for part in behind):
        raise NotSolvableError(f"{layer.name} is not the last layer")
    if len(model.trainable_weights) != len(layer.trainable_weights):
        raise NotSolvableError("layers of the backbone are trained too")
    if not is_cross_entropy(model.loss):
        raise NotSolvableError("its loss is no plain cross-entropy")
    return layer


def solve(
    network: Network,
    fed: Fed,
    *,
    outputs: Outputs,
    seed: int | None,
    epoch: int,
    metrics: Any,
    callbacks: list[keras.callbacks.Callback],
    verbose: Any,
) -> tuple[keras.callbacks.History, str]:
    """Solves the head; callbacks see it as one epoch.

    Args:
        network: The whole, compiled model; its head is changed.
        fed: What to solve it on.
        outputs: What the network's outputs mean.
        seed: Of the cross-validation.
        epoch: The number of this epoch.
        metrics: Fresh ones.
        callbacks: Keras callbacks.
        verbose: As for `model.fit`.

    Returns:
        The history, and a sentence on what was found.

    Raises:
        NotSolvableError: The head needs gradient steps.
    """
    layer, feed = layer_to_solve(network), fed.feed
    is_augmented = layer not in fed.model.operations
    model = network.model if is_augmented else fed.model
    if isinstance(feed.train, MixedBatches):
        raise NotSolvableError("mixup makes new items in each epoch")
    features, targets, weights = _all(model, layer, feed, outputs)
    independent = outputs.independent or outputs.activation == "sigmoid"
    probe = probing.solve(
        features, targets, weights=weights, independent=independent, seed=seed or 0
    )
    layer.set_weights([probe.kernel, probe.bias])
    note = (
        f"solved on {len(features):,} items, {features.shape[1]:,} features: cross-validated "
        f"accuracy {probe.accuracy:.4f} with the L2 strength {probe.strength:g}"
    )
    if model is not network.model:
        model.compile(loss=network.model.loss, metrics=metrics)
    watching = keras.callbacks.CallbackList(
        list(callbacks), add_history=True, model=network.model, epochs=epoch + 1, verbose=verbose
    )
    watching.on_train_begin()
    watching.on_epoch_begin(epoch)
    logs = _scores(model, feed.train)
    if feed.validation is not None:
        logs |= {f"val_{name}": value for name, value in _scores(model, feed.validation).items()}
    watching.on_epoch_end(epoch, logs)
    watching.on_train_end(logs)
    return network.model.history, note


def _scores(model: keras.Model, batches: Any) -> dict[str, Any]:
    return model.evaluate(without_autotune(batches), verbose=0, return_dict=True)


def _all(
    model: keras.Model, layer: keras.layers.Dense, feed: Feed, outputs: Outputs
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """What comes to the layer for every item, its targets, and its weights or `None`."""
    (inside,) = next(step.inputs for step in walk(model) if step.operation is layer)
    before = None if inside is model.inputs[0] else keras.Model(model.inputs, inside)
    parts: list[tuple[np.ndarray, ...]] = []
    count = 0
    for x, y, *weight in _batches(feed.train):
        features = np.asarray(x if before is None else before.predict_on_batch(x), "float32")
        parts.append((features, _shares(np.asarray(y), outputs), *map(np.ravel, weight)))
        count += features.nbytes
        if count > _MOST_BYTES:
            raise NotSolvableError(f"its features take more than {_MOST_BYTES / 1e9:g} GB")
    features, targets, *weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return features, targets, weights[0] if weights else None


def _batches(batches: Any) -> Any:
    if isinstance(batches, keras.utils.PyDataset):
        return (batches[i] for i in range(len(batches)))
    return batches.as_numpy_iterator()


def _shares(labels: np.ndarray, outputs: Outputs) -> np.ndarray:
    """Labels as `(items, outputs)`."""
    if outputs.count == 1 or labels.shape[1:] == (outputs.count,):
        return labels.reshape(len(labels), outputs.count).astype("float32")
    return np.eye(outputs.count, dtype="float32")[labels.ravel().astype(int)]
