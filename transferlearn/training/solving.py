"""Solve a head's only layer with weights, in place of gradient steps."""

from typing import Any

import keras
import numpy as np

from transferlearn import probing
from transferlearn.assembling import Network
from transferlearn.backbones.graph import walk
from transferlearn.data import Dataset, iterate, weigh, without_autotune
from transferlearn.objectives import Outputs, is_cross_entropy
from transferlearn.training.feeding import Fed, Sources
from transferlearn.training.keeping import Refitted
from transferlearn.training.stand_in import share_metrics

SOLVED = "solved"
_MOST_BYTES = 2**30  # of features; solving holds about four times as much
_ACTIVATIONS = (keras.layers.Activation, keras.layers.Softmax)


def why_not_solved(network: Network, *, mixed: bool) -> str:
    """Says why a head takes gradient steps; empty where it can be solved.

    Args:
        network: The whole, compiled model.
        mixed: Whether items are mixed anew in each epoch.
    """
    weighted = _weighted(network)
    if len(weighted) != 1:
        return f"the head takes gradient steps, since it has {len(weighted)} layers with weights"
    (layer,) = weighted
    behind = network.head[network.head.index(layer) + 1 :]
    if type(layer) is not keras.layers.Dense or len(layer.input.shape) != 2 or not layer.use_bias:
        reason = f"{layer.name} is no plain Dense layer"
    elif not all(isinstance(part, _ACTIVATIONS) for part in behind):
        reason = f"{layer.name} is not the last layer"
    elif len(network.model.trainable_weights) != len(layer.trainable_weights):
        reason = "layers of the backbone are trained too"
    elif not is_cross_entropy(network.model.loss):
        reason = "its loss is no plain cross-entropy"
    elif mixed:
        reason = "mixup makes new items in each epoch"
    else:
        return ""
    return f"the head takes gradient steps, since {reason}"


def _weighted(network: Network) -> list[Any]:
    return [part for part in network.head if getattr(part, "weights", ())]


def solve(
    network: Network,
    fed: Fed,
    outputs: Outputs,
    sources: Sources,
    *,
    initial_epoch: int,
    metrics: Any,
    callbacks: list[keras.callbacks.Callback],
    verbose: Any,
) -> tuple[keras.callbacks.History, str, Refitted]:
    """Solves the head; callbacks see it as one epoch.

    What was held out of the data to train on has then told its accuracy, and the head is solved
    once more on all of it, with the same strength.

    Args:
        network: The whole, compiled model; its head is changed.
        fed: What to solve it on.
        outputs: What the network's outputs mean.
        sources: Where `fed` comes from.
        initial_epoch: The number of this epoch.
        metrics: Fresh ones.
        callbacks: Keras callbacks.
        verbose: As for `model.fit`.

    Returns:
        The history, a sentence on what was found, and what the head is to end with if it is not
        trained further.
    """
    (layer,) = _weighted(network)
    model = fed.model
    features, targets, weights, seen = _all(model, layer, fed.feed.train, outputs)
    independent = outputs.independent or outputs.activation == "sigmoid"
    probe = probing.solve(
        features, targets, weights=weights, independent=independent, seed=sources.seed or 0
    )
    layer.set_weights([probe.kernel, probe.bias])
    note = (
        f"solved on {len(features):,} items{f' of {seen:,}' if seen > len(features) else ''}, "
        f"{features.shape[1]:,} features: cross-validated accuracy {probe.accuracy:.4f} with the "
        f"L2 strength {probe.strength:g}"
    )
    if model is not network.model:
        model.compile(loss=network.model.loss, metrics=metrics)
    watching = keras.callbacks.CallbackList(
        list(callbacks),
        add_history=True,
        model=network.model,
        epochs=initial_epoch + 1,
        verbose=verbose,
    )
    watching.on_train_begin()
    watching.on_epoch_begin(initial_epoch)
    logs = _scores(model, fed.feed.train)
    if fed.feed.validation is not None:
        held_out = _scores(model, fed.feed.validation)
        logs |= {f"val_{name}": value for name, value in held_out.items()}
    share_metrics(network.model, model)
    watching.on_epoch_end(initial_epoch, logs)
    watching.on_train_end(logs)
    refitted: Refitted = {}
    held = sources.validation
    if held is not None and held.labels is not None and held.held_out and _fit_all(features, held):
        more, more_targets, *_ = _all(model, layer, fed.feed.validation, outputs)
        more_weights = weigh(held.labels, held.sample_weight, sources.class_weight)
        if weights is not None and more_weights is not None:
            weights = np.append(weights, more_weights)
        solved = probing.solve_with(
            probe.strength,
            np.concatenate([features, more]),
            np.concatenate([targets, more_targets]),
            weights=weights,
            independent=independent,
        )
        refitted = {id(weight): value for weight, value in zip(layer.weights, solved, strict=True)}
        note += f"; on all {len(features) + len(more):,} where it is not trained further"
    return network.model.history, note, refitted


def _scores(model: keras.Model, batches: Any) -> dict[str, Any]:
    return model.evaluate(without_autotune(batches), verbose=0, return_dict=True)


def _all(
    model: keras.Model, layer: keras.layers.Dense, batches: Any, outputs: Outputs
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, int]:
    """What comes to the layer for the items, their targets and weights, and how many there are.

    Of more than can be solved at once, it takes every second batch, or every fourth.
    """
    (inside,) = next(step.inputs for step in walk(model) if step.operation is layer)
    before = None if inside is model.inputs[0] else keras.Model(model.inputs, inside)
    parts: list[tuple[np.ndarray, ...]] = []
    seen, stride = 0, 1
    for index, (x, y, *weight) in enumerate(iterate(batches)):
        seen += len(y)
        if index % stride:
            continue
        features = np.asarray(x if before is None else before.predict_on_batch(x), "float32")
        parts.append((features, _shares(np.asarray(y), outputs), *map(np.ravel, weight)))
        if len(parts) > 1 and sum(part[0].nbytes for part in parts) > _MOST_BYTES:
            parts, stride = parts[::2], 2 * stride
    features, targets, *weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return features, targets, weights[0] if weights else None, seen


def _fit_all(features: np.ndarray, held: Dataset) -> bool:
    """Whether features of the held-out items can be solved with those that there are."""
    return features[0].nbytes * (len(features) + (held.size or 0)) <= _MOST_BYTES


def _shares(labels: np.ndarray, outputs: Outputs) -> np.ndarray:
    """Labels as `(items, outputs)`."""
    if outputs.count == 1 or labels.shape[1:] == (outputs.count,):
        return labels.reshape(len(labels), outputs.count).astype("float32")
    return np.eye(outputs.count, dtype="float32")[labels.ravel().astype(int)]
