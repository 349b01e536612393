"""Solve a head's only layer with weights, in place of gradient steps."""

from typing import Any, NamedTuple

import keras
import numpy as np

from transferlearn.assembling import Network
from transferlearn.backbones.graph import walk
from transferlearn.data.dataset import Dataset, joined_weights
from transferlearn.data.iterating import iterate, without_autotune
from transferlearn.keras_internals import share_metrics
from transferlearn.schedules import SolvedHead
from transferlearn.tasks import Objective, Solver
from transferlearn.training.inputs import PhaseInput, TrainingData
from transferlearn.training.keeping import Refitted

_MOST_BYTES = 2**30  # of features; solving holds about four times as much


class Solution(NamedTuple):
    """What solving a head gives.

    Attributes:
        history: Of the one epoch that callbacks saw.
        head: How it was solved.
        refitted: What the head is to end with if it is not trained further.
    """

    history: keras.callbacks.History
    head: SolvedHead
    refitted: Refitted


class _Gathered(NamedTuple):
    """What comes to the layer for some items, their targets and weights, and how many there are."""

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    seen: int


def why_not_solved(network: Network, objective: Objective, *, mixed: bool) -> str:
    """Says why a head takes gradient steps; empty where it can be solved.

    Args:
        network: The whole, compiled model.
        objective: What it is trained towards.
        mixed: Whether items are mixed anew in each epoch.
    """
    weighted = _weighted(network)
    if len(weighted) != 1:
        return f"it has {len(weighted)} layers with weights"
    (layer,) = weighted
    behind = network.head[network.head.index(layer) + 1 :]
    solver = objective.solver
    if type(layer) is not keras.layers.Dense or len(layer.input.shape) != 2 or not layer.use_bias:
        return f"{layer.name} is no plain Dense layer"
    if network.further_inputs or len(network.outputs) != 1:
        return "the network has further inputs or outputs"
    if len(network.model.trainable_weights) != len(layer.trainable_weights):
        return "layers of the backbone are trained too"
    if solver is None:
        return objective.unsolvable
    if not all(map(solver.looks_through, behind)):
        return f"{layer.name} is not the last layer"
    return "mixup makes new items in each epoch" if mixed else ""


def _weighted(network: Network) -> list[Any]:
    return [part for part in network.head if getattr(part, "weights", ())]


def solve(
    network: Network,
    given: PhaseInput,
    solver: Solver,
    data: TrainingData,
    *,
    initial_epoch: int,
    metrics: Any,
    callbacks: list[keras.callbacks.Callback],
    verbose: Any,
) -> Solution:
    """Solves the head; callbacks see it as one epoch.

    What was held out of the data to train on has then told its score, and the head is solved once
    more on all of it, with the same penalty.

    Args:
        network: The whole, compiled model; its head is changed.
        given: What to solve it on.
        solver: Solves the layer.
        data: Where `given` comes from.
        initial_epoch: The number of this epoch.
        metrics: Fresh ones.
        callbacks: Keras callbacks.
        verbose: As for `model.fit`.
    """
    (layer,) = _weighted(network)
    found = _gather(given.model, layer, given.batches.train)
    solved = solver.solve(found.features, found.targets, found.weights, data.seed or 0)
    layer.set_weights([solved.kernel, solved.bias])
    if given.model is not network.model:
        given.model.compile(loss=network.model.loss, metrics=metrics)
    watching = keras.callbacks.CallbackList(
        list(callbacks),
        add_history=True,
        model=network.model,
        epochs=initial_epoch + 1,
        verbose=verbose,
    )
    _show_epoch(watching, network, given, initial_epoch)
    refitted: Refitted = {}
    items_again = None
    if _fits_beside(found.features, data.validation):
        more = _gather(given.model, layer, given.batches.validation)
        again = solver.solve_again(solved, *_joined(found, more, data))
        refitted = {id(weight): value for weight, value in zip(layer.weights, again, strict=True)}
        items_again = len(found.features) + len(more.features)
    head = SolvedHead(
        items=len(found.features),
        seen=found.seen,
        features=found.features.shape[1],
        score_name=solver.score,
        score=solved.score,
        strength=tuple(map(float, solved.strength.ravel())),
        items_again=items_again,
    )
    return Solution(network.model.history, head, refitted)


def _show_epoch(
    watching: keras.callbacks.CallbackList, network: Network, given: PhaseInput, epoch: int
) -> None:
    """Scores the solved head, and lets callbacks see that as an epoch."""
    watching.on_train_begin()
    watching.on_epoch_begin(epoch)
    logs = _scores(given.model, given.batches.train)
    if given.batches.validation is not None:
        held_out = _scores(given.model, given.batches.validation)
        logs |= {f"val_{name}": value for name, value in held_out.items()}
    share_metrics(network.model, given.model)
    watching.on_epoch_end(epoch, logs)
    watching.on_train_end(logs)


def _scores(model: keras.Model, batches: Any) -> dict[str, Any]:
    return model.evaluate(without_autotune(batches), verbose=0, return_dict=True)


def _gather(model: keras.Model, layer: keras.layers.Dense, batches: Any) -> _Gathered:
    """Reads all that comes to the layer; of more than can be solved, every second batch or less."""
    (inside,) = next(step.inputs for step in walk(model) if step.operation is layer)
    before = None if inside is model.inputs[0] else keras.Model(model.inputs, inside)
    parts: list[tuple[np.ndarray, ...]] = []
    seen, stride = 0, 1
    for index, (x, y, *weight) in enumerate(iterate(batches)):
        seen += len(y)
        if index % stride:
            continue
        features = np.asarray(x if before is None else before.predict_on_batch(x), "float32")
        parts.append((features, np.asarray(y), *map(np.ravel, weight)))
        if len(parts) > 1 and sum(part[0].nbytes for part in parts) > _MOST_BYTES:
            parts, stride = parts[::2], 2 * stride
    features, targets, *weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Gathered(features, targets, weights[0] if weights else None, seen)


def _fits_beside(features: np.ndarray, held: Dataset | None) -> bool:
    """Says whether items that were held out can be solved together with those that there are."""
    if held is None or not held.held_out or held.learnt.count is None:
        return False
    return features[0].nbytes * (len(features) + (held.size or 0)) <= _MOST_BYTES


def _joined(
    found: _Gathered, more: _Gathered, data: TrainingData
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Gives features, targets and weights of both; what was held out is now weighed as well."""
    held = data.validation
    assert held is not None
    weights = found.weights
    rows = held.learnt[np.arange(held.size or 0)]
    more_weights = joined_weights(rows, held.sample_weight, data.weigh, None)
    if weights is not None and more_weights is not None:
        weights = np.append(weights, more_weights)
    return (
        np.concatenate([found.features, more.features]),
        np.concatenate([found.targets, more.targets]),
        weights,
    )
