"""Makes predictions of detections, in the photo's own pixels."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from transferlearn.atomic_files import written_whole
from transferlearn.edge.boxes.prediction import BoxPrediction, coco_of
from transferlearn.edge.boxes.suppression import best_of_tiles
from transferlearn.edge.description import TensorSpec
from transferlearn.edge.item_reader import Seen
from transferlearn.edge.letterbox import Letterbox
from transferlearn.edge.maps.folders import check_new, names_of, png, write_pngs
from transferlearn.edge.maps.tiling import Tiling
from transferlearn.edge.output_reader import OutputReader
from transferlearn.json_fields import Json

COLUMNS = 6  # of a detection: box, score, class
_CUT = 2.0  # pixels: a box that ends nearer to a tile's edge may go on behind it
_SAME = 1e-3  # of the frame's sides and of the score, within which two objects are the same


@dataclass(frozen=True)
class BoxReader(OutputReader[BoxPrediction]):
    """Makes predictions of detections: box, score and class, the surest first.

    Args:
        class_names: The names of the classes, by their numbers.
        thresholds: The least score of each class that is reported, in [0, 1].
        frame: The `(height, width)` of the network's image in pixels.
        letterboxed: Whether photos keep their shape in that frame; else they fill it.
    """

    name: ClassVar[str] = "boxes"
    output: ClassVar[str] = "detections"

    class_names: tuple[str, ...]
    thresholds: tuple[float, ...]
    frame: tuple[int, int]
    letterboxed: bool = True

    def __post_init__(self) -> None:
        if len(self.class_names) != len(self.thresholds):
            raise ValueError(
                f"there are {len(self.thresholds)} thresholds for {len(self.class_names)} classes"
            )
        if len(self.frame) != 2 or min(self.frame) < 1:
            raise ValueError(f"frame is (height, width). Received: {self.frame!r:.99}")

    def check_outputs(self, outputs: Mapping[str, TensorSpec]) -> None:
        """Compares the axes, too, which are those of detections."""
        super().check_outputs(outputs)
        shape = outputs[self.output].shape
        if len(shape) != 3 or shape[-1] != COLUMNS:
            raise ValueError(f"{self.output} are no boxes with scores, but of shape {shape}.")

    def read(self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]) -> list[BoxPrediction]:
        """Makes a prediction for each photo: boxes in its own pixels."""
        pairs = zip(outputs[self.output], seen, strict=True)
        return [self._prediction(self.in_photo(rows, one), one) for rows, one in pairs]

    def without_thresholds(self) -> Self:
        """Returns a reader that reports all detections, however unsure."""
        return replace(self, thresholds=(0.0,) * len(self.class_names))

    def reported(self, rows: np.ndarray) -> np.ndarray:
        """Returns whether each detection `(..., 6)` reaches the threshold of its class."""
        scores, ids = rows[..., 4], np.rint(rows[..., 5]).astype(int)
        least = np.array([*self.thresholds, np.inf])[np.clip(ids, -1, len(self.thresholds))]
        return np.asarray((scores > 0) & (scores >= least))

    def in_photo(self, rows: np.ndarray, one: Seen) -> np.ndarray:
        """Returns the detections that are reported, in pixels of the photo, float64 `(n, 6)`."""
        found = np.asarray(rows, float)[self.reported(rows)]
        placed = Letterbox(one.size or self.frame, self.frame, not self.letterboxed)
        return np.concatenate([placed.to_photo(found[:, :4]), found[:, 4:]], axis=1)

    def of_tiles(self, tiling: Tiling, made: Iterable[np.ndarray], seen: Seen) -> BoxPrediction:
        """Makes one prediction of the detections in overlapping tiles, each object once."""
        parts, cuts = [np.zeros((0, COLUMNS))], [np.zeros(0, bool)]
        for places, values in zip(tiling.rows(), made, strict=True):
            for (rows, columns), one in zip(places, values, strict=True):
                size = rows.stop - rows.start, columns.stop - columns.start
                found = self.in_photo(one, Seen(seen.path, size))
                corner = np.array([columns.start, rows.start] * 2)
                found[:, :4] += corner
                ends = np.array([columns.stop, rows.stop])
                near = np.concatenate([found[:, :2] - corner[:2], ends - found[:, 2:4]], axis=1)
                inner = np.array([*(corner[:2] > 0), *(ends < tiling.size[::-1])])
                cuts.append(((near < _CUT) & inner).any(axis=1))
                parts.append(found)
        every, cut = np.concatenate(parts), np.concatenate(cuts)
        return self._prediction(every[best_of_tiles(every, cut)], seen._replace(size=tiling.size))

    def difference(
        self, expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
    ) -> float:
        """Returns the largest difference of a reported object's box or score from its partner's."""
        pairs = zip(expected[self.output], found[self.output], strict=True)
        return max((max(self._apart(*pair), default=0.0) for pair in pairs), default=0.0)

    def same(
        self,
        expected: Mapping[str, np.ndarray],
        found: Mapping[str, np.ndarray],
        tolerance: float,
    ) -> np.ndarray:
        """Returns whether each photo has the same objects, one of the other network beside each."""
        pairs = zip(expected[self.output], found[self.output], strict=True)
        most = max(tolerance, _SAME)
        return np.array([max(self._apart(*pair), default=0.0) <= most for pair in pairs])

    def _apart(self, first: np.ndarray, second: np.ndarray) -> list[float]:
        """Returns how far each reported object of two answers is from the nearest in the other."""
        distances = []
        for rows, others in ((first, second), (second, first)):
            for one in rows[self.reported(rows)]:
                alike = others[(others[:, 5] == one[5]) & (others[:, 4] > 0)]
                apart = np.abs(alike[:, :5] - one[:5]).max(axis=1)
                distances.append(float(apart.min(initial=1.0)))
        return distances

    def numbers(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns how many objects of each class are found, and the best score.

        Returns:
            Float `(photos, classes + 1)`.
        """
        found = outputs[self.output]
        return counts_of(found, self.reported(found), self.class_names)

    def as_json(self, prediction: BoxPrediction) -> Json:
        """Returns the objects, each with its class, score and box, and the colours of classes."""
        return {**self.as_facts(prediction), "colours": prediction.colours}

    def as_facts(self, prediction: BoxPrediction) -> Json:
        """Returns the objects, each with its class, score and box, and the photo's size."""
        objects = zip(
            prediction.labels, prediction.scores.tolist(), prediction.boxes.tolist(), strict=True
        )
        found = [{"label": label, "score": score, "box": box} for label, score, box in objects]
        return {"objects": found, "size": list(prediction.size)}

    def as_png(self, prediction: BoxPrediction, item: object) -> bytes:
        """Returns the photo with its boxes drawn as a PNG."""
        return png(prediction.picture(item))

    def check_place(self, path: Path, count: int) -> None:
        """Refuses what is there already, since it might be photos, and one file for several."""
        if path.suffix.lower() == ".json":
            return
        advice = (
            "photos with boxes go into a new folder, or all boxes into a .json file; a single "
            "photo into a .png file."
        )
        check_new(path, count, advice)

    def write_predictions(self, predictions: Sequence[BoxPrediction], path: Path) -> None:
        """Writes the photos with boxes into a new folder, and `boxes.json`; or that file alone.

        Raises:
            OSError: The folder has files, or cannot be written.
            ValueError: Two photos would give pictures of one name.
        """
        self.check_place(path, len(predictions))
        if path.suffix.lower() != ".json":
            write_pngs(predictions, path, "name a file such as boxes.json, which holds both.")
        if path.suffix.lower() == ".png":
            return
        file = path if path.suffix.lower() == ".json" else path / "boxes.json"
        described = coco_of(list(zip(names_of(predictions), predictions, strict=True)))
        with written_whole(file) as draft:
            draft.write_text(json.dumps(described), "utf-8")

    def _prediction(self, rows: np.ndarray, one: Seen) -> BoxPrediction:
        """Makes a prediction of detections in pixels of the photo."""
        ids = np.rint(rows[:, 5]).astype(int)
        return BoxPrediction(
            labels=tuple(self.class_names[i] for i in ids),
            scores=rows[:, 4].astype(np.float32),
            boxes=rows[:, :4].astype(np.float32),
            class_names=self.class_names,
            size=one.size or self.frame,
            path=one.path,
        )


def counts_of(values: np.ndarray, reported: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Returns how many objects of each class are found, and the best score, `(n, classes + 1)`.

    Args:
        values: Detections, `(n, most, 6)`.
        reported: Which of them count, bool `(n, most)`.
        class_names: The names of the classes.
    """
    ids = np.rint(values[..., 5])
    counts = [(reported & (ids == i)).sum(axis=1) for i in range(len(class_names))]
    return np.stack([*counts, values[..., 4].max(axis=1)], axis=1).astype(float)
