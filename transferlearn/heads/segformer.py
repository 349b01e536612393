"""Holds the default decoder of masks: linear layers on the pyramid, added up."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras

from transferlearn.checks import share, whole
from transferlearn.heads.base import Decoder
from transferlearn.heads.levels import (
    LEVELS,
    classified,
    enlarged,
    finest_first,
    normalised,
    rows_and_columns,
)
from transferlearn.heads.outputs import Output
from transferlearn.types import Tensor


@dataclass(frozen=True)
class SegFormerDecoder(Decoder):
    """Makes a linear layer on each level of the pyramid, adds them up, and classifies each cell.

    When to use it: by default. It is small and quick, and each cell sees all that the deepest level
    sees. SegFormer concatenates its levels and puts a linear layer behind; a sum of linear layers
    is the same function, at the cost of each level's own size.

    Args:
        width: The channels of the sum.
        dropout: The share of the sum that training sets to zero, in [0, 1).
        features: The names of the levels; the one of the smallest stride decides how fine the map
            is.

    Reference: [SegFormer](https://arxiv.org/abs/2105.15203), its all-MLP decoder.

    Example:
        head = tl.heads.SegFormerDecoder(width=128)
        builder = tl.ImageSegmenterBuilder("EfficientNetLite0", head=head)
    """

    width: int = 96
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
            x = keras.layers.Dense(self.width, name=f"{level}_projected")(x)
            parts.append(enlarged(x, size, f"{level}_enlarged"))
        x = keras.layers.Add(name="levels_added")(parts) if len(parts) > 1 else parts[0]
        x = normalised(x, "levels_scaled")
        x = keras.layers.Activation("relu", name="levels_relu")(x)
        return classified(x, outputs, self.dropout, "levels")
