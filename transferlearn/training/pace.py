"""How the learning rate goes within a phase."""

from typing import Any

import keras

from transferlearn.schedules import Phase


def set_pace(optimizer: keras.Optimizer, phase: Phase, rate: float, batches: Any) -> None:
    """Gives an optimizer the phase's warm-up and decay; a constant rate is left as it is.

    Args:
        optimizer: Of the phase; nothing has been trained with it.
        phase: Says how the rate goes.
        rate: At its highest.
        batches: Of one epoch.

    Raises:
        ValueError: It is not known how many batches there are.
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
    optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=rate / (rising + 1) if rising else rate,
        decay_steps=max(1, steps - rising),
        alpha=0.0 if phase.decay == "cosine" else 1.0,
        warmup_target=rate if rising else None,
        warmup_steps=rising,
    )
