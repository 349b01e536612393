"""Measures a pretrained classifier, with its own ImageNet top, on images in folders."""

import time
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from transferlearn import backbones, data
from transferlearn.backbones import Weights
from transferlearn.data.targets import ClassTargets
from transferlearn.fitted.outputs import check_finite
from transferlearn.json_fields import Json
from transferlearn.pretrained.class_index import find_classes, read_class_index
from transferlearn.tasks import Evaluation, Share
from transferlearn.tasks.answering import of_rows
from transferlearn.tasks.classification.figures import top_accuracy
from transferlearn.tasks.intervals import Interval, wilson

_TOP = 5


class Guess(NamedTuple):
    """Holds one of the likeliest classes of an image.

    Attributes:
        class_name: The name of the class.
        probability: Its probability, in [0, 1].
    """

    class_name: str
    probability: float


@dataclass(frozen=True, eq=False, repr=False)
class PretrainedEvaluation(Evaluation):
    """Holds how often a pretrained classifier is right; `parts` has the classes that have images.

    Its figures are `count`, `accuracy` (top-1), `top_5_accuracy`, `published_accuracy` (on
    ImageNet's own validation set, where that is known), and for each class `recall: NAME`,
    `top_5: NAME` and `support: NAME`.

    Attributes:
        class_names: The names of all classes of the classifier, in the order of its outputs.
    """

    _: KW_ONLY
    class_names: tuple[str, ...]

    def likeliest(self, count: int = _TOP) -> list[list[Guess]]:
        """Returns the likeliest classes of each image, the likeliest first."""
        assert self.model_values is not None
        best = np.argsort(-self.model_values, axis=1, kind="stable")[:, :count]
        return [
            [Guess(self.class_names[i], float(row[i])) for i in places]
            for row, places in zip(self.model_values, best, strict=True)
        ]

    def to_dict(self) -> Json:
        """Returns figures and intervals, and for each image its path and its likeliest class."""
        likeliest = zip(self.paths, self.likeliest(1), strict=True)
        best = [{"path": path, **guess._asdict()} for path, (guess,) in likeliest]
        return super().to_dict() | {"predictions": best}


def evaluate_pretrained(
    network: str | keras.Model,
    folder: str | Path,
    *,
    class_index: str | Path | None = None,
    weights: Weights = "imagenet",
    batch_size: int = 32,
    on_error: str = "skip",
) -> PretrainedEvaluation:
    """Measures how often a pretrained classifier is right on your images, without any training.

    When to use it: to see whether weights and preprocessing are what they should be, since the
    accuracies on ImageNet are published (VGG16: 71.3%), and how far a pretrained classifier goes on
    photos like yours. All of its classes take part, also those without a folder.

    Args:
        network: The name of a network with an ImageNet top: all of `keras.applications`, and
            `"EfficientNetLite0"`; or a `keras.Model` that takes raw RGB pixels in [0, 255] and
            gives a probability for each class.
        folder: A folder with a folder for each class, named by the class (`tabby`, `Tiger cat`) or
            by its WordNet id (`n02123045`).
        class_index: A JSON file with the classes, in the form of Keras's
            `imagenet_class_index.json`, which is downloaded where none is given.
        weights: `"imagenet"`, or the path of a weight file of the whole network.
        batch_size: The number of images in a batch.
        on_error: What to do with broken files: `"skip"` them (and say so) or `"raise"`.

    Returns:
        Top-1 and top-5 accuracy with Wilson's intervals. Images are resized whole, as everywhere
        in this package; published figures are of the middle of each image, and mostly some tenths
        of a percent higher.

    Raises:
        ValueError: A folder has no class's name, the network has no top, or gives NaN or numbers
            that are no probabilities.
        OSError: Weights or class names are missing and cannot be downloaded.

    Example:
        print(tl.evaluate_pretrained("VGG16", "imagenet/validation"))
    """
    index = read_class_index(class_index)
    model, published = _classifier(network, weights)
    if tuple(model.output_shape) != (None, len(index.names)):
        raise ValueError(
            f"The network must give one number for each of {len(index.names)} classes. "
            f"Received: outputs of shape {model.output_shape}. Another list of classes can be "
            "passed as class_index."
        )
    kind = data.Images(image_size=backbones.default_image_size(model))
    dataset = data.load(folder, kind, data.Classes(), on_error=on_error)
    targets = dataset.learnt
    assert isinstance(targets, ClassTargets)
    assert targets.labels is not None
    ids = find_classes(index, targets.class_names)[targets.labels]
    started = time.perf_counter()
    values = np.asarray(of_rows(model, dataset, batch_size), dtype="float32")
    seconds = time.perf_counter() - started
    paths = tuple(dataset.paths or [None] * len(values))
    check_finite(values, paths)
    if values.min() < 0 or not np.allclose(values.sum(axis=1), 1, atol=1e-2):
        raise ValueError(
            "The network gives numbers that are no probabilities of classes: end it with "
            'Dense(..., activation="softmax").'
        )
    figures, intervals = _figures(values, ids, index.labels, published)
    return PretrainedEvaluation(
        figures,
        intervals,
        interval_methods=dict.fromkeys(intervals, "Wilson"),
        score=Share("accuracy"),
        model_values=values,
        targets=ids,
        paths=paths,
        seconds=seconds,
        class_names=index.labels,
    )


def _classifier(network: str | keras.Model, weights: Weights) -> tuple[keras.Model, float | None]:
    """Returns the classifier, and its published accuracy as a share, if that is known."""
    if not isinstance(network, str):
        return network, None
    top1 = backbones.facts(network).top1 if weights == "imagenet" else None
    return backbones.get_classifier(network, weights=weights), None if top1 is None else top1 / 100


def _figures(
    values: np.ndarray, ids: np.ndarray, names: Sequence[str], published: float | None
) -> tuple[dict[str, float], dict[str, Interval]]:
    """Returns the figures and their intervals, of all images and of each class that has some."""
    figures: dict[str, float] = {"count": len(ids)}
    counts: dict[str, int] = {}
    groups = [("", np.arange(len(ids)))]
    groups += [(f": {names[i]}", np.flatnonzero(ids == i)) for i in np.unique(ids)]
    for end, rows in groups:
        top_1, top_5 = (
            ("accuracy", f"top_{_TOP}_accuracy") if not end else ("recall", f"top_{_TOP}")
        )
        for name, count in ((top_1, 1), (top_5, _TOP)):
            figures[name + end] = top_accuracy(values[rows], ids[rows], count)
            counts[name + end] = len(rows)
        if end:
            figures["support" + end] = len(rows)
        elif published is not None:
            figures["published_accuracy"] = published
    return figures, {name: wilson(figures[name], count) for name, count in counts.items()}
