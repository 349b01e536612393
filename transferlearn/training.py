"""Runs the phases of a training: the one place that sets `.trainable`, compiles and fits."""

import contextlib
import inspect
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import keras
import numpy as np

from transferlearn import objectives
from transferlearn.data import Dataset
from transferlearn.freezing import FreezeStrategy, Layers
from transferlearn.objectives import Outputs
from transferlearn.schedules import Phase, PhaseResult, check_learning_rate
from transferlearn.splitting import Network

_RANDOM = ("Random", "SpectralNormalization")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained, whatever is frozen.

    Attributes:
        optimizer: Name or template; each phase gets a copy.
        learning_rate: Of phases that name none; `None`: the optimizer's own.
        loss: `None`: the one that matches the outputs.
        metrics: `None`: those that match the outputs.
        batch_norm: `"frozen"` or `"train"`, in the backbone's trained blocks.
        multi_label: Whether an image can have several classes.
    """

    optimizer: Any
    learning_rate: float | None
    loss: Any
    metrics: Any
    batch_norm: str
    multi_label: bool


def set_trainable(network: Network, mask: Sequence[bool], *, batch_norm: str) -> None:
    """Freezes the layers of the backbone that the mask names, and frees the others.

    A frozen layer computes in training exactly what it computes in prediction: its BatchNorm uses
    its statistics, its Dropout, noise and stochastic depth have rate 0.
    """
    for layer, frozen in zip(network.layers, mask, strict=True):
        layer.trainable = False
        layer.trainable = not frozen
        for part in layer._flatten_layers():
            if isinstance(part, keras.layers.BatchNormalization) and batch_norm == "frozen":
                part.trainable = False
            if frozen:
                _warn_of_unknown_noise(part)
    held = {id(layer) for layer, frozen in zip(network.layers, mask, strict=True) if frozen}
    for noise in network.noise:
        setattr(noise.part, noise.attribute, 0.0 if id(noise.layer) in held else noise.value)


def _warn_of_unknown_noise(layer: keras.Layer) -> None:
    kind = type(layer)
    known = kind.__module__.split(".")[0] == "keras" and not kind.__name__.startswith(_RANDOM)
    if not known and "training" in inspect.signature(layer.call).parameters:
        warnings.warn(
            f"The frozen layer {layer.name!r} ({kind.__name__}) may behave otherwise in training "
            "than in prediction: nothing is known of what it does with `training`.",
            stacklevel=2,
        )


def compile_network(
    network: Network, recipe: Recipe, *, learning_rate: float | None = None, soft: bool = False
) -> objectives.Encoding:
    """Compiles the model with a new optimizer; call it after each change of what is frozen.

    Returns:
        How the loss wants its labels.
    """
    outputs = outputs_of(network, recipe, soft=soft)
    loss = recipe.loss or objectives.choose_loss(outputs, recipe.metrics)
    metrics = objectives.copy_metrics(recipe.metrics) or objectives.choose_metrics(outputs)
    rate = recipe.learning_rate if learning_rate is None else learning_rate
    optimizer = objectives.copy_optimizer(recipe.optimizer, rate)
    labels = objectives.encoding(loss, outputs)
    objectives.check_metrics(metrics, labels)
    network.model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
    return labels


def outputs_of(network: Network, recipe: Recipe, *, soft: bool = False) -> Outputs:
    """Says what the network's outputs mean."""
    return Outputs(
        count=network.outputs,
        activation=network.activation,
        multi_label=recipe.multi_label,
        soft=soft,
    )


@dataclass(frozen=True, kw_only=True)
class Feed:
    """What the model is fed.

    Attributes:
        train: Labelled images.
        validation: Held out, or `None`.
        batch_size: Images a step.
        class_weight: Class ids to weights, or `None`.
        seed: Of the order of the images, or `None`.
    """

    train: Dataset
    validation: Dataset | None
    batch_size: int
    class_weight: dict[int, float] | None
    seed: int | None


