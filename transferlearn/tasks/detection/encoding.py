"""Defines what a detector knows of its classes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import keras

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Boxes, BoxRows, Target, Targets
from transferlearn.edge import BoxPrediction, BoxReader
from transferlearn.edge.pictures import BARS
from transferlearn.heads import Output
from transferlearn.heads.queries import BESIDE_CLASSES
from transferlearn.tasks.base import PREDICTIONS, Encoding
from transferlearn.tasks.detection.anchors import AnchorLoss
from transferlearn.tasks.detection.figures import (
    MAP,
    BoxEvaluation,
    best_thresholds,
)
from transferlearn.tasks.detection.losses import DetectionLoss
from transferlearn.tasks.detection.scoring import BoxScoring
from transferlearn.tasks.detection.suppression import detections
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import decided_by, outputs_in_words
from transferlearn.tasks.scores import MeanAveragePrecision, Score
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics, Tensor
from transferlearn.wording import counted

THRESHOLD = 0.3  # of scores, where no held-out photos choose one


@dataclass(frozen=True, kw_only=True)
class BoxEncoding(Encoding[BoxPrediction]):
    """Holds what a detector knows of the boxes that it is trained on.

    Attributes:
        class_names: The names of the classes, in the order of their logits.
        box_format: The format of boxes in arrays, as Keras names it.
        most: How many boxes of a photo are learnt.
        size: The `(height, width)` of the network's image in pixels.
        letterboxed: Whether photos keep their shape in it.
        sides: The geometric mean of height and width, in pixels of that image, below which 5%, 25%,
            50%, 75% and 95% of the boxes are; empty where it is not known.
        ratios: The ratio of height to width in that image, below which 1/6, 1/2 and 5/6 of the
            boxes are; empty where it is not known.
        thresholds: The least score of each class that predictions tell.
        anchored: Whether the head has anchors, whose overlap with objects says what they find.
    """

    name: ClassVar[str] = "boxes"
    field: ClassVar[str] = "object-detection"
    score: ClassVar[Score] = MeanAveragePrecision(MAP)
    after_epoch: ClassVar[bool] = True
    mixes: ClassVar[bool] = False
    starts_at_guessing: ClassVar[bool] = False

    class_names: tuple[str, ...]
    box_format: str
    most: int
    size: tuple[int, int]
    letterboxed: bool
    sides: tuple[float, ...]
    ratios: tuple[float, ...]
    thresholds: tuple[float, ...]
    anchored: bool = False

    @property
    def target(self) -> Target:
        """A target that reads boxes of these classes."""
        return Boxes(self.class_names, self.box_format, self.most)

    @property
    def scoring(self) -> BoxScoring:
        """Returns what scores detections."""
        return BoxScoring(self.class_names, self.thresholds)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """A single output, a row of numbers for each query."""
        return {PREDICTIONS: Output(len(self.class_names) + BESIDE_CLASSES, "query")}

    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Loss | None) -> Self:
        """Refuses outputs with an activation, or with more or fewer numbers a query."""
        (output,) = outputs.values()
        units = len(self.class_names) + BESIDE_CLASSES
        if output.activation != "linear" or output.units != units:
            raise ValueError(
                f"A head of a detector gives {units} numbers a query for {len(self.class_names)} "
                "classes: a logit for each, one for the quality of the box, four of the box, four "
                f"of its anchor or cell, and the stride. Received: {output.units}, "
                f"{output.activation}"
            )
        return self

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes focal loss, GIoU and centreness, unless there is a loss."""
        if mixed:
            raise ValueError("Boxes cannot be mixed: leave mixup out.")
        usual = AnchorLoss if self.anchored else DetectionLoss
        return Objective(
            loss=usual(self.size) if loss is None else keras.losses.get(loss),
            metrics=lambda: copy_metrics(metrics) or [],
            encode=BoxRows(),
            unsolvable="each place of a photo has an answer of its own",
        )

    def meant(self, outputs: Tensor) -> dict[str, Tensor]:
        """Returns detections, as `values` does; suppression becomes a part of the network."""
        return {BoxReader.output: detections(outputs)}

    def output_reader(self) -> BoxReader:
        """Returns what makes predictions of detections."""
        return BoxReader(self.class_names, self.thresholds, self.size, self.letterboxed)

    def summary(self) -> str:
        """Describes how many classes of objects there are, and names them."""
        count = counted(len(self.class_names), "class")
        return f"{count} of objects: {', '.join(self.class_names)}"


@decided_by.register
def _(encoding: BoxEncoding, held_out: Evaluation) -> BoxEncoding:
    """Takes for each class the threshold that has the best F1 on held-out photos."""
    assert isinstance(held_out, BoxEvaluation)
    return replace(encoding, thresholds=best_thresholds(held_out.matches, THRESHOLD))


@outputs_in_words.register
def _(encoding: BoxEncoding) -> str:
    """Describes the rows of the queries."""
    pairs = zip(encoding.class_names, encoding.thresholds, strict=True)
    named = ", ".join(f"{name} ({least:.2f})" for name, least in pairs)
    kept = (
        "A photo of another shape is resized until it fits, and lies in the middle between two "
        f"bars of grey ({BARS}), of which the shares below are shares, too. "
    )
    return (
        f"{kept if encoding.letterboxed else ''}"
        "It gives for each of many places a logit for each class, one for the quality of the "
        "box, the box x0, y0, x1, y1 and its anchor or cell x, y, width, height in shares of "
        "the image's sides, and a stride; tl.export adds what chooses among them. The classes, "
        f"and the least score of each that predict reports: {named}."
    )
