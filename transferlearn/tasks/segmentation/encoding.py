"""Defines what a segmenter knows of its classes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.backbones.pyramid import deepest_map
from transferlearn.data import Masks, Target, Targets
from transferlearn.data.targets import Encoder, MaskTargets, PixelIds
from transferlearn.edge import MaskPrediction, MaskReader, Seen
from transferlearn.edge.maps.masks import shares_of
from transferlearn.heads import Activation, Output
from transferlearn.monitoring import PixelShares
from transferlearn.tasks.base import PREDICTIONS, Encoding, in_numpy
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.pairs import PairedTest
from transferlearn.tasks.scores import Overlap, Score
from transferlearn.tasks.segmentation.figures import (
    MaskEvaluation,
    MaskTally,
    OverlapTally,
    paired_masks,
)
from transferlearn.tasks.segmentation.losses import CrossEntropyDice
from transferlearn.tasks.segmentation.metrics import MeanIoU
from transferlearn.templates import copy_metrics
from transferlearn.types import Json, Loss, Metrics, Tensor
from transferlearn.wording import counted

_NAMED = 2  # classes in a few words about a mask


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
    by_batch: ClassVar[bool] = True
    mixes: ClassVar[bool] = False
    activation: ClassVar[Activation] = "softmax"  # behind the decoder

    class_names: tuple[str, ...]
    mask_values: tuple[int, ...]
    void: int | str | None
    size: tuple[int, int] | None

    @property
    def guessing_loss(self) -> float:
        """The loss of all classes being equally likely everywhere; its Dice is near 0."""
        return float(np.log(len(self.class_names))) + 1.0

    @property
    def target(self) -> Target:
        """A target that reads masks of these values."""
        return Masks(self.class_names, void=self.void, values=self.mask_values)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """A single output, with a number for each class in each cell of a map."""
        return {PREDICTIONS: Output(len(self.class_names), "cell")}

    @property
    def raw(self) -> None:
        """`None`: `measure` takes masks as they are."""
        return None

    @property
    def encoder(self) -> Encoder:
        """What makes class ids of masks, -1 for void."""
        return PixelIds(self.mask_values)

    @property
    def drawn_names(self) -> tuple[str, ...]:
        """The names of the ids that `drawn` gives, in their order."""
        return self.class_names

    def said(self, values: np.ndarray) -> np.ndarray:
        """Returns the likeliest class of each pixel, `(items, height, width)`."""
        return values.argmax(axis=-1)

    def drawn(self, encoded: np.ndarray) -> np.ndarray:
        """Returns one id a pixel to be drawn, `(items, height, width)`, -1 for void.

        Args:
            encoded: What `said` or `encoder` gives.
        """
        return encoded

    @property
    def watched(self) -> PixelShares:
        """The share of pixels that each class has, which a monitor watches."""
        return PixelShares(self.class_names)

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Returns the share of pixels that each class is the likeliest of, `(items, classes)`."""
        return shares_of(values)

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns 1 minus the mean IoU of each item."""
        return 1 - self.tally(values, targets).mean_ious

    def features(self, model: keras.Model) -> Tensor:
        """Returns the mean of the coarsest map over the photo, `(items, channels)`."""
        return keras.layers.GlobalAveragePooling2D()(deepest_map(model))

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

    def baseline(self, targets: Targets) -> float | None:
        """Returns the mean IoU of taking all pixels for the commonest class."""
        if not isinstance(targets, MaskTargets):
            return None
        shares = targets.shares
        return float(shares.max() / np.count_nonzero(shares))

    def guess(self, targets: Targets) -> np.ndarray | None:
        """Takes all pixels for the commonest class."""
        if not isinstance(targets, MaskTargets) or self.size is None:
            return None
        classes = np.eye(len(self.class_names), dtype=np.float32)
        return np.tile(classes[targets.shares.argmax()], (*self.size, 1))

    def guessed(self, guess: np.ndarray, seen: Evaluation) -> MaskEvaluation:
        """Scores a guess of one class for all pixels, by the counts of true ones."""
        assert isinstance(seen, MaskEvaluation)
        assert seen.overlaps is not None
        shown = seen.overlaps[:, 1]
        overlaps = np.zeros_like(seen.overlaps)
        overlaps[:, 1] = shown
        place = int(guess[0, 0].argmax())
        overlaps[:, 0, place], overlaps[:, 2, place] = shown[:, place], shown.sum(axis=1)
        confusion = np.zeros((shown.shape[1],) * 2, np.int64)
        confusion[:, place] = shown.sum(axis=0)
        return MaskTally(self.class_names, overlaps, confusion).evaluation()

    def values(self, outputs: Any) -> np.ndarray:
        """Returns the probabilities as they are."""
        return in_numpy(outputs)

    def meant(self, outputs: Tensor) -> dict[str, Tensor]:
        """Returns the probabilities as they are, `(rows, height, width, classes)`."""
        return {MaskReader.output: outputs}

    def output_reader(self) -> MaskReader:
        """Returns what makes masks of probabilities."""
        return MaskReader(self.class_names, self.mask_values)

    def decode(self, values: np.ndarray, seen: Sequence[Seen]) -> list[MaskPrediction]:
        """Makes a mask of the photo's own size for each item."""
        reader = self.output_reader()
        return reader.read({reader.output: values}, seen)

    def tally(
        self, values: np.ndarray, targets: np.ndarray, unchanged: np.ndarray | None = None
    ) -> OverlapTally:
        """Counts the pixels of each class that were taken for each class."""
        return self._tally(self.said(values), targets)

    def tally_of(
        self,
        prediction: MaskPrediction,
        target: np.ndarray,
        unchanged: np.ndarray | None = None,
    ) -> OverlapTally:
        """Counts the pixels of a photo in its own size."""
        return self._tally(prediction.mask[None], target[None])

    def _tally(self, said: np.ndarray, targets: np.ndarray) -> OverlapTally:
        """Counts pixels, by the ids or the marks that were predicted and by raw masks."""
        return MaskTally.of(list(said), self.encoder(targets).targets, self.class_names)

    def measure(self, values: np.ndarray, targets: np.ndarray) -> MaskEvaluation:
        """Returns mean IoU, Dice and pixel accuracy, at the size of the network's maps."""
        return self.tally(values, targets).evaluation()

    def compare(self, first: Evaluation, second: Evaluation) -> PairedTest | None:
        """Tests by how much the second mean IoU is the better one, by drawing images."""
        assert isinstance(first, MaskEvaluation)
        assert isinstance(second, MaskEvaluation)
        return paired_masks(first, second)

    def described(self, encoded: np.ndarray) -> list[str]:
        """Names the classes that each mask shows most of, with their shares of pixels."""
        found = []
        for ids in np.asarray(encoded):
            counts = np.bincount(ids[ids >= 0].ravel(), minlength=len(self.class_names))
            found.append(self.most_of(counts / max(1, ids.size)))
        return found

    def most_of(self, shares: np.ndarray) -> str:
        """Names the classes with the largest shares of a mask's pixels, `(classes,)`."""
        most = [i for i in np.argsort(-shares, kind="stable")[:_NAMED] if shares[i]]
        return ", ".join(f"{self.class_names[i]} {shares[i]:.0%}" for i in most)

    def gives(self) -> str:
        """Describes what the network gives, for those who call it without this package."""
        names = ", ".join(self.class_names)
        return f"It gives the probability of each class for each pixel, in this order: {names}."

    def summary(self) -> str:
        """Describes how many classes of pixels there are, and names them."""
        return f"{counted(len(self.class_names), 'class')} of pixels: {', '.join(self.class_names)}"

    def settings(self) -> Json:
        """Returns the classes, their values, void, and the size of the maps."""
        found = asdict(self)
        return {n: list(part) if isinstance(part, tuple) else part for n, part in found.items()}

    @classmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding that was saved with these settings."""
        size = settings["size"]
        return cls(
            class_names=tuple(settings["class_names"]),
            mask_values=tuple(settings["mask_values"]),
            void=settings["void"],
            size=None if size is None else tuple(size),
        )
