"""Defines the task image to image, and what a network that gives pictures knows of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.backbones.pyramid import deepest_map
from transferlearn.data import Originals, Pictures, Pixels, Target, Targets
from transferlearn.data.pictures import PictureTargets
from transferlearn.edge import PicturePrediction, PictureReader, Seen
from transferlearn.edge.pictures import Resizing, resize_array
from transferlearn.heads import Output
from transferlearn.monitoring import MeanColours
from transferlearn.tasks.base import PREDICTIONS, Encoding, Task, in_numpy
from transferlearn.tasks.figures import Evaluation, Tally
from transferlearn.tasks.image_to_image.denoising import non_local_means
from transferlearn.tasks.image_to_image.figures import (
    NAMES,
    WHITE,
    WINDOW,
    PictureEvaluation,
    PictureTally,
    paired_pictures,
)
from transferlearn.tasks.image_to_image.metrics import PSNR, SSIM
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.pairs import PairedTest
from transferlearn.tasks.scores import Score, Similarity
from transferlearn.templates import copy_metrics
from transferlearn.types import Json, Loss, Metrics, Tensor

_PICTURES = Pictures()
_CHANNELS = 3
_DENOISED = 2_000_000  # pixels; 14 to 52 seconds of non-local means


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
    by_batch: ClassVar[bool] = True
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
    def outputs(self) -> Mapping[str, Output]:
        """A single output: red, green and blue of each pixel."""
        return {PREDICTIONS: Output(_CHANNELS, "cell")}

    @property
    def raw(self) -> Pixels:
        """The encoder that leaves pictures as they were read, which `measure` takes."""
        return Pixels()

    @property
    def watched(self) -> MeanColours:
        """The mean colour of each picture, which a monitor watches."""
        return MeanColours()

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Returns the mean colour of each picture, `(items, 3)` in [0, 255]."""
        return np.asarray(values.mean(axis=(1, 2)))

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns 1 minus the SSIM of each picture."""
        return 1 - self.tally(values, targets).by_item[:, 1]

    def features(self, model: keras.Model) -> Tensor:
        """Returns the mean of the coarsest map over the picture, `(items, channels)`."""
        return keras.layers.GlobalAveragePooling2D()(deepest_map(model))

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

        How far they were beyond that is added to the loss, as a mean over pixels. The sum is the
        mean absolute error before the clip, since targets lie in [0, 255]. By the error behind the
        clip alone nothing comes back from above white, and drawings on white are not learnt.
        """
        ((name, pixels),) = outputs.items()
        if tuple(pixels.shape[1:3]) != self.size:
            pixels = keras.ops.image.resize(pixels, self.size, interpolation="bilinear")
        pixels = keras.ops.cast(pixels, "float32")
        clipped = keras.layers.ReLU(max_value=WHITE, dtype="float32", name="pixels")(pixels)
        beyond = keras.ops.mean(keras.ops.abs(pixels - clipped))
        to_loss = keras.layers.ActivityRegularization(l1=1.0, dtype="float32", name="beyond_white")
        # Keras drops a layer that no output is made of.
        return {name: clipped + keras.ops.zeros_like(to_loss(beyond))}

    def described(self, encoded: Any) -> list[str]:
        """Returns how large each target of a batch is."""
        return [f"{len(one)} x {len(one[0])} pixels" for one in np.asarray(encoded)]

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
            encode=self.raw,
            unsolvable="each pixel has an answer of its own",
        )

    def values(self, outputs: Any) -> np.ndarray:
        """Returns the pixels as they are."""
        return in_numpy(outputs)

    def meant(self, outputs: Tensor) -> dict[str, Tensor]:
        """Returns the pixels as they are, `(rows, height, width, 3)` in [0, 255]."""
        return {PictureReader.output: outputs}

    def output_reader(self) -> PictureReader:
        """Returns what makes pictures of pixels."""
        return PictureReader(self.scale)

    def decode(self, values: np.ndarray, seen: Sequence[Seen]) -> list[PicturePrediction]:
        """Makes a picture for each item, `scale` times as large as the photo that went in."""
        reader = self.output_reader()
        return reader.read({reader.output: values}, seen)

    def unchanged(self, items: Any) -> np.ndarray:
        """Returns what goes in, enlarged by a bicubic filter if need be."""
        rows, times = np.asarray(items), self.scale
        size = (rows.shape[1] * times, rows.shape[2] * times)
        return np.stack([resize_array(row, size, Resizing("bicubic")) for row in rows])

    def classical(
        self, unchanged: np.ndarray, targets: np.ndarray, *, before: int, of: int | None
    ) -> Tally | None:
        """Counts what non-local means add, where pictures keep their size; others stay NaN.

        They are made of all pictures up to two million pixels, and else of every so many-th; of a
        stream of unknown length, of the first ones.
        """
        if self.scale > 1:
            return None
        most = max(1, _DENOISED // (self.size[0] * self.size[1]))  # pictures
        places = np.arange(before, before + len(targets))
        chosen = places < most if of is None else places % -(-of // most) == 0
        rows = np.full((len(targets), len(NAMES)), np.nan)
        if chosen.any():
            made = np.stack([non_local_means(one) for one in unchanged[chosen]])
            rows[chosen] = self.tally(made, targets[chosen], unchanged[chosen]).by_item
        return PictureTally(rows)

    def tally(
        self, values: np.ndarray, targets: np.ndarray, unchanged: np.ndarray | None = None
    ) -> PictureTally:
        """Compares each picture of a batch with its target."""
        given = None if unchanged is None else list(unchanged)
        return PictureTally.of(list(values), list(targets), given)

    def tally_of(
        self,
        prediction: PicturePrediction,
        target: np.ndarray,
        unchanged: np.ndarray | None = None,
    ) -> PictureTally:
        """Compares a picture in its own size with its target."""
        given = None if unchanged is None else [unchanged]
        return PictureTally.of([prediction.pixels], [target], given)

    def measure(self, values: np.ndarray, targets: np.ndarray) -> PictureEvaluation:
        """Returns PSNR, SSIM and mean absolute error, at the size of the network's pictures."""
        return self.tally(values, targets).evaluation()

    def compare(self, first: Evaluation, second: Evaluation) -> PairedTest | None:
        """Tests by how much the second SSIM is the better one, by drawing pictures."""
        assert isinstance(first, PictureEvaluation)
        assert isinstance(second, PictureEvaluation)
        return paired_pictures(first, second)

    def gives(self) -> str:
        """Describes what the network gives, for those who call it without this package."""
        height, width = self.size
        return f"It gives pictures of {height} x {width} pixels (high, wide): RGB in [0, 255]."

    def summary(self) -> str:
        """Describes how large the pictures are."""
        larger = f", {self.scale} times as large as what goes in" if self.scale > 1 else ""
        return f"pictures of {self.size[0]} x {self.size[1]} pixels{larger}"

    def settings(self) -> Json:
        """Returns the scale, the size, and where the pictures come from."""
        value_range = self.value_range and list(self.value_range)
        return {**asdict(self), "size": list(self.size), "value_range": value_range}

    @classmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding that was saved with these settings."""
        value_range = settings.get("value_range")
        value_range = None if value_range is None else tuple(value_range)
        return cls(**{**settings, "size": tuple(settings["size"]), "value_range": value_range})


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
