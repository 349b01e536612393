"""Sets how the learning rate changes over the steps of a phase, and from weight to weight."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from transferlearn.assembling import Network
from transferlearn.backbones import Block
from transferlearn.schedules import Phase
from transferlearn.types import Tensor

# A weight of zeros, such as a new bias, would never move; Adafactor has the same limit.
_LEAST_SIZE = 1e-3


def set_pace(optimizer: keras.Optimizer, phase: Phase, rate: float, batches: Any) -> None:
    """Makes an optimizer's rate warm up and decay as a phase says; else leaves it alone.

    Keras computes a schedule's rate anew for each weight that decays, which takes long to compile.
    So this object's `apply` is replaced by one that computes the rate of the next step once.

    Args:
        optimizer: The optimizer of the phase, with which nothing has been trained yet.
        phase: The phase, which says how the rate rises and falls.
        rate: The highest rate.
        batches: The batches of one epoch, a `PyDataset` or `tf.data.Dataset`.

    Raises:
        ValueError: The number of batches is unknown.
    """
    if not phase.warm_up and phase.decay == "constant":
        return
    try:
        steps = phase.epochs * len(batches)
    except TypeError:
        raise ValueError(
            "warm_up and decay need to know how many batches an epoch has, which this stream does "
            "not tell. Apply tf.data.experimental.assert_cardinality, or leave them out."
        ) from None
    rising = round(phase.warm_up * steps)
    # The warm-up begins one step above 0, where the first step would train nothing.
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=rate / (rising + 1) if rising else rate,
        decay_steps=max(1, steps - rising),
        alpha=0.0 if phase.decay == "cosine" else 1.0,
        warmup_target=rate if rising else None,
        warmup_steps=rising,
    )
    # A LossScaleOptimizer leaves the rate to the one inside.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    # Keras refuses to assign a number where an optimizer was made with a schedule.
    if not isinstance(optimizer.learning_rate, keras.Variable):
        optimizer.learning_rate = schedule
        return
    apply = optimizer.apply

    def apply_and_advance(
        grads: Sequence[Tensor], trainable_variables: Sequence[keras.Variable] | None = None
    ) -> Tensor:
        """Takes a step, and sets the learning rate of the next one."""
        iterations = apply(grads, trainable_variables)
        optimizer.learning_rate = schedule(optimizer.iterations)
        return iterations

    optimizer.learning_rate = schedule(0)
    optimizer.apply = apply_and_advance


def set_shares(network: Network, blocks: Sequence[Block], phase: Phase) -> None:
    """Makes the optimizer's steps of single weights smaller, as a phase says.

    This object's `apply` is replaced by one that takes back a share of each step, weight decay
    included, which equals a smaller rate. So the optimizer stays one of Keras's, with a plain
    config. (Checkpoints with a class of our own would not load where this package is missing.)

    Args:
        network: The network, whose model is compiled.
        blocks: The backbone's blocks, in the order of the network.
        phase: The phase, with its `layer_decay` and `trust_ratio`.
    """
    shares = _shares(network, blocks, phase)
    optimizer = network.model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    apply = optimizer.apply

    def apply_in_part(
        grads: Sequence[Tensor], trainable_variables: Sequence[keras.Variable] | None = None
    ) -> Tensor:
        """Takes a step, and takes a share of it back."""
        variables = trainable_variables or network.model.trainable_variables
        slowed = [v for v in variables if id(v) in shares]
        before = [keras.ops.copy(variable) for variable in slowed]
        iterations = apply(grads, trainable_variables)
        for variable, start in zip(slowed, before, strict=True):
            variable.assign(start + shares[id(variable)] * (variable - start))
        return iterations

    if shares:
        optimizer.apply = apply_in_part


def _shares(network: Network, blocks: Sequence[Block], phase: Phase) -> dict[int, float]:
    """Returns the share of its step that each weight takes, by `id`; the others take all of it."""
    shares: dict[int, float] = {}
    for distance, block in enumerate(reversed(blocks), start=1):
        if isinstance(phase.layer_decay, Mapping):
            share = phase.layer_decay.get(block.name, 1.0)
        else:
            share = phase.layer_decay**distance
        weights = (w for i in block.layers for w in network.layers[i].trainable_weights)
        shares |= {id(weight): share for weight in weights if share != 1.0}
    if phase.trust_ratio:
        for weight in network.model.trainable_weights:
            size = float(np.sqrt(np.square(keras.ops.convert_to_numpy(weight)).mean()))
            shares[id(weight)] = shares.get(id(weight), 1.0) * max(size, _LEAST_SIZE)
    return shares
