"""Computes the weights of a head's only Dense layer at once, in the place of gradient steps."""

import time
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import keras
import numpy as np

from transferlearn.assembling import Network
from transferlearn.data.iterating import without_autotune
from transferlearn.distributing import processes
from transferlearn.json_fields import Json
from transferlearn.keras_internals import share_metrics
from transferlearn.schedules import SolvedHead
from transferlearn.tasks import Objective, Solver
from transferlearn.tasks.base import in_numpy
from transferlearn.tasks.solving.solver import SolvedLayer
from transferlearn.training.gathering import Gathered, fits_beside, gather, joined
from transferlearn.training.inputs import PhaseInput, TrainingData
from transferlearn.types import Metrics, TfData, Verbose
from transferlearn.wording import counted

_MOST_LEFT_OUT = 3000  # items that are kept as if they had been held out


Refitted: TypeAlias = dict[int, np.ndarray]
"""Values of weights, by the `id` of the Keras variable."""


class Solution(NamedTuple):
    """Holds what solving a head gives: the epoch's history, a description, and new weights.

    Attributes:
        history: The Keras `History` of the one epoch that callbacks saw.
        head: How the head was solved.
        refitted: The weights that the head is to end with if it is not trained further.
        left_out: What the head gives for items that it is solved without; `None`: not known.
    """

    history: keras.callbacks.History
    head: SolvedHead
    refitted: Refitted
    left_out: "LeftOut | None"


class LeftOut(NamedTuple):
    """Holds what a solved head gives for items in the cross-validation, solved without them.

    Attributes:
        rows: The numbers of these items in the data to train on, in random order.
        features: The inputs of the head's layer, float32 `(items, features)`.
        outputs: The outputs of the network, `(items, units)`.
    """

    rows: np.ndarray
    features: np.ndarray
    outputs: np.ndarray


def why_not_solved(network: Network, objective: Objective, *, mixed: bool) -> str:
    """Explains why a head must take gradient steps; the text is empty if it can be solved.

    Args:
        network: The network, frozen and compiled.
        objective: What the network is trained towards, with the solver if there is one.
        mixed: Whether items are mixed anew in each epoch.
    """
    weighted = weighted_layers(network)
    if len(weighted) != 1:
        return f"it has {counted(len(weighted), 'layer')} with weights"
    (layer,) = weighted
    behind = network.head[network.head.index(layer) + 1 :]
    solver = objective.solver
    if type(layer) is not keras.layers.Dense or not layer.use_bias:
        return f"{layer.name} is no plain Dense layer"
    if len(layer.input.shape) != (3 if objective.of_tokens else 2):
        return f"{layer.name} reads {layer.input.shape}"
    if network.further_inputs or len(network.outputs) != 1:
        return "the network has further inputs or outputs"
    if len(network.model.trainable_weights) != len(layer.trainable_weights):
        return "layers of the backbone are trained too"
    if solver is None:
        return objective.unsolvable
    if not all(map(solver.looks_through, behind)):
        return f"{layer.name} is not the last layer"
    return "mixup makes new items in each epoch" if mixed else ""


def weighted_layers(network: Network) -> list[keras.Layer]:
    """Returns the layers of the head that have weights."""
    return [part for part in network.head if getattr(part, "weights", ())]


def solve(
    network: Network,
    given: PhaseInput,
    solver: Solver,
    data: TrainingData,
    *,
    initial_epoch: int,
    metrics: Metrics,
    callbacks: list[keras.callbacks.Callback],
    verbose: Verbose,
) -> Solution:
    """Solves the head, shows that to callbacks as one epoch, and solves again on all items.

    Once the held-out items have served to score the head, it is solved again on all items, with the
    same penalty. The model keeps the first solution; the second one is `refitted`. It is left out
    where the validation data is the user's own, or all items do not fit in memory.

    Args:
        network: The network, frozen and compiled; its head is changed.
        given: The model and the batches to solve the head on.
        solver: The solver of the head's layer.
        data: The data that `given` is made of.
        initial_epoch: The number of this epoch in the whole training, from 0 on.
        metrics: New metrics, which nothing has been counted in.
        callbacks: Keras callbacks.
        verbose: What is shown, as in `model.fit`.
    """
    (layer,) = weighted_layers(network)
    found = processes().from_first(lambda: _solved(network, given, solver, data))
    layer.set_weights([found.kernel, found.bias])
    if given.model is not network.model:  # `evaluate` takes compiled models only
        given.model.compile(loss=network.model.loss, metrics=metrics)
    watching = keras.callbacks.CallbackList(
        list(callbacks),
        add_history=True,
        model=network.model,
        epochs=initial_epoch + 1,
        verbose=verbose,
    )
    _show_epoch(watching, network, given, initial_epoch)
    mirrored = None if given.mirrored is None else _scores(given.model, given.mirrored)["loss"]
    pairs = zip(layer.weights, found.again, strict=True) if found.again else ()
    refitted = {id(weight): value for weight, value in pairs}
    head = replace(found.head, mirrored_loss=mirrored)
    return Solution(network.model.history, head, refitted, found.left_out)


