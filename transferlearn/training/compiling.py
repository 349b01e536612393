"""Freezes the layers of a network, and compiles its model with a new optimizer."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from transferlearn.assembling import Network
from transferlearn.freezing import FreezeStrategy, Layers, hold_all_but_low_rank
from transferlearn.keras_internals import layers_within
from transferlearn.schedules import check_learning_rate
from transferlearn.splitting import acts_alike
from transferlearn.tasks import Objective
from transferlearn.templates import copy_optimizer
from transferlearn.types import Callbacks, Loss, Metrics, Optimizer


@dataclass(frozen=True, kw_only=True)
class CompileSettings:
    """Holds the settings of all phases: optimizer, rate, loss, metrics, and BatchNorm's mode.

    Attributes:
        optimizer: The name of an optimizer, or an object of which each phase gets a copy.
        learning_rate: The rate of phases that name none; `None` takes the optimizer's own.
        loss: The loss; `None` takes the one that matches the outputs.
        metrics: The metrics; `None` takes those that match the outputs.
        batch_norm: `"frozen"` or `"train"`: what becomes of BatchNorm in trained layers.
    """

    optimizer: Optimizer
    learning_rate: float | None
    loss: Loss | None
    metrics: Metrics | None
    batch_norm: str

    def __post_init__(self) -> None:
        """Refuses settings that cannot be right, and an optimizer that cannot be copied."""
        if self.batch_norm not in ("frozen", "train"):
            raise ValueError(
                f"batch_norm is 'frozen' or 'train'. Received: batch_norm={self.batch_norm!r}"
            )
        check_learning_rate(self.learning_rate)
        copy_optimizer(self.optimizer, self.learning_rate)  # refuses one that cannot be copied
        if isinstance(self.loss, (list, tuple, dict)):
            raise TypeError(f"The model has one output, so one loss. Received: loss={self.loss!r}")
        keras.losses.get(self.loss)  # refuses an unknown name
        if not isinstance(self.metrics, (list, tuple, dict, type(None))):
            raise TypeError(
                f"metrics are a list, such as ['mse']. Received: metrics={self.metrics!r}"
            )


def set_trainable(network: Network, mask: Sequence[bool], *, batch_norm: str) -> None:
    """Freezes the layers of the backbone where the mask is true, and frees the others.

    A frozen layer then computes in training exactly what it computes in prediction: its BatchNorm
    uses its statistics, its Dropout, noise and stochastic depth have rate 0. A warning names frozen
    layers of which this is not sure.

    Args:
        network: The network; its layers are changed.
        mask: For each layer of the backbone whether it is frozen.
        batch_norm: `"frozen"` or `"train"`: what becomes of BatchNorm in the other layers.
    """
    for layer, frozen in zip(network.layers, mask, strict=True):
        layer.trainable = False  # else Keras ignores True, and frozen layers inside stay frozen
        layer.trainable = not frozen
        for part in layers_within(layer):
            if isinstance(part, keras.layers.BatchNormalization) and batch_norm == "frozen":
                part.trainable = False
            if hasattr(part, "batch_norm_moves"):  # a SavedModel
                part.batch_norm_moves = batch_norm == "train"
            if frozen:
                _warn_of_unknown_noise(part)
    hold_all_but_low_rank(network.layers)  # after the loop, which frees all weights of a layer
    held = {id(layer) for layer, frozen in zip(network.layers, mask, strict=True) if frozen}
    # Rates are set, since Keras 3.15 overrides `training=False` under `fit`.
    for noise in network.noise:
        setattr(noise.part, noise.attribute, 0.0 if id(noise.layer) in held else noise.value)


def _warn_of_unknown_noise(layer: keras.Layer) -> None:
    """Warns of a frozen layer that may behave otherwise in training than in prediction."""
    if not acts_alike(layer):
        warnings.warn(
            f"The frozen layer {layer.name!r} ({type(layer).__name__}) may behave otherwise in "
            "training than in prediction, although it is frozen.",
            stacklevel=2,
        )


def compile_network(
    network: Network,
    settings: CompileSettings,
    objective: Objective,
    *,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    clip_norm: float | None = None,
    parts: int = 1,
) -> None:
    """Compiles the model with a new optimizer; call it after each change of what is frozen.

    Args:
        network: The network whose model is compiled.
        settings: The optimizer and its rate.
        objective: The loss and metrics.
        learning_rate: The rate; `None` takes that of the settings.
        weight_decay: The decay of an optimizer that the settings only name; `None` keeps its
            default, and an optimizer object keeps its own.
        clip_norm: The most that the norm of all gradients of such an optimizer may be, or `None`.
        parts: The number of steps whose gradients are added up, besides those that an optimizer
            object adds up by itself.
    """
    rate = settings.learning_rate if learning_rate is None else learning_rate
    optimizer = copy_optimizer(settings.optimizer, rate)
    if isinstance(settings.optimizer, str) and weight_decay is not None:
        optimizer.weight_decay = weight_decay
    if isinstance(settings.optimizer, str) and clip_norm is not None:
        optimizer.global_clipnorm = clip_norm
    if parts > 1:
        optimizer.gradient_accumulation_steps = parts * (optimizer.gradient_accumulation_steps or 1)
    if not network.model.trainable_weights:
        raise ValueError(
            "There is nothing to train: the backbone is frozen whole, and the head has no weights. "
            "Freeze fewer layers, such as with freeze=tl.freezing.TrainLastBlocks(1), or take "
            "another head."
        )
    network.model.compile(optimizer=optimizer, loss=objective.loss, metrics=objective.metrics())


def as_callbacks(callbacks: Callbacks) -> list[keras.callbacks.Callback]:
    """Makes a list of one callback, several or `None`; refuses what is no Keras callback.

    Raises:
        TypeError: Something is no Keras callback.
    """
    if callbacks is None or isinstance(callbacks, keras.callbacks.Callback):
        return [callbacks] if callbacks else []
    several = list(callbacks)
    if not all(isinstance(callback, keras.callbacks.Callback) for callback in several):
        raise TypeError(f"callbacks are Keras callbacks. Received: callbacks={callbacks!r}")
    return several


def freeze_and_compile(
    network: Network,
    layers: Layers,
    freeze: FreezeStrategy,
    settings: CompileSettings,
    objective: Objective,
) -> keras.Model:
    """Freezes and compiles a network's model once, for plain `model.fit`, and gives the model."""
    set_trainable(network, layers.frozen_by(freeze), batch_norm=settings.batch_norm)
    compile_network(network, settings, objective)
    return network.model
