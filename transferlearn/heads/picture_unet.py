"""Holds the default decoder of pictures: a U-Net whose answer is a change of what goes in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras

from transferlearn.checks import whole
from transferlearn.heads.base import Decoder, Output
from transferlearn.heads.levels import check_map, normalised
from transferlearn.types import Tensor

_IMAGE = "image"
_AROUND = (3, 7)  # pixels; the sides of the squares whose means a pixel is compared with
_STEP = 32.0  # values of 255 that a change of 1 stands for, so that weights need not grow


@dataclass(frozen=True)
class PictureUNet(Decoder):
    """Goes up the pyramid from level to level, and adds what it finds to the picture itself.

    When to use it: by default. Before training it gives back what goes in, enlarged if need be, so
    that only the difference to the target is learnt.

    Args:
        width: The channels of the last level, in the size of the picture; each coarser one has as
            many more.
        features: The names of the levels, from fine to coarse, and `"image"` before them. By
            default, levels that a network does not have, such as ConvNeXt at a stride of 2, are
            left out.

    Reference: Ronneberger et al., [U-Net](https://arxiv.org/abs/1505.04597).

    Example:
        head = tl.heads.PictureUNet(width=24)
        builder = tl.ImageToImageBuilder("EfficientNetLite0", head=head)
    """

    width: int = 16
    features: tuple[str, ...] = (
        _IMAGE,
        "stride_2",
        "stride_4",
        "stride_8",
        "stride_16",
        "stride_32",
    )

    def __post_init__(self) -> None:
        whole("width", self.width, least=1)
        object.__setattr__(self, "features", tuple(self.features))
        if _IMAGE not in self.features or len(self.features) < 2:
            raise ValueError(
                'features are "image" and at least one level, such as ("image", "stride_2"). '
                f"Received: features={self.features!r}"
            )

    def read_of(self, known: Sequence[str]) -> Sequence[str]:
        """Leaves out levels that a network does not have, unless `features` were chosen."""
        there = tuple(name for name in self.features if name == _IMAGE or name in known)
        by_default = self.features == PictureUNet.features
        return there if by_default and len(there) > 1 else self.features

    def __call__(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the layers, and gives pixels `(batch, height, width, units)`, which may overshoot.

        Args:
            features: `"image"`, pixels in [0, 255] of the size of the answer, and the levels.
            outputs: The one output, whose `units` are the channels of the image.
        """
        ((name, output),) = outputs.items()
        image = features[_IMAGE]
        x = None
        levels = [name for name in self.features if name != _IMAGE and name in features]
        for level in reversed(levels):
            check_map(level, features[level])
            # Levels differ by factors of ten in size, and so do their channels. Without this, a
            # trial stayed at the bicubic picture.
            tap = normalised(features[level], f"{level}_scaled")
            x = tap if x is None else _joined(x, tap, level)
            x = _convolved(
                x, round(self.width * (1 + math.log2(_stride(level, tap, image)))), level
            )
        pixels = keras.layers.Rescaling(1 / 127.5, -1.0, name="image_scaled")(image)
        x = keras.layers.Concatenate(name="details_joined")(
            [_joined(x, pixels, _IMAGE), *_details(pixels)]
        )
        x = _convolved(x, self.width, _IMAGE)
        change = keras.layers.Conv2D(
            output.units, 3, padding="same", kernel_initializer="zeros", name="change"
        )(x)
        # In float32, since in half precision pixels near 255 are rounded to an eighth.
        change = keras.layers.Rescaling(_STEP, dtype="float32", name="change_in_pixels")(change)
        return {name: keras.layers.Add(dtype="float32", name="changed")([image, change])}


def _details(pixels: Tensor) -> list[Tensor]:
    """Makes maps of how each pixel differs from the means around it, in units of their spread.

    Noise and edges are small beside dark and light, and from pixels alone are learnt late: noisy
    drawings came from 26.6 to 27.9 dB by these maps, in equal steps.
    """
    found = []
    for side in _AROUND:
        mean = keras.layers.AveragePooling2D(
            side, strides=1, padding="same", name=f"mean_of_{side}"
        )(pixels)
        detail = keras.layers.Subtract(name=f"detail_of_{side}")([pixels, mean])
        found.append(normalised(detail, f"detail_of_{side}_scaled"))
    return found


def _stride(level: str, tap: Tensor, image: Tensor) -> float:
    """Returns a level's stride: by its name, or of one such as `"last"` by how many rows it has."""
    named = level.removeprefix("stride_")
    return int(named) if named.isdecimal() else max(1, image.shape[1] / tap.shape[1])


def _joined(x: Tensor, tap: Tensor, level: str) -> Tensor:
    """Enlarges a map to the size of a level, and puts both together.

    It is enlarged by a whole number, then cut or filled up at its end: `Resizing` would leak
    `training=True` to BatchNorm where somebody calls the model himself, and ONNX rounds other sizes
    down, 15 of 7 rows to 14.
    """
    (rows, columns), (height, width) = x.shape[1:3], tap.shape[1:3]
    times = max(1, round(height / rows)), max(1, round(width / columns))
    if times != (1, 1):
        enlarge = keras.layers.UpSampling2D(
            times, interpolation="bilinear", name=f"{level}_enlarged"
        )
        x = enlarge(x)
    more, wider = height - rows * times[0], width - columns * times[1]
    if more > 0 or wider > 0:
        ends = ((0, max(more, 0)), (0, max(wider, 0)))
        x = keras.layers.ZeroPadding2D(ends, name=f"{level}_filled")(x)
    if more < 0 or wider < 0:
        ends = ((0, max(-more, 0)), (0, max(-wider, 0)))
        x = keras.layers.Cropping2D(ends, name=f"{level}_cut")(x)
    return keras.layers.Concatenate(name=f"{level}_joined")([x, tap])


def _convolved(x: Tensor, width: int, level: str) -> Tensor:
    """Puts two convolutions, each with BatchNorm, behind a map."""
    for number in (1, 2):
        x = keras.layers.Conv2D(
            width, 3, padding="same", use_bias=False, name=f"{level}_conv{number}"
        )(x)
        x = normalised(x, f"{level}_norm{number}")
        x = keras.layers.ReLU(name=f"{level}_relu{number}")(x)
    return x
