"""Holds the default decoder of masks: linear layers on the pyramid, added up."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras

from transferlearn.checks import share, whole
from transferlearn.heads.base import Decoder
from transferlearn.heads.outputs import Output
from transferlearn.types import Tensor

_MOMENTUM = 0.9  # Keras's 0.99 needs hundreds of steps, more than a short training has


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
    features: tuple[str, ...] = ("stride_4", "stride_8", "stride_16", "stride_32")

    def __post_init__(self) -> None:
        whole("width", self.width, least=1)
        share("dropout", self.dropout)
        object.__setattr__(self, "features", tuple(self.features))

    def __call__(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the layers, and gives logits `(batch, height, width, units)` in the finest size."""
        ((name, output),) = outputs.items()
        maps = [features[level] for level in self.features]
        height, width = max(tuple(level.shape[1:3]) for level in maps)
        parts = []
        for level, tensor in zip(self.features, maps, strict=True):
            # The levels of a network differ by factors of ten in size; so do their channels.
            x = keras.layers.BatchNormalization(momentum=_MOMENTUM, name=f"{level}_scaled")(tensor)
            x = keras.layers.Dense(self.width, name=f"{level}_projected")(x)
            if x.shape[1:3] != (height, width):
                x = keras.layers.Resizing(height, width, name=f"{level}_enlarged")(x)
            parts.append(x)
        x = keras.layers.Add(name="levels_added")(parts) if len(parts) > 1 else parts[0]
        x = keras.layers.BatchNormalization(momentum=_MOMENTUM, name="levels_scaled")(x)
        x = keras.layers.Activation("relu", name="levels_relu")(x)
        if self.dropout:
            x = keras.layers.SpatialDropout2D(self.dropout, name="levels_dropout")(x)
        return {name: keras.layers.Dense(output.units, name="predictions")(x)}
