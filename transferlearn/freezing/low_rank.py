"""Freezes a network but for low-rank updates (LoRA) of some of its layers, in PEFT's shapes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import keras

from transferlearn.checks import number, whole
from transferlearn.freezing.base import FreezeEither, FreezeStrategy, Layers
from transferlearn.freezing.updated import Updated, axes_of, is_updated, merge, update
from transferlearn.keras_internals import layers_within

TARGETS = ("query", "value")  # the projections of attention that the paper updates
# What layers of Keras and KerasHub call the same projection.
_ALSO = {
    "query": ("query_dense", "query_projector"),
    "key": ("key_dense", "key_projector"),
    "value": ("value_dense", "value_projector"),
    "attention_output": ("output_dense", "output_projector"),
}


@dataclass(frozen=True)
class LowRank(FreezeStrategy):
    """Freezes all weights, and trains updates of low rank that are added to some kernels.

    When to use it: where few weights shall be learnt, kept and passed on. Each kernel `(in, out)`
    has an update `A B alpha / rank`, with `A` `(in, rank)` and `B` `(rank, out)`, which is 0 at
    first. With `|`, blocks that another strategy freezes have none, and what they give can be
    stored: `tl.freezing.TrainLastBlocks(4) | tl.freezing.LowRank(8)`.

    Reference: [LoRA](https://arxiv.org/abs/2106.09685).

    Args:
        rank: The rank of the updates.
        alpha: What they are multiplied by, times the rank; `None`: twice the rank.
        targets: The names of the layers within blocks that are updated: `"query"`, `"key"`,
            `"value"` and `"attention_output"` of attention, others as KerasHub names them.
    """

    rank: int = 8
    alpha: float | None = None
    targets: tuple[str, ...] = TARGETS

    def __post_init__(self) -> None:
        object.__setattr__(self, "rank", whole("rank", self.rank, least=1))
        if self.alpha is not None:
            object.__setattr__(self, "alpha", number("alpha", self.alpha, above=0))
        names = (self.targets,) if isinstance(self.targets, str) else tuple(self.targets)
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError(f"targets are names of layers. Received: targets={self.targets!r}")
        object.__setattr__(self, "targets", names)

    @property
    def scale(self) -> float:
        """Returns what a product `A B` is multiplied by."""
        return (2 * self.rank if self.alpha is None else self.alpha) / self.rank

    def frozen(self, layers: Layers) -> list[bool]:
        """Returns a mask that frees the layers with a target inside."""
        return [not any(self.parts(layer)) for layer in layers]

    def parts(self, layer: keras.Layer) -> Iterator[keras.Layer]:
        """Yields the layers inside a layer that are updated."""
        names = {also for name in self.targets for also in (name, *_ALSO.get(name, ()))}
        for part in layers_within(layer):
            if part is not layer and part.name in names and axes_of(part):
                yield part


def low_rank_of(freeze: FreezeStrategy | None) -> LowRank | None:
    """Returns the low-rank updates that a strategy asks for, alone or joined with others."""
    if isinstance(freeze, FreezeEither):
        return low_rank_of(freeze.first) or low_rank_of(freeze.second)
    return freeze if isinstance(freeze, LowRank) else None


def add_low_rank(layers: Sequence[keras.Layer], frozen: Sequence[bool], added: LowRank) -> None:
    """Adds updates, 0 at first, to the targets in the layers that are not frozen.

    Raises:
        ValueError: There is no such target.
    """
    free = [layer for layer, held in zip(layers, frozen, strict=True) if not held]
    parts = [part for layer in free for part in added.parts(layer) if not is_updated(part)]
    if not parts:
        inside = {part for layer in layers for part in layers_within(layer) if part is not layer}
        named = sorted({part.name for part in inside if axes_of(part)})
        raise ValueError(
            f"No layer that is free has {' or '.join(added.targets)} inside. Received: "
            f"targets={added.targets}. Layers inside: {', '.join(named) or 'none'}"
        )
    for part in parts:
        update(part, added.rank, added.scale)


def updates_of(layers: Sequence[keras.Layer]) -> list[tuple[keras.Layer, Updated]]:
    """Returns the layers that are updated, each with the layer of the backbone that it is in."""
    return [(x, part) for x in layers for part in layers_within(x) if is_updated(part)]


def merge_updates(layers: Sequence[keras.Layer]) -> None:
    """Adds all updates to their kernels, after which the layers have none."""
    for _, part in updates_of(layers):
        merge(part)


def hold_all_but_low_rank(layers: Sequence[keras.Layer]) -> None:
    """Freezes all weights of the layers but their low-rank updates; does nothing without any."""
    updates = updates_of(layers)
    free = {
        id(weight) for _, part in updates if part.trainable for weight in (part.lora_a, part.lora_b)
    }
    # Biases and norms of updated layers would stay trainable, so each weight is set by itself.
    for layer in layers if updates else ():
        for weight in layer.weights:
            weight.trainable = id(weight) in free