def run(
    network: Network,
    layers: Layers,
    phases: Iterator[Phase],
    recipe: Recipe,
    feed: Feed,
    results: list[PhaseResult],
    *,
    callbacks: list[keras.callbacks.Callback],
    verbose: Any,
) -> keras.callbacks.History:
    """Trains the network phase after phase.

    Args:
        network: It is changed.
        layers: Of the backbone, for the strategies.
        phases: Asked for one by one; `results` grows in between.
        recipe: How to train.
        feed: What to train on.
        results: Takes each phase's result.
        callbacks: Keras callbacks; they see `network.model`, and epochs that run on over phases.
        verbose: As for `model.fit`.

    Returns:
        One Keras `History` of all phases.
    """
    joined = keras.callbacks.History()
    joined.on_train_begin()
    joined.set_model(network.model)
    for index, phase in enumerate(phases):
        mask = layers.frozen_by(phase.freeze)
        set_trainable(network, mask, batch_norm=recipe.batch_norm)
        soft = _is_soft(feed.train, recipe)
        encoding = compile_network(network, recipe, learning_rate=phase.learning_rate, soft=soft)
        rate = float(keras.ops.convert_to_numpy(network.model.optimizer.learning_rate))
        if verbose:
            print(f"Phase {index + 1}: {_outline(network, mask, phase, rate)}")
        started = time.monotonic()
        batches = _batches(feed, encoding, index)
        with _plain_failures(batches):
            history = network.model.fit(
                **batches,
                initial_epoch=len(joined.epoch),
                epochs=len(joined.epoch) + phase.epochs,
                callbacks=callbacks,
                shuffle=False,
                verbose=verbose,
            )
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
            )
        )
    if not results:
        raise ValueError("The schedule gave no phase, so nothing was trained.")
    return joined


@contextlib.contextmanager
def _plain_failures(batches: Mapping[str, Any]) -> Iterator[None]:
    """Raises what went wrong with the data itself, not TensorFlow's page about it."""
    try:
        yield
    except Exception as error:
        for source in batches.values():
            if (failure := getattr(source, "failure", None)) not in (None, error):
                raise failure from None
        raise


def _batches(feed: Feed, encoding: objectives.Encoding, phase: int) -> dict[str, Any]:
    seed = None if feed.seed is None else feed.seed + phase
    train = feed.train.batches(
        batch_size=feed.batch_size,
        encoding=encoding,
        class_weight=feed.class_weight,
        shuffle=True,
        seed=seed,
    )
    if feed.validation is None:
        return {"x": train}
    held_out = feed.validation.batches(batch_size=feed.batch_size, encoding=encoding)
    return {"x": train, "validation_data": held_out}


def _outline(network: Network, mask: Sequence[bool], phase: Phase, rate: float) -> str:
    return (
        f"{phase.epochs} epochs, {sum(mask)} of the backbone's {len(mask)} layers frozen, "
        f"{_trained(network):,} parameters trained, learning rate {rate:g}"
    )


def _trained(network: Network) -> int:
    return sum(prod(w.shape) for w in network.model.trainable_weights)


def _is_soft(train: Dataset, recipe: Recipe) -> bool:
    return not recipe.multi_label and train.labels is not None and train.labels.ndim == 2


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


def as_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Gives a list of Keras callbacks, or raises `TypeError`; one alone and `None` are taken."""
    if callbacks is None or isinstance(callbacks, keras.callbacks.Callback):
        return [callbacks] if callbacks else []
    found = list(callbacks)
    if not all(isinstance(callback, keras.callbacks.Callback) for callback in found):
        raise TypeError(f"callbacks are Keras callbacks. Received: callbacks={callbacks!r}")
    return found


def freeze_and_compile(
    network: Network, layers: Layers, freeze: FreezeStrategy, recipe: Recipe
) -> keras.Model:
    """Gives the compiled model with one freezing, for plain `model.fit`."""
    set_trainable(network, layers.frozen_by(freeze), batch_norm=recipe.batch_norm)
    compile_network(network, recipe)
    return network.model


def check_recipe(recipe: Recipe) -> None:
    """Refuses settings that cannot work, before anything is loaded."""
    if recipe.batch_norm not in ("frozen", "train"):
        raise ValueError(
            f"batch_norm is 'frozen' or 'train'. Received: batch_norm={recipe.batch_norm!r}"
        )
    check_learning_rate(recipe.learning_rate)
    objectives.copy_optimizer(recipe.optimizer, recipe.learning_rate)
    if isinstance(recipe.loss, (list, tuple, dict)):
        raise TypeError(f"The model has one output, so one loss. Received: loss={recipe.loss!r}")
    keras.losses.get(recipe.loss)
    if not isinstance(recipe.metrics, (list, tuple, dict, type(None))):
        raise TypeError(
            f"metrics are a list, such as ['accuracy']. Received: metrics={recipe.metrics!r}"
        )
