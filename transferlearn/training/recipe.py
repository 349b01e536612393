"""What is trained how: the one place that sets `.trainable` and compiles."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from transferlearn import objectives
from transferlearn.assembling import Network
from transferlearn.freezing import FreezeStrategy, Layers, hold_all_but_lora
from transferlearn.objectives import Outputs
from transferlearn.schedules import check_learning_rate
from transferlearn.splitting import acts_alike


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
            if hasattr(part, "batch_norm_moves"):  # a SavedModel
                part.batch_norm_moves = batch_norm == "train"
            if frozen:
                _warn_of_unknown_noise(part)
    hold_all_but_lora(network.layers)
    held = {id(layer) for layer, frozen in zip(network.layers, mask, strict=True) if frozen}
    for noise in network.noise:
        setattr(noise.part, noise.attribute, 0.0 if id(noise.layer) in held else noise.value)


def _warn_of_unknown_noise(layer: keras.Layer) -> None:
    if not acts_alike(layer):
        warnings.warn(
            f"The frozen layer {layer.name!r} ({type(layer).__name__}) may behave otherwise in "
            "training than in prediction: nothing is known of what it does with `training`.",
            stacklevel=2,
        )


def compile_network(
    network: Network,
    recipe: Recipe,
    *,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    soft: bool = False,
) -> objectives.Encoding:
    """Compiles the model with a new optimizer; call it after each change of what is frozen.

    Args:
        network: Its model is compiled.
        recipe: How to train.
        learning_rate: `None`: the recipe's.
        weight_decay: For an optimizer that the recipe only names.
        soft: Whether labels are shares of classes.

    Returns:
        How the loss wants its labels.
    """
    outputs = outputs_of(network, recipe, soft=soft)
    loss = recipe.loss or objectives.choose_loss(outputs, recipe.metrics)
    metrics = metrics_of(network, recipe, soft=soft)
    rate = recipe.learning_rate if learning_rate is None else learning_rate
    optimizer = objectives.copy_optimizer(recipe.optimizer, rate)
    if isinstance(recipe.optimizer, str):
        optimizer.weight_decay = weight_decay or optimizer.weight_decay
    labels = objectives.encoding(loss, outputs)
    objectives.check_metrics(metrics, labels)
    network.model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
    return labels


def metrics_of(network: Network, recipe: Recipe, *, soft: bool = False) -> Any:
    """Gives fresh metrics: copies of the recipe's, or else those that match the outputs."""
    outputs = outputs_of(network, recipe, soft=soft)
    return objectives.copy_metrics(recipe.metrics) or objectives.choose_metrics(outputs)


def outputs_of(network: Network, recipe: Recipe, *, soft: bool = False) -> Outputs:
    """Says what the network's outputs mean."""
    return Outputs(
        count=network.outputs,
        activation=network.activation,
        multi_label=recipe.multi_label,
        soft=soft,
    )


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
