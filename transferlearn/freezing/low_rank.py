"""Low-rank updates in the place of trained layers (LoRA), by Keras's `enable_lora`."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras

from transferlearn.keras_internals import layers_within

_PROJECTIONS = ("query", "value")  # of attention, as in the paper


def add_lora(layers: Iterable[keras.Layer], rank: int) -> None:
    """Gives the query and value projections of attention an update of a low rank, 0 at first.

    Reference: [LoRA](https://arxiv.org/abs/2106.09685).

    Raises:
        ValueError: No layer has such projections.
    """
    parts = [
        part
        for layer in layers
        for part in layers_within(layer)
        if isinstance(part, keras.layers.EinsumDense) and part.name in _PROJECTIONS
    ]
    if not parts:
        raise ValueError("LoRA updates attention, and no layer of this backbone has any.")
    for part in parts:
        part.enable_lora(rank)


def hold_all_but_lora(layers: Sequence[keras.Layer]) -> None:
    """Freezes, where there are low-rank updates, everything else in these layers."""
    parts = [part for layer in layers for part in layers_within(layer)]
    updates = [part for part in parts if getattr(part, "lora_enabled", False)]
    if not updates:
        return
    free: set[int] = set()
    for part in updates:
        free |= {id(weight) for weight in _low_rank(part) if part.trainable}
    for layer in layers:
        for weight in layer.weights:
            weight.trainable = id(weight) in free


def _low_rank(part: Any) -> tuple[Any, Any]:
    return part.lora_kernel_a, part.lora_kernel_b
