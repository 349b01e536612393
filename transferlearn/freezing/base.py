"""What a freezing strategy is, and how two are joined."""

import abc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from transferlearn.backbones import Backbone, Block


@dataclass(frozen=True)
class Layers(Sequence[Any]):
    """The layers of a backbone in Keras's order, and its blocks."""

    layers: tuple[Any, ...]
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, backbone: Backbone) -> "Layers":
        """Takes the layers and blocks of a backbone."""
        return cls(tuple(backbone.model.layers), backbone.blocks)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: Any) -> Any:
        return self.layers[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    @property
    def names(self) -> list[str]:
        """The layers' names."""
        return [layer.name for layer in self.layers]

    @property
    def batch_norm(self) -> list[bool]:
        """Which layers are BatchNorm."""
        return [isinstance(layer, keras.layers.BatchNormalization) for layer in self.layers]

    def frozen_by(self, strategy: "FreezeStrategy") -> list[bool]:
        """Gives a strategy's mask; raises `ValueError` where it does not fit the layers."""
        mask = [bool(frozen) for frozen in strategy.frozen(self)]
        if len(mask) != len(self):
            raise ValueError(
                f"{type(strategy).__name__}.frozen must say of each of the {len(self)} layers "
                f"whether it is frozen. Received: {len(mask)} answers."
            )
        return mask


class FreezeStrategy(abc.ABC):
    """Says which layers of a backbone are frozen. It looks, and changes nothing.

    Two are joined with `|`: frozen is what either freezes.

    Example:
        @dataclass(frozen=True)
        class FreezeAttention(tl.freezing.FreezeStrategy):
            def frozen(self, layers):
                return [isinstance(x, keras.layers.MultiHeadAttention) for x in layers]
    """

    @abc.abstractmethod
    def frozen(self, layers: Layers) -> list[bool]:
        """Gives the mask: for each layer, in order, whether it is frozen."""

    def __or__(self, other: "FreezeStrategy") -> "FreezeStrategy":
        if not isinstance(other, FreezeStrategy):
            return NotImplemented
        return FreezeEither(self, other)


@dataclass(frozen=True)
class FreezeEither(FreezeStrategy):
    """Freezes what one or the other freezes; made by `first | second`."""

    first: FreezeStrategy
    second: FreezeStrategy

    def frozen(self, layers: Layers) -> list[bool]:
        """Gives the mask."""
        pairs = zip(layers.frozen_by(self.first), layers.frozen_by(self.second), strict=True)
        return [a or b for a, b in pairs]
