"""Holds the freezing strategies, and the shorthand for them."""

import difflib
import re
from dataclasses import dataclass

import keras

from transferlearn.checks import whole
from transferlearn.freezing.base import FreezeStrategy, Layers


@dataclass(frozen=True)
class FreezeAll(FreezeStrategy):
    """Freezes the whole backbone: the head alone is trained."""

    def frozen(self, layers: Layers) -> list[bool]:
        """Returns a mask that freezes every layer."""
        return [True] * len(layers)


@dataclass(frozen=True)
class FreezeNone(FreezeStrategy):
    """Freezes no layer (BatchNorm stays fixed all the same where the builder says so)."""

    def frozen(self, layers: Layers) -> list[bool]:
        """Returns a mask that frees every layer."""
        return [False] * len(layers)


@dataclass(frozen=True)
class FreezeFirst(FreezeStrategy):
    """Freezes the first `count` layers of `backbone.model.layers`, the input layer counted."""

    count: int

    def __post_init__(self) -> None:
        whole("count", self.count, least=0)

    def frozen(self, layers: Layers) -> list[bool]:
        """Returns a mask that freezes these layers; raises `ValueError` where there are fewer."""
        if self.count > len(layers):
            raise ValueError(
                f"Cannot freeze the first {self.count} layers: the backbone has {len(layers)}. "
                "To freeze all of them: freeze='all'."
            )
        return [i < self.count for i in range(len(layers))]


@dataclass(frozen=True)
class FreezeFraction(FreezeStrategy):
    """Freezes a share in (0, 1) of the layers that have weights, from the input on."""

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(
                f"Expected a share between 0 and 1, both left out. Received: {self.share!r}. "
                "To freeze everything or nothing: freeze='all' or freeze='none'."
            )

    def frozen(self, layers: Layers) -> list[bool]:
        """Returns a mask that freezes up to and including the last layer of the share."""
        weighted = [i for i, layer in enumerate(layers) if layer.weights]
        count = round(self.share * len(weighted))
        end = weighted[count - 1] + 1 if count else 0
        return [i < end for i in range(len(layers))]


@dataclass(frozen=True)
class FreezeUpTo(FreezeStrategy):
    """Freezes from the input up to and including a named layer or block.

    "encoder" names all blocks that are called "encoder.embeddings", "encoder.layer_0" and so on.
    """

    name: str

    def frozen(self, layers: Layers) -> list[bool]:
        """Returns a mask that freezes up to the name; raises `ValueError` where nothing has it."""
        blocks = [block.name for block in layers.blocks]
        named = [i for i, x in enumerate(blocks) if x == self.name or x.startswith(f"{self.name}.")]
        if named:
            held = {i for block in layers.blocks[: named[-1] + 1] for i in block.layers}
            return [i in held for i in range(len(layers))]
        if self.name in layers.names:
            return [i <= layers.names.index(self.name) for i in range(len(layers))]
        # "all" and "none" are among them, since a mistyped one is taken for a name of a layer.
        known = {name.lower(): name for name in ("all", "none", *blocks, *layers.names)}
        similar = difflib.get_close_matches(self.name.lower(), known, n=3, cutoff=0.4)
        close = [known[name] for name in similar]
        raise ValueError(
            f"The backbone has no layer or block of that name. Received: {self.name!r}. "
            f"Closest: {', '.join(map(repr, close)) or 'none'}. Blocks: {', '.join(blocks)}."
        )


@dataclass(frozen=True)
class TrainLastBlocks(FreezeStrategy):
    """Leaves the last `count` blocks trainable and freezes the rest."""

    count: int

    def __post_init__(self) -> None:
        whole("count", self.count, least=0)

    def frozen(self, layers: Layers) -> list[bool]:
        """A mask that freezes all other blocks; raises `ValueError` where there are fewer."""
        if self.count > len(layers.blocks):
            raise ValueError(
                f"Cannot leave the last {self.count} blocks trainable: the backbone has "
                f"{len(layers.blocks)}: {', '.join(block.name for block in layers.blocks)}."
            )
        # Not `[-self.count:]`, which for 0 would be all of them.
        trained = layers.blocks[len(layers.blocks) - self.count :]
        free = {i for block in trained for i in block.layers}
        return [i not in free for i in range(len(layers))]


@dataclass(frozen=True)
class FreezeMatching(FreezeStrategy):
    """Freezes the layers whose names contain a match of a regular expression (`re.search`)."""

    pattern: str

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"Not a regular expression: {self.pattern!r} ({error}).") from error

    def frozen(self, layers: Layers) -> list[bool]:
        """A mask that freezes the matching layers; raises `ValueError` where none matches."""
        mask = [re.search(self.pattern, name) is not None for name in layers.names]
        if not any(mask):
            raise ValueError(
                f"No layer's name matches {self.pattern!r}. Names are like: "
                f"{', '.join(layers.names[:8])}."
            )
        return mask


@dataclass(frozen=True)
class FreezeBatchNorm(FreezeStrategy):
    """Freezes every BatchNorm layer: gamma, beta and statistics."""

    def frozen(self, layers: Layers) -> list[bool]:
        """Returns a mask that freezes the BatchNorm layers alone."""
        return layers.batch_norm


@dataclass(frozen=True)
class FreezeDepthwise(FreezeStrategy):
    """Freezes the depthwise convolutions, but not the pointwise ones between them.

    They have few of the weights (5% in EfficientNetLite0) and take much of the time: their
    gradients are a quarter of a training step on a CPU.
    """

    def frozen(self, layers: Layers) -> list[bool]:
        """Returns a mask that freezes the `DepthwiseConv2D` layers alone."""
        return [isinstance(layer, keras.layers.DepthwiseConv2D) for layer in layers]


Freeze = FreezeStrategy | str | int | float


def as_strategy(freeze: Freeze) -> FreezeStrategy:
    """Turns the shorthand for a strategy into the strategy.

    Args:
        freeze: `"all"`; `"none"`; the name of a layer or block (up to and including it); a whole
            number (the first n of `backbone.model.layers`); a share in (0, 1) of the layers that
            have weights; or a strategy.

    Raises:
        TypeError: `freeze` is none of these, or a bool.
        ValueError: `freeze` is a negative number of layers, or a share outside (0, 1).
    """
    if isinstance(freeze, FreezeStrategy):
        return freeze
    # A bool is an int: True would freeze one layer.
    if isinstance(freeze, bool) or not isinstance(freeze, (str, int, float)):
        raise TypeError(
            "freeze is 'all', 'none', a name of a layer or block, a number of layers, a share in "
            f"(0, 1) or a strategy of tl.freezing. Received: {freeze!r}"
        )
    if isinstance(freeze, str):
        fixed = {"all": FreezeAll(), "none": FreezeNone()}
        return fixed.get(freeze, FreezeUpTo(freeze))
    return FreezeFirst(freeze) if isinstance(freeze, int) else FreezeFraction(freeze)
