"""Holds the decoder of feature pyramid networks: each level, told by the deeper ones."""

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
class FPN(Decoder):
    """Adds each level to the enlarged deeper one, convolves each sum, and adds these up.

    When to use it: where things of one class are large and small. Each size of things is looked for
    on the level that fits it.

    Args:
        width: The channels of the sums of levels.
        units: The channels of what is made of each sum.
        dropout: The share of channels that training sets to zero, in [0, 1).
        features: The names of the levels; the one of the smallest stride decides how fine the map
            is.

    Reference: [Panoptic FPN](https://arxiv.org/abs/1901.02446), its semantic branch.

    Example:
        builder = tl.ImageSegmenterBuilder("EfficientNetLite0", head=tl.heads.FPN())
    """

    width: int = 128
    units: int = 96
    dropout: float = 0.1
    features: tuple[str, ...] = LEVELS

    def __post_init__(self) -> None:
        whole("width", self.width, least=1)
        whole("units", self.units, least=1)
        share("dropout", self.dropout)
        object.__setattr__(self, "features", tuple(self.features))

    def __call__(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the layers, and gives logits `(batch, height, width, units)` in the finest size."""
        levels = finest_first(features, self.features)
        size = rows_and_columns(levels[0][1])
        parts, deeper = [], None
        for name, tensor in reversed(levels):
            # The levels of a network differ by factors of ten in size; so do their channels.
            scaled = normalised(tensor, f"{name}_scaled")
            x = keras.layers.Dense(self.width, name=f"{name}_projected")(scaled)
            if deeper is not None:
                above = enlarged(deeper, rows_and_columns(x), f"{name}_from_deeper")
                x = keras.layers.Add(name=f"{name}_told")([x, above])
            deeper = x
            parts.append(enlarged(convolved(x, self.units, name), size, f"{name}_enlarged"))
        x = keras.layers.Add(name="levels_added")(parts) if len(parts) > 1 else parts[0]
        return classified(x, outputs, self.dropout, "levels")
