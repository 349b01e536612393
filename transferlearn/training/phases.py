"""Runs the phases of a training."""

import contextlib
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import keras
import numpy as np

from transferlearn import objectives
from transferlearn.assembling import Network
from transferlearn.data import without_retracing_advice
from transferlearn.freezing import Layers
from transferlearn.schedules import Phase, PhaseResult
from transferlearn.training.feeding import Fed, Feeding, Sources
from transferlearn.training.keeping import Keeping, Refitted, without_finite_loss
from transferlearn.training.pace import set_layer_decay, set_pace
from transferlearn.training.recipe import (
    Recipe,
    compile_network,
    metrics_of,
    outputs_of,
    set_trainable,
)
from transferlearn.training.solving import SOLVED, solve, why_not_solved
from transferlearn.training.stand_in import Feed, fit, restores


@without_retracing_advice()
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
    refitted: Refitted = {}
    restoring = [callback for callback in callbacks if restores(callback)]
    for index, phase in enumerate(phases):
        if restoring and phase.keep == "best":
            phase = replace(phase, keep="last", patience=None)  # what they restore is kept
        compiled = _compile(network, layers, phase, recipe, sources)
        if verbose:
            print(f"Phase {index + 1}: {compiled.outline}")
        started = time.monotonic()
        fed = feeding.prepare(
            network,
            compiled.mask,
            epochs=phase.epochs,
            encoding=compiled.encoding,
            phase=index,
            augmented=compiled.head != SOLVED,
        )
        if verbose:
            print(f"Cache: {fed.note}.")
        watching = {
            "metrics": metrics_of(network, recipe, soft=compiled.soft),
            "callbacks": callbacks,
            "initial_epoch": len(joined.epoch),
            "verbose": verbose,
        }
        head = compiled.head
        held_out = sources.validation.count if sources.validation else None
        before = results[-1].metrics if results else {}
        keeping = Keeping(phase, before, refitted, len(joined.epoch), held_out, restoring)
        refitted = {}
        set_pace(network.model.optimizer, phase, compiled.rate, fed.feed.train)
        set_layer_decay(network, layers.blocks, phase.layer_decay)
        with _plain_failures(fed.feed):
            if head == SOLVED:
                outputs = outputs_of(network, recipe, soft=compiled.soft)
                history, head, refitted = solve(network, fed, outputs, sources, **watching)
                metrics = {name: values[-1] for name, values in history.history.items()}
            else:
                epochs = len(joined.epoch) + phase.epochs
                history = fit(
                    network.model, fed.model, fed.feed, keeping=keeping, epochs=epochs, **watching
                )
                metrics = keeping.metrics
        if verbose and head != compiled.head:
            print(f"Head: {head}.")
        if verbose and keeping.note:
            print(f"Kept: {keeping.note}.")
        joined.params = history.params
        _append(joined, history)
        results.append(
            PhaseResult(
                epochs=len(history.epoch),
                learning_rate=compiled.rate,
                frozen_layers=_frozen_names(network, compiled.mask),
                trainable_parameters=_trained(network),
                seconds=time.monotonic() - started,
                metrics={name: _plain(value) for name, value in metrics.items()},
                cache=fed.note,
                head=head,
                kept=keeping.note,
                kept_epoch=keeping.kept_epoch,
            )
        )
        if keeping.lost is not None:
            _end_of_lost(keeping, compiled.rate, fed, sources.train.names)
            break
    if not results:
        raise ValueError("The schedule gave no phase, so nothing was trained.")
    for weight in network.model.trainable_weights:
        if id(weight) in refitted:
            weight.assign(refitted[id(weight)])
    return joined


class _Compiled(NamedTuple):
    """What a phase's network was compiled for."""

    mask: Sequence[bool]
    encoding: objectives.Encoding
    soft: bool
    rate: float
    head: str
    outline: str


def _compile(
    network: Network, layers: Layers, phase: Phase, recipe: Recipe, sources: Sources
) -> _Compiled:
    """Freezes and compiles for one phase."""
    mask = layers.frozen_by(phase.freeze)
    set_trainable(network, mask, batch_norm=recipe.batch_norm)
    given_soft = _has_soft_labels(sources, recipe)
    soft = given_soft or (sources.mixup > 0 and not recipe.multi_label and network.outputs > 1)
    encoding = compile_network(
        network,
        recipe,
        learning_rate=phase.learning_rate,
        weight_decay=phase.weight_decay,
        soft=soft,
    )
    if soft and not given_soft:
        encoding = "one-hot"  # of class ids nothing can be mixed
    rate = float(keras.ops.convert_to_numpy(network.model.optimizer.learning_rate))
    head = ""
    if phase.fit == "solve":
        head = why_not_solved(network, mixed=sources.mixup > 0) or SOLVED
    outline = _outline(network, mask, phase, rate, head)
    return _Compiled(mask, encoding, soft, rate, head, outline)


def _end_of_lost(keeping: Keeping, rate: float, fed: Fed, names: Sequence[str] | None) -> None:
    """Says why training ended; raises `ValueError` where nothing was trained."""
    said = f"The loss became {keeping.lost:g} at the learning rate {rate:g}"
    wrong = without_finite_loss(fed.model, fed.feed.train, names)
    if wrong:
        cause = f"With the last good weights it is not finite for {wrong}."
    else:
        cause = "With the last good weights it is finite everywhere: take a smaller learning_rate."
    if not keeping.metrics:
        raise ValueError(f"{said} in the first epoch. {cause}")
    warnings.warn(f"{said}, so training ended with the last good weights. {cause}", stacklevel=2)


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


def _outline(network: Network, mask: Sequence[bool], phase: Phase, rate: float, head: str) -> str:
    frozen = f"{sum(mask)} of the backbone's {len(mask)} layers frozen"
    if head == SOLVED:
        return f"{frozen}, the head {SOLVED}, {_trained(network):,} parameters"
    epochs = "1 epoch" if phase.epochs == 1 else f"{phase.epochs} epochs"
    steps = f"{epochs}, {frozen}, {_trained(network):,} parameters trained, learning rate {rate:g}"
    return f"{steps} ({head})" if head else steps


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
