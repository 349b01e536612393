"""Adds low-rank updates (LoRA) to layers of attention, and freezes their other weights."""

from collections.abc import Iterable, Sequence

import keras

from transferlearn.keras_internals import layers_within

_PROJECTIONS = ("query", "value")  # the layers of attention that the paper updates


def add_lora(layers: Iterable[keras.Layer], rank: int) -> None:
    """Adds trainable low-rank updates, 0 at first, to attention's query and value projections.

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
    """Freezes all weights of the layers but their low-rank updates; does nothing without any."""
    parts = [part for layer in layers for part in layers_within(layer)]
    updates = [part for part in parts if getattr(part, "lora_enabled", False)]
    if not updates:
        return
    free: set[int] = set()
    for part in updates:
        free |= {id(weight) for weight in _low_rank(part) if part.trainable}
    # `enable_lora` leaves the biases of updated layers trainable, so each weight is set by itself.
    for layer in layers:
        for weight in layer.weights:
            weight.trainable = id(weight) in free


def _low_rank(part: keras.Layer) -> tuple[keras.Variable, keras.Variable]:
    """Returns the two matrices whose product is the update of a layer's kernel."""
    return part.lora_kernel_a, part.lora_kernel_b
