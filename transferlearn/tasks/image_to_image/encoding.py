"""Defines the task image to image, and what a network that gives pictures knows of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import keras

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Originals, Pictures, Target, Targets
from transferlearn.data.pictures import PictureTargets
from transferlearn.edge import PicturePrediction, PictureReader
from transferlearn.heads import Output
from transferlearn.tasks.base import PREDICTIONS, Encoding, Task
from transferlearn.tasks.image_to_image.figures import (
    WHITE,
    WINDOW,
    PictureScoring,
)
from transferlearn.tasks.image_to_image.metrics import PSNR, SSIM
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import outputs_in_words
from transferlearn.tasks.scores import Score, Similarity
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics, Tensor

_PICTURES = Pictures()
_CHANNELS = 3
# By 1, .1 and .03 noisy drawings came to 28.3, 28.9 and 28.6 dB, their white grounds to errors of
# 1.6, .7 and .6 (docs/image-to-image.md).
_BEYOND = 0.1  # of how far an answer is beyond [0, 255], what is added to the loss


@dataclass(frozen=True, kw_only=True)
class PictureEncoding(Encoding[PicturePrediction]):
    """Holds what a network that gives pictures knows of those that it is trained on.

    Attributes:
        scale: How many times larger the pictures are than what goes in.
        size: The `(height, width)` in pixels of the pictures that the network gives.
        originals: Whether what goes in is made of the pictures themselves, by a degradation.
        value_range: The range of float pixels of targets, as `tl.data.Pictures` takes it.
    """

    name: ClassVar[str] = "pictures"
    field: ClassVar[str] = "to-image"  # of an image: "image-to-image", as the Hub calls it
    score: ClassVar[Score] = Similarity("ssim")
    mixes: ClassVar[bool] = False
    varied: ClassVar[tuple[str, ...]] = ("none", "light")

    scale: int
    size: tuple[int, int]
    originals: bool
    value_range: tuple[int, int] | None = None

    @property
    def target(self) -> Target:
        """A target that reads pictures as those that were trained on."""
        return Originals() if self.originals else Pictures(self.value_range)

    @property
    def scoring(self) -> PictureScoring:
        """Returns what scores pictures."""
        return PictureScoring(self.scale, self.size)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """A single output: red, green and blue of each pixel."""
        return {PREDICTIONS: Output(_CHANNELS, "cell")}

    def begin(self, items: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Enlarges what goes in to the size of the pictures, by a bicubic filter."""
        if self.scale == 1:
            return items
        # `Resizing` would leak `training=True` where somebody calls the model himself.
        enlarge = keras.layers.UpSampling2D(
            self.scale, interpolation="bicubic", dtype="float32", name="enlarged_image"
        )
        return {name: enlarge(tensor) for name, tensor in items.items()}

    def finish(self, outputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Returns float32 pixels the pictures' size, and keeps them in [0, 255].

        A tenth of how far they were beyond that is added to the loss, as a mean over pixels. By the
        error behind the clip alone nothing comes back from above white, and drawings on white are
        not learnt. With all of it white grounds stay grey, since above white is right there.
        """
        ((name, pixels),) = outputs.items()
        if tuple(pixels.shape[1:3]) != self.size:
            pixels = keras.ops.image.resize(pixels, self.size, interpolation="bilinear")
        pixels = keras.ops.cast(pixels, "float32")
        clipped = keras.layers.ReLU(max_value=WHITE, dtype="float32", name="pixels")(pixels)
        beyond = keras.ops.mean(keras.ops.abs(pixels - clipped))
        to_loss = keras.layers.ActivityRegularization(
            l1=_BEYOND, dtype="float32", name="beyond_white"
        )
        # Keras drops a layer that no output is made of.
        return {name: clipped + keras.ops.zeros_like(to_loss(beyond))}

    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Loss | None) -> Self:
        """Refuses outputs with an activation, or of another number of channels."""
        (output,) = outputs.values()
        if output.activation != "linear" or output.units != _CHANNELS:
            raise ValueError(
                f"The decoder gives {output.units} channels with the activation "
                f"{output.activation}. It should give {_CHANNELS}, pixels from 0 to 255, without "
                "activation."
            )
        return self

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes the mean absolute error, unless there is a loss, and PSNR and SSIM as metrics."""
        if mixed:
            raise ValueError("Pictures cannot be mixed: leave mixup out.")
        return Objective(
            loss=keras.losses.get("mean_absolute_error" if loss is None else loss),
            metrics=lambda: copy_metrics(metrics) or [PSNR(), SSIM()],
            encode=self.scoring.raw,
            unsolvable="each pixel has an answer of its own",
        )

    def output_reader(self) -> PictureReader:
        """Returns what makes pictures of pixels."""
        return PictureReader(self.scale)

    def summary(self) -> str:
        """Describes how large the pictures are."""
        larger = f", {self.scale} times as large as what goes in" if self.scale > 1 else ""
        return f"pictures of {self.size[0]} x {self.size[1]} pixels{larger}"


@outputs_in_words.register
def _(encoding: PictureEncoding) -> str:
    """Describes the pictures."""
    height, width = encoding.size
    return f"It gives pictures of {height} x {width} pixels (high, wide): RGB in [0, 255]."


@dataclass(frozen=True)
class ImageToImage(Task[PicturePrediction]):
    """Learns to make a picture of a picture.

    Args:
        target: Says where the pictures to learn are found.
    """

    target: Target = _PICTURES

    def learn(self, targets: Targets) -> PictureEncoding:
        """Takes the size that the pictures have."""
        if not isinstance(targets, PictureTargets):
            raise TypeError(f"What is learnt is pictures. Received: {type(targets).__name__}")
        size = targets.size
        if min(size) < WINDOW:
            raise ValueError(
                f"Pictures have at least {WINDOW} x {WINDOW} pixels. Received: {size[0]} x "
                f"{size[1]} (high, wide)"
            )
        return PictureEncoding(
            scale=targets.scale,
            size=size,
            originals=targets.originals,
            value_range=targets.value_range,
        )
