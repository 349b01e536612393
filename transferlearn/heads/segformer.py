"""Holds the default decoder of masks: a few layers on each level of the pyramid, added up."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras

from transferlearn.checks import share, whole
from transferlearn.heads.base import Decoder, Output
from transferlearn.heads.levels import (
    LEVELS,
    classified,
    convolved,
    enlarged,
    finest_first,
    normalised,
    rows_and_columns,
)
from transferlearn.types import Tensor


@dataclass(frozen=True)
class SegFormerDecoder(Decoder):
    """Projects each level of the pyramid, lets cells see their neighbours, and adds the levels up.

    When to use it: by default. It is small and quick, and each cell sees all that the deepest level
    sees. Two things differ from SegFormer's all-MLP decoder. Levels are added up instead of
    concatenated, at the cost of each level's own size. And each level has a window of 3 cells: the
    fine levels of a convolutional network know colours and edges, and shapes only where neighbours
    are compared; SegFormer's own encoder has compared them already.

    Args:
        width: The channels of each level and of the sum.
        dropout: The share of the sum that training sets to zero, in [0, 1).
        features: The names of the levels; the one of the smallest stride decides how fine the map
            is.

    Reference: [SegFormer](https://arxiv.org/abs/2105.15203), its decoder.

    Example:
        head = tl.heads.SegFormerDecoder(width=96)
        builder = tl.ImageSegmenterBuilder("EfficientNetLite0", head=head)
    """

    width: int = 48
    dropout: float = 0.1
    features: tuple[str, ...] = LEVELS

    def __post_init__(self) -> None:
        whole("width", self.width, least=1)
        share("dropout", self.dropout)
        object.__setattr__(self, "features", tuple(self.features))

    def __call__(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the layers, and gives logits `(batch, height, width, units)` in the finest size."""
        levels = finest_first(features, self.features)
        size, parts = rows_and_columns(levels[0][1]), []
        for level, tensor in levels:
            # The levels of a network differ by factors of ten in size; so do their channels.
            x = normalised(tensor, f"{level}_scaled")
            x = convolved(x, self.width, f"{level}_projected", kernel=1)
            x = convolved(x, self.width, level)
            parts.append(enlarged(x, size, f"{level}_enlarged"))
        x = keras.layers.Add(name="levels_added")(parts) if len(parts) > 1 else parts[0]
        x = normalised(x, "levels_scaled")
        x = keras.layers.Activation("relu", name="levels_relu")(x)
        return classified(x, outputs, self.dropout, "levels")
