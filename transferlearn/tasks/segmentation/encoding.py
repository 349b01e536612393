"""Defines the task of segmentation, and what it learns of the masks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Masks, Target, Targets
from transferlearn.data.targets import Encoder, LayerMarks, MaskTargets, PixelIds
from transferlearn.edge import LayerReader, MaskPrediction, MaskReader
from transferlearn.edge.maps.layers import flattened
from transferlearn.heads import Activation, Output
from transferlearn.tasks.base import PREDICTIONS, Encoding, Task
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import outputs_in_words
from transferlearn.tasks.scores import Overlap, Score
from transferlearn.tasks.segmentation.losses import CrossEntropyDice
from transferlearn.tasks.segmentation.metrics import LayerMeanIoU, MeanIoU
from transferlearn.tasks.segmentation.scoring import LayerScoring, MaskScoring
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics, Tensor
from transferlearn.wording import counted


@dataclass(frozen=True, kw_only=True)
class MaskEncoding(Encoding[MaskPrediction]):
    """Holds what a segmenter knows of the masks that it is trained on.

    Attributes:
        class_names: The names of the classes, in the order of the outputs.
        mask_values: The value that the pixels of each class have in a mask.
        void: The value or the colour of pixels that have no class, or `None`.
        size: The `(height, width)` in pixels of the images that the network takes, and of the map
            that it gives; `None`: the map has the size that the decoder gives it.
    """

    name: ClassVar[str] = "masks"
    field: ClassVar[str] = "segmentation"
    score: ClassVar[Score] = Overlap("mean_iou")
    mixes: ClassVar[bool] = False
    activation: ClassVar[Activation] = "softmax"  # behind the decoder

    class_names: tuple[str, ...]
    mask_values: tuple[int, ...]
    void: int | str | None
    size: tuple[int, int] | None

    @property
    def target(self) -> Target:
        """A target that reads masks of these values."""
        return Masks(self.class_names, void=self.void, values=self.mask_values)

    @property
    def scoring(self) -> MaskScoring:
        """Returns what scores masks, pixel by pixel."""
        return MaskScoring(self.class_names, self.mask_values, self.size)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """A single output, with a number for each class in each cell of a map."""
        return {PREDICTIONS: Output(len(self.class_names), "cell")}

    @property
    def encoder(self) -> Encoder:
        """Returns what makes class ids of masks, -1 for void."""
        return PixelIds(self.mask_values)

    @property
    def drawn_names(self) -> tuple[str, ...]:
        """The names of the ids that `drawn` gives, in their order."""
        return self.class_names

    def drawn(self, encoded: np.ndarray) -> np.ndarray:
        """Returns one id a pixel to be drawn, `(items, height, width)`, -1 for void.

        Args:
            encoded: What `MaskScoring.said` or `encoder` gives.
        """
        return encoded

    def finish(self, outputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Adds float32 layers that enlarge the decoder's map, and make probabilities of it."""
        ((name, logits),) = outputs.items()
        if self.size is not None:
            enlarge = keras.layers.Resizing(*self.size, dtype="float32", name="enlarged")
            logits = enlarge(logits)
        shares = keras.layers.Activation(self.activation, dtype="float32", name="class_shares")
        return {name: shares(logits)}

    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Loss | None) -> Self:
        """Refuses outputs with an activation, or with more or fewer units than classes."""
        (output,) = outputs.values()
        if output.activation != "linear" or output.units != len(self.class_names):
            raise ValueError(
                f"The decoder gives {output.units} channels with the activation "
                f"{output.activation}, for {len(self.class_names)} classes. Its last layer should "
                f"be Dense({len(self.class_names)}), without activation."
            )
        return self

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes cross-entropy and Dice, unless there is a loss, and the mean IoU as the metric."""
        if mixed:
            raise ValueError("Masks cannot be mixed: leave mixup out.")
        return Objective(
            loss=CrossEntropyDice() if loss is None else keras.losses.get(loss),
            metrics=lambda: copy_metrics(metrics) or [MeanIoU(len(self.class_names))],
            encode=self.encoder,
            unsolvable="each pixel has an answer of its own",
        )

    def output_reader(self) -> MaskReader:
        """Returns what makes masks of probabilities."""
        return MaskReader(self.class_names, self.mask_values)

    def summary(self) -> str:
        """Describes how many classes of pixels there are, and names them."""
        return f"{counted(len(self.class_names), 'class')} of pixels: {', '.join(self.class_names)}"


@outputs_in_words.register
def _(encoding: MaskEncoding) -> str:
    """Describes the probabilities of pixels."""
    names = ", ".join(encoding.class_names)
    return f"It gives the probability of each class for each pixel, in this order: {names}."


@dataclass(frozen=True, kw_only=True)
class LayerEncoding(MaskEncoding):
    """Holds what a segmenter knows of the masks where a pixel may have several classes, or none."""

    name: ClassVar[str] = "layers"
    activation: ClassVar[Activation] = "sigmoid"

    @property
    def target(self) -> Target:
        """A target that reads masks of these classes, any number of them a pixel."""
        return Masks(self.class_names, void=self.void, multi_label=True)

    @property
    def scoring(self) -> LayerScoring:
        """Returns what scores masks, pixel by pixel."""
        return LayerScoring(self.class_names, self.mask_values, self.size)

    @property
    def encoder(self) -> LayerMarks:
        """Returns what makes marks of masks."""
        return LayerMarks()

    @property
    def drawn_names(self) -> tuple[str, ...]:
        """A name for pixels of no class, and those of the classes."""
        return "no class", *self.class_names

    def drawn(self, encoded: np.ndarray) -> np.ndarray:
        """Returns the smallest class of each pixel, as `LayerPrediction.picture` does."""
        ids = np.stack([flattened(marks > 0) for marks in encoded]).astype(np.int16)
        return np.where((encoded < 0).all(axis=-1), -1, ids)

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes binary cross-entropy and Dice, unless there is a loss, and the mean IoU."""
        usual = super().objective(loss=loss, metrics=metrics, targets=targets, mixed=mixed)
        return replace(
            usual,
            metrics=lambda: copy_metrics(metrics) or [LayerMeanIoU(len(self.class_names))],
        )

    def output_reader(self) -> LayerReader:
        """Returns what makes masks of probabilities."""
        return LayerReader(self.class_names, self.mask_values)

    def summary(self) -> str:
        """Describes how many classes of pixels there are, and names them."""
        return f"{super().summary()}; a pixel may have several"


@outputs_in_words.register
def _(encoding: LayerEncoding) -> str:
    """Describes the probabilities of pixels."""
    names = ", ".join(encoding.class_names)
    return (
        "It gives for each pixel and class the probability that the pixel has the class, in "
        f"this order: {names}."
    )


_MASKS = Masks()


@dataclass(frozen=True)
class Segmentation(Task[MaskPrediction]):
    """Learns the class of each pixel, or its classes.

    Args:
        target: Says where the masks are found in the data, and names their classes.
    """

    target: Target = _MASKS

    def learn(self, targets: Targets) -> MaskEncoding:
        """Takes the classes that the masks have."""
        if not isinstance(targets, MaskTargets):
            raise TypeError(f"A segmenter learns masks. Received: {type(targets).__name__}")
        encoding = LayerEncoding if targets.several else MaskEncoding
        return encoding(
            class_names=targets.class_names,
            mask_values=targets.values,
            void=targets.void,
            size=targets.size,
        )
