"""Holds the decoder of DeepLab: a deep level seen at several distances, beside a fine one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras

from transferlearn.checks import share, whole
from transferlearn.heads.base import Decoder, Output
from transferlearn.heads.levels import (
    classified,
    convolved,
    enlarged,
    finest_first,
    normalised,
    rows_and_columns,
)
from transferlearn.types import Tensor


@dataclass(frozen=True)
class ASPP(Decoder):
    """Looks at the deepest level through windows of several sizes, and refines it by finer levels.

    When to use it: where a pixel's class depends on what is far around it, as in streets. At
    strides of 16 and images of 512 px the distances of the paper are 6, 12 and 18 cells; for small
    images take smaller ones.

    Args:
        width: The channels of each window, and of the convolutions behind.
        distances: The cells between two places that a window of 3 x 3 looks at.
        dropout: The share of channels that training sets to zero, in [0, 1).
        features: The names of the levels: the deepest is looked at, the others refine it.

    Reference: [DeepLabV3+](https://arxiv.org/abs/1802.02611).

    Example:
        head = tl.heads.ASPP(distances=(6, 12, 18))
        builder = tl.ImageSegmenterBuilder("ResNet50", image_size=(512, 512), head=head)
    """

    width: int = 96
    distances: Sequence[int] = (2, 4, 6)
    dropout: float = 0.1
    features: tuple[str, ...] = ("stride_4", "stride_16")

    def __post_init__(self) -> None:
        whole("width", self.width, least=1)
        distances = tuple(whole("distances", distance, least=1) for distance in self.distances)
        object.__setattr__(self, "distances", distances)
        share("dropout", self.dropout)
        object.__setattr__(self, "features", tuple(self.features))

    def __call__(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the layers, and gives logits `(batch, height, width, units)` in the finest size."""
        *finer, (deepest, tensor) = finest_first(features, self.features)
        x = self._windows(normalised(tensor, f"{deepest}_scaled"), deepest)
        for name, level in reversed(finer):
            scaled = normalised(level, f"{name}_scaled")
            beside = convolved(scaled, max(1, self.width // 2), f"{name}_narrowed", kernel=1)
            above = enlarged(x, rows_and_columns(level), f"{name}_from_deeper")
            joined = keras.layers.Concatenate(name=f"{name}_joined")([above, beside])
            x = convolved(joined, self.width, name)
        return classified(x, outputs, self.dropout, "levels")

    def _windows(self, x: Tensor, name: str) -> Tensor:
        """Looks at a map cell by cell, through each window, and as a whole."""
        size = rows_and_columns(x)
        parts = [convolved(x, self.width, f"{name}_cells", kernel=1)]
        parts += [
            convolved(x, self.width, f"{name}_at_{distance}", dilation=distance)
            for distance in self.distances
        ]
        whole_map = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
        spread = convolved(whole_map, self.width, f"{name}_whole", kernel=1)
        parts.append(keras.layers.UpSampling2D(size, name=f"{name}_everywhere")(spread))
        joined = keras.layers.Concatenate(name=f"{name}_windows")(parts)
        return convolved(joined, self.width, f"{name}_seen", kernel=1)