class _Solved(NamedTuple):
    """Holds what one process solves, and the others are told.

    Attributes:
        kernel: The kernel of the head's layer, float32 `(features, units)`.
        bias: Its bias, float32 `(units,)`.
        again: Kernel and bias solved on all items, held-out ones too; `None`: they are not.
        head: How the head was solved.
        left_out: What the head gives for items that it is solved without; `None`: not known.
    """

    kernel: np.ndarray
    bias: np.ndarray
    again: tuple[np.ndarray, np.ndarray] | None
    head: SolvedHead
    left_out: LeftOut | None


def _solved(network: Network, given: PhaseInput, solver: Solver, data: TrainingData) -> _Solved:
    """Solves the head on the items to train on and, where that can be done, on all items."""
    (layer,) = weighted_layers(network)
    started = time.monotonic()
    train = gather(given.model, layer, given.batches.train)
    together = data.train.together
    groups = None if together is None or train.rows is None else together[train.rows]
    solved = solver.solve(
        train.features, train.targets, train.weights, data.seed or 0, groups=groups
    )
    seconds = time.monotonic() - started
    again, items_again = None, None
    if fits_beside(train.features, data.validation):
        held_out = gather(given.model, layer, given.batches.validation)
        again = solver.solve_again(solved, *joined(train, held_out, data))
        items_again = len(train.features) + len(held_out.features)
    low, high = solver.interval(solved.score, solved.held_out)
    head = SolvedHead(
        items=len(train.features),
        seen=train.seen,
        features=train.features.shape[1],
        score_name=solved.score_name,
        score=solved.score,
        loss=solved.loss,
        interval=(low, high),
        strength=tuple(map(float, solved.strength.ravel())),
        items_again=items_again,
        mirrored_loss=None,
        surer_if_right=solved.surer_if_right,
        unit="item" if len(layer.input.shape) == 2 else "token",
        within_group=groups is not None and len(groups) > 1 and not np.ptp(groups),
        seconds=seconds,
    )
    left_out = _left_out(network, layer, train, solved)
    return _Solved(solved.kernel, solved.bias, again, head, left_out)


def _left_out(
    network: Network, layer: keras.layers.Dense, train: Gathered, solved: SolvedLayer
) -> LeftOut | None:
    """Returns what the network gives for items that its head is solved without, if it is known."""
    if train.rows is None or solved.left_out is None or len(layer.input.shape) != 2:
        return None  # of tokens, the answers for a whole item are not known
    chosen, outputs = solved.left_out
    mixed = np.random.default_rng(0).permutation(len(chosen))[:_MOST_LEFT_OUT]
    answers = answers_of(network, layer, outputs[mixed])
    chosen = chosen[mixed]
    return LeftOut(train.rows[chosen], train.features[chosen], answers)


def answers_of(network: Network, layer: keras.layers.Dense, outputs: np.ndarray) -> np.ndarray:
    """Returns the network's outputs for outputs of its head's layer before its activation."""
    made = layer.activation(keras.ops.convert_to_tensor(outputs))
    for operation in network.head[network.head.index(layer) + 1 :]:
        made = operation(made)
    return np.asarray(in_numpy(made))


def _show_epoch(
    watching: keras.callbacks.CallbackList, network: Network, given: PhaseInput, epoch: int
) -> None:
    """Measures the solved head on all data, and shows the figures to callbacks as one epoch."""
    watching.on_train_begin()
    watching.on_epoch_begin(epoch)
    logs = _scores(given.model, given.batches.train)
    if given.batches.validation is not None:
        held_out = _scores(given.model, given.batches.validation)
        logs |= {f"val_{name}": value for name, value in held_out.items()}
    share_metrics(network.model, given.model)
    watching.on_epoch_end(epoch, logs)
    watching.on_train_end(logs)


def _scores(model: keras.Model, batches: keras.utils.PyDataset | TfData) -> Json:
    """Returns a model's loss and metrics on all batches, by name."""
    return model.evaluate(without_autotune(batches), verbose=0, return_dict=True)
