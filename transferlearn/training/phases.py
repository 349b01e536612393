"""Runs the phases of a training."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import keras
import numpy as np

from transferlearn.assembling import Network
from transferlearn.freezing import Layers
from transferlearn.objectives import Outputs
from transferlearn.schedules import Phase, PhaseResult
from transferlearn.training.feeding import Fed, Feeding, Sources
from transferlearn.training.recipe import (
    Recipe,
    compile_network,
    metrics_of,
    outputs_of,
    set_trainable,
)
from transferlearn.training.solving import NotSolvableError, solve
from transferlearn.training.stand_in import Feed, fit


def run(
    network: Network,
    layers: Layers,
    phases: Iterator[Phase],
    recipe: Recipe,
    sources: Sources,
    results: list[PhaseResult],
    *,
    cache: Any,
    callbacks: list[keras.callbacks.Callback],
    verbose: Any,
) -> keras.callbacks.History:
    """Trains the network phase after phase.

    Args:
        network: It is changed.
        layers: Of the backbone, for the strategies.
        phases: Asked for one by one; `results` grows in between.
        recipe: How to train.
        sources: What to train on.
        results: Takes each phase's result.
        cache: Whether what is frozen is computed once: `"auto"`, a bool or a `Cache`.
        callbacks: Keras callbacks; they see `network.model`, and epochs that run on over phases.
        verbose: As for `model.fit`.

    Returns:
        One Keras `History` of all phases.
    """
    joined = keras.callbacks.History()
    joined.on_train_begin()
    joined.set_model(network.model)
    feeding = Feeding(sources, cache, verbose=verbose)
    for index, phase in enumerate(phases):
        mask = layers.frozen_by(phase.freeze)
        set_trainable(network, mask, batch_norm=recipe.batch_norm)
        given_soft = _has_soft_labels(sources, recipe)
        soft = given_soft or (sources.mixup > 0 and not recipe.multi_label and network.outputs > 1)
        encoding = compile_network(network, recipe, learning_rate=phase.learning_rate, soft=soft)
        if soft and not given_soft:
            encoding = "one-hot"  # of class ids nothing can be mixed
        rate = float(keras.ops.convert_to_numpy(network.model.optimizer.learning_rate))
        if verbose:
            print(f"Phase {index + 1}: {_outline(network, mask, phase, rate)}")
        started = time.monotonic()
        fed = feeding.prepare(network, mask, epochs=phase.epochs, encoding=encoding, phase=index)
        if verbose:
            print(f"Cache: {fed.note}.")
        with _plain_failures(fed.feed):
            history, head = _fit(
                network,
                fed,
                phase,
                outputs=outputs_of(network, recipe, soft=soft),
                seed=sources.seed,
                metrics=metrics_of(network, recipe, soft=soft),
                callbacks=callbacks,
                first=len(joined.epoch),
                verbose=verbose,
            )
        if verbose and head:
            print(f"Head: {head}.")
        joined.params = history.params
        _append(joined, history)
        results.append(
            PhaseResult(
                epochs=len(history.epoch),
                learning_rate=rate,
                frozen_layers=_frozen_names(network, mask),
                trainable_parameters=_trained(network),
                seconds=time.monotonic() - started,
                metrics={name: _plain(values[-1]) for name, values in history.history.items()},
                cache=fed.note,
                head=head,
            )
        )
    if not results:
        raise ValueError("The schedule gave no phase, so nothing was trained.")
    return joined


def _fit(
    network: Network,
    fed: Fed,
    phase: Phase,
    *,
    outputs: Outputs,
    seed: int | None,
    first: int,
    **watching: Any,
) -> tuple[keras.callbacks.History, str]:
    """Trains for a phase; says how the head was solved, or why not, where that is asked for."""
    note = ""
    if phase.fit == "solve":
        try:
            return solve(network, fed, outputs=outputs, seed=seed, epoch=first, **watching)
        except NotSolvableError as reason:
            note = f"gradient steps, since {reason}"
    watching |= {"initial_epoch": first, "epochs": first + phase.epochs}
    return fit(network.model, fed.model, fed.feed, **watching), note


@contextlib.contextmanager
def _plain_failures(feed: Feed) -> Iterator[None]:
    """Raises what went wrong with the data itself, not TensorFlow's page about it."""
    try:
        yield
    except Exception as error:
        for source in (feed.train, feed.validation):
            if (failure := getattr(source, "failure", None)) not in (None, error):
                raise failure from None
        raise


def _outline(network: Network, mask: Sequence[bool], phase: Phase, rate: float) -> str:
    return (
        f"{phase.epochs} epochs, {sum(mask)} of the backbone's {len(mask)} layers frozen, "
        f"{_trained(network):,} parameters trained, learning rate {rate:g}"
    )


def _trained(network: Network) -> int:
    return sum(prod(w.shape) for w in network.model.trainable_weights)


def _has_soft_labels(sources: Sources, recipe: Recipe) -> bool:
    labels = sources.train.labels
    return not recipe.multi_label and labels is not None and labels.ndim == 2


def _frozen_names(network: Network, mask: Sequence[bool]) -> tuple[str, ...]:
    return tuple(x.name for x, frozen in zip(network.layers, mask, strict=True) if frozen)


def _append(joined: keras.callbacks.History, history: keras.callbacks.History) -> None:
    missing = len(joined.epoch)
    joined.epoch += history.epoch
    for name, values in history.history.items():
        # A History among the user's callbacks still holds what earlier phases gave it.
        new = values[len(values) - len(history.epoch) :]
        joined.history.setdefault(name, [float("nan")] * missing).extend(map(_plain, new))


def _plain(value: Any) -> Any:
    """Gives a metric as a number, or as a list where it has one for each class."""
    return np.asarray(value).tolist()
