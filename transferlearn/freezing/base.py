"""Defines the base class of freezing strategies, what they look at, and how two are joined."""

import abc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from transferlearn.backbones import Backbone, Block


@dataclass(frozen=True)
class Layers(Sequence[keras.Layer]):
    """Holds the layers of a backbone, in Keras's order, and its blocks.

    Attributes:
        layers: The layers, as `backbone.model.layers` has them.
        blocks: The backbone's blocks, from the input on; each holds the indices of its layers.
    """

    layers: tuple[keras.Layer, ...]
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, backbone: Backbone) -> "Layers":
        """Returns the layers and blocks of a backbone."""
        return cls(tuple(backbone.model.layers), backbone.blocks)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: Any) -> Any:
        return self.layers[index]

    def __iter__(self) -> Iterator[keras.Layer]:
        return iter(self.layers)

    @property
    def names(self) -> list[str]:
        """The names of the layers, in order."""
        return [layer.name for layer in self.layers]

    @property
    def batch_norm(self) -> list[bool]:
        """Returns whether each layer, in order, is BatchNorm."""
        return [isinstance(layer, keras.layers.BatchNormalization) for layer in self.layers]

    def frozen_by(self, strategy: "FreezeStrategy") -> list[bool]:
        """Returns a strategy's mask: for each layer, in order, whether the strategy freezes it.

        Raises:
            ValueError: The strategy did not answer for each layer.
        """
        # A strategy of one's own may answer with NumPy's booleans.
        mask = [bool(frozen) for frozen in strategy.frozen(self)]
        if len(mask) != len(self):
            raise ValueError(
                f"{type(strategy).__name__}.frozen must say of each of the {len(self)} layers "
                f"whether it is frozen. Received: {len(mask)} answers."
            )
        return mask


class FreezeStrategy(abc.ABC):
    """Describes which layers of a backbone are frozen, and changes nothing itself.

    Two strategies are joined with `|`: a layer is frozen if either freezes it.

    Example:
        @dataclass(frozen=True)
        class FreezeAttention(tl.freezing.FreezeStrategy):
            def frozen(self, layers):
                return [isinstance(x, keras.layers.MultiHeadAttention) for x in layers]
    """

    @abc.abstractmethod
    def frozen(self, layers: Layers) -> list[bool]:
        """Returns the mask: for each layer, in order, whether it is frozen."""

    def __or__(self, other: "FreezeStrategy") -> "FreezeStrategy":
        if not isinstance(other, FreezeStrategy):
            return NotImplemented
        return FreezeEither(self, other)


@dataclass(frozen=True)
class FreezeEither(FreezeStrategy):
    """Freezes each layer that one strategy or the other freezes; `first | second` makes it."""

    first: FreezeStrategy
    second: FreezeStrategy

    def frozen(self, layers: Layers) -> list[bool]:
        """Returns a mask that freezes what at least one of the two strategies freezes."""
        pairs = zip(layers.frozen_by(self.first), layers.frozen_by(self.second), strict=True)
        return [a or b for a, b in pairs]
