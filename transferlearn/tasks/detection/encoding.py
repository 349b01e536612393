"""Defines what a detector knows of its classes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.backbones.pyramid import deepest_map
from transferlearn.data import Boxes, BoxRows, Target, Targets
from transferlearn.edge import BoxPrediction, BoxReader, Seen
from transferlearn.edge.boxes.reader import counts_of
from transferlearn.edge.pictures import BARS
from transferlearn.heads import Output
from transferlearn.heads.queries import BESIDE_CLASSES
from transferlearn.monitoring import ObjectCounts
from transferlearn.tasks.base import PREDICTIONS, Encoding, in_numpy
from transferlearn.tasks.detection.anchors import AnchorLoss
from transferlearn.tasks.detection.figures import (
    MAP,
    BoxEvaluation,
    best_thresholds,
    evaluation_of,
    f1_of_photos,
)
from transferlearn.tasks.detection.losses import DetectionLoss
from transferlearn.tasks.detection.suppression import MOST, detections
from transferlearn.tasks.detection.tallies import BoxTally, compare_boxes
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.pairs import PairedTest
from transferlearn.tasks.scores import MeanAveragePrecision, Score
from transferlearn.templates import copy_metrics
from transferlearn.types import Json, Loss, Metrics, Tensor
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
    def outputs(self) -> Mapping[str, Output]:
        """A single output, a row of numbers for each query."""
        return {PREDICTIONS: Output(len(self.class_names) + BESIDE_CLASSES, "query")}

    @property
    def watched(self) -> ObjectCounts:
        """What a monitor watches: how many objects of each class there are, and the best score."""
        return ObjectCounts((*self.class_names, "best score"))

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Returns how many objects of each class are found, and the best score."""
        return counts_of(values, self.output_reader().reported(values), self.class_names)

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns 1 minus the F1 of each photo's objects."""
        return 1 - f1_of_photos(values, targets, self.thresholds)

    def features(self, model: keras.Model) -> Tensor:
        """Returns the mean of the coarsest map over the photo, `(items, channels)`."""
        return keras.layers.GlobalAveragePooling2D()(deepest_map(model))

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

    def baseline(self, targets: Targets) -> float | None:
        """Returns 0, which finding nothing scores."""
        return 0.0

    def values(self, outputs: Any) -> np.ndarray:
        """Returns detections, float32 `(photos, 100, 6)`: box in the frame, score, class."""
        found: np.ndarray = in_numpy(detections(keras.ops.convert_to_tensor(outputs)))
        return found

    def meant(self, outputs: Tensor) -> dict[str, Tensor]:
        """Returns detections, as `values` does; suppression becomes a part of the network."""
        return {BoxReader.output: detections(outputs)}

    def output_reader(self) -> BoxReader:
        """Returns what makes predictions of detections."""
        return BoxReader(self.class_names, self.thresholds, self.size, self.letterboxed)

    def decode(self, values: np.ndarray, seen: Sequence[Seen]) -> list[BoxPrediction]:
        """Returns the objects of each photo, with boxes in its own pixels."""
        reader = self.output_reader()
        return reader.read({reader.output: values}, seen)

    def measure(self, values: np.ndarray, targets: np.ndarray) -> BoxEvaluation:
        """Computes COCO's figures."""
        return evaluation_of(values, targets, self.class_names, self.thresholds)

    def tally_of(
        self, prediction: BoxPrediction, target: np.ndarray, unchanged: np.ndarray | None = None
    ) -> BoxTally:
        """Keeps the boxes of a photo that was read in tiles, as `values` gives those of one."""
        height, width = prediction.size
        boxes = prediction.boxes / np.array([width, height] * 2)
        ids = [self.class_names.index(label) for label in prediction.labels]
        rows = np.column_stack([boxes, prediction.scores, np.array(ids, float)])
        return BoxTally(self, rows[None], target[None])

    def guess(self, targets: Targets) -> np.ndarray:
        """Returns no detection."""
        return np.tile(np.array([0, 0, 0, 0, 0, -1], np.float32), (MOST, 1))

    def compare(self, first: Evaluation, second: Evaluation) -> PairedTest | None:
        """Tests by how much the second mean average precision is better, by drawing photos."""
        assert isinstance(first, BoxEvaluation)
        assert isinstance(second, BoxEvaluation)
        return compare_boxes(first, second)

    def decided_by(self, held_out: Evaluation) -> Self:
        """Takes for each class the threshold that has the best F1 on held-out photos."""
        assert isinstance(held_out, BoxEvaluation)
        return replace(self, thresholds=best_thresholds(held_out.matches, THRESHOLD))

    def described(self, encoded: np.ndarray) -> list[str]:
        """Names the objects of each photo."""
        found = []
        for rows in np.asarray(encoded):
            counts = Counter(int(i) for i in rows[rows[:, 4] >= 0, 4])
            named = (f"{n} {self.class_names[i]}" for i, n in counts.most_common())
            found.append(", ".join(named) or "nothing")
        return found

    def gives(self) -> str:
        """Describes what the network gives, for those who call it without this package."""
        pairs = zip(self.class_names, self.thresholds, strict=True)
        named = ", ".join(f"{name} ({least:.2f})" for name, least in pairs)
        kept = (
            "A photo of another shape is resized until it fits, and lies in the middle between two "
            f"bars of grey ({BARS}), of which the shares below are shares, too. "
        )
        return (
            f"{kept if self.letterboxed else ''}"
            "It gives for each of many places a logit for each class, one for the quality of the "
            "box, the box x0, y0, x1, y1 and its anchor or cell x, y, width, height in shares of "
            "the image's sides, and a stride; tl.export adds what chooses among them. The classes, "
            f"and the least score of each that predict reports: {named}."
        )

    def summary(self) -> str:
        """Describes how many classes of objects there are, and names them."""
        count = counted(len(self.class_names), "class")
        return f"{count} of objects: {', '.join(self.class_names)}"

    def settings(self) -> Json:
        """Returns what `load` makes this of."""
        found = asdict(self)
        return {n: list(part) if isinstance(part, tuple) else part for n, part in found.items()}

    @classmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding that was saved with these settings."""
        found: Json = {n: tuple(p) if isinstance(p, list) else p for n, p in settings.items()}
        return cls(**found)
