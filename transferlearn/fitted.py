"""What a training leaves behind: a plain Keras model that knows its classes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from transferlearn import data
from transferlearn.backbones.saved_model import copy_programs
from transferlearn.evaluation import Evaluation, evaluate
from transferlearn.saving import write_save
from transferlearn.schedules import PhaseResult

_NAMED = 5  # classes, where the model is printed
_LISTED = 10
_MANY_ITEMS = 500  # for these, `predict` and `evaluate` show how far they are


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the model says of one item.

    Attributes:
        class_name: The likeliest class.
        probability: Of that class, in [0, 1].
        probabilities: Of every class.
        labels: The classes it has: the likeliest one, or with several labels an item all that are
            at 0.5 or above.
        path: Of the file, where there was one.
    """

    class_name: str
    probability: float
    probabilities: dict[str, float]
    labels: tuple[str, ...]
    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What one has to know, besides the model, to use it.

    Attributes:
        backbone: Its name.
        source: Where the pretrained weights came from.
        activation: Of the outputs: `"softmax"`, `"sigmoid"` or `"linear"`.
        multi_label: Whether an item can have several classes.
        batch_size: Items at a time.
        image_size: `(height, width)` in pixels; `None` where it is no model of images.
        interpolation: How images were resized in training.
        value_range: What the builder said of the pixels' range, or `None`.
        sequence_length: The most tokens of a text; `None` where it is no model of texts.
        long_texts: What becomes of texts that have more: `"truncate"` or `"split"`.
        settings: What the builder (and `fit`'s `schedule` and `callbacks`) was set to otherwise
            than by default, as text.
        backbone_layers: How many there are; `None` where none of this was written down.
        train_items: Items it was trained on; `None` where a stream does not tell.
        validation_items: Items held out.
        majority: The accuracy of always giving the commonest answer on those.
    """

    backbone: str
    source: str
    activation: str
    multi_label: bool
    batch_size: int
    image_size: tuple[int, int] | None = None
    interpolation: str = "bilinear"
    value_range: tuple[int, int] | None = None
    sequence_length: int | None = None
    long_texts: str = "truncate"
    settings: dict[str, str] = field(default_factory=dict)
    backbone_layers: int | None = None
    train_items: int | None = None
    validation_items: int | None = None
    majority: float | None = None


@dataclass(kw_only=True, repr=False)
class FittedModel:
    """A fine-tuned model with its class names.

    Attributes:
        model: A plain, flat `keras.Model` that takes raw RGB pixels in [0, 255], of shape
            `(batch, height, width, 3)`, and gives `(batch, outputs)`.
        class_names: In the order of the outputs.
        history: A Keras `History` of all phases; its epochs run on.
        phases: What each phase did.
        outline: Image size, backbone and the like.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    history: keras.callbacks.History
    phases: tuple[PhaseResult, ...]
    outline: Outline
    skipped: tuple[Any, ...] = ()

    @property
    def epoch(self) -> int:
        """Which epoch of the history the weights are of, from 1 on; with an EMA, their average."""
        epoch, begun = 1, 0
        for phase in self.phases:
            kept = phase.epochs if phase.kept_epoch is None else phase.kept_epoch
            epoch = begun + kept if kept else epoch
            begun += phase.epochs
        return epoch

    def __repr__(self) -> str:
        count = len(self.class_names)
        names = ", ".join([*self.class_names[:_NAMED], *["..."] * (count > _NAMED)])
        return f"{type(self).__name__}({self.outline.backbone!r}, {count} classes: {names})"

    def predict(self, images: Any, *, on_error: str = "skip") -> Any:
        """Says what images show.

        Args:
            images: A path, a list of paths, a folder, a PIL image or a list of them, an array
                `(height, width, 3)` or `(batch, height, width, 3)` of raw pixels in [0, 255], or a
                dataset. Files are resized as they were in training.
            on_error: What to do with a broken file among several: `"skip"` (and say so) or
                `"raise"`.

        Returns:
            A `Prediction` for a single image, else a list of them, in order.

        Raises:
            OSError: There is no such file.
            ValueError: A single image that cannot be read, or pixels that are not in [0, 255].

        Example:
            fitted.predict("photo.jpg").class_name
        """
        single = data.is_one_image(images)
        dataset = data.load_images(
            images,
            image_size=self._image_size,
            interpolation=self.outline.interpolation,
            value_range=self.outline.value_range,
            on_error="raise" if single else on_error,
        )
        found = self._predictions(dataset)
        return found[0] if single else found

    def evaluate(self, labelled: Any, *, on_error: str = "skip") -> Evaluation:
        """Scores the model on labelled images.

        Args:
            labelled: Whatever `fit` takes: a folder, arrays, a table, a dataset.
            on_error: What to do with broken files: `"skip"` (and say so) or `"raise"`.

        Returns:
            `count`, `accuracy`, `majority`, `loss` and each class's recall, by key and attribute.

        Raises:
            ValueError: Classes that the model does not know.
        """
        dataset = data.load(
            labelled,
            image_size=self._image_size,
            class_names=self.class_names,
            interpolation=self.outline.interpolation,
            multi_label=self.outline.multi_label,
            value_range=self.outline.value_range,
            on_error=on_error,
        )
        return self._scores(dataset)

    def save(self, path: str | Path) -> None:
        """Writes the folder `path`: `model.keras` and `transferlearn.json`.

        The model is a plain Keras file: `keras.models.load_model(path / "model.keras")` works where
        this package is not installed. An earlier save at `path` is replaced as a whole, or, where
        writing fails or is cut short, stays whole.

        Raises:
            OSError: `path` holds something that is no save of this package, or cannot be written.
        """
        write_save(self, Path(path))

    def write_parts(self, folder: Path) -> None:
        """Writes what belongs to a save besides the model, as files in `folder`."""
        copy_programs(self.model, folder)

    @property
    def _image_size(self) -> tuple[int, int]:
        assert self.outline.image_size is not None
        return self.outline.image_size

    def _predictions(self, dataset: data.Dataset) -> list[Prediction]:
        paths, found = dataset.names, self._probabilities(dataset)
        if lost := [i for i, row in enumerate(found) if not np.isfinite(row).all()]:
            lines = [paths[i] if paths else f"item {i}" for i in lost]
            data.notice(
                f"The model's answer is no number, so the class says nothing, for {len(lost)} of "
                f"{len(found)} items:{data.listing(lines, _LISTED)}"
            )
        return [self._prediction(row, paths[i] if paths else None) for i, row in enumerate(found)]

    def _scores(self, dataset: data.Dataset) -> Evaluation:
        if isinstance(dataset, data.ItemDataset):
            probabilities, labels = self._probabilities(dataset), np.asarray(dataset.labels)
        else:
            probabilities, labels = self._with_labels(dataset)
        multi_label = self.outline.multi_label
        return evaluate(probabilities, labels, self.class_names, multi_label=multi_label)

    @data.without_retracing_advice()
    def _probabilities(self, dataset: data.Dataset) -> np.ndarray:
        batches = data.without_autotune(dataset.batches(batch_size=self.outline.batch_size))
        is_long = dataset.size is None or dataset.size > _MANY_ITEMS
        return self._to_probabilities(self.model.predict(batches, verbose=int(is_long)))

    @data.without_retracing_advice()
    def _with_labels(self, dataset: data.Dataset) -> tuple[np.ndarray, np.ndarray]:
        # Streams give labels of their own kind; rows mean the same for all of them.
        batches = dataset.batches(batch_size=self.outline.batch_size, encoding="one-hot")
        pairs = [
            (self.model.predict_on_batch(np.asarray(batch[0])), np.asarray(batch[1]))
            for batch in data.iterate(batches)
        ]
        outputs, labels = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        return self._to_probabilities(outputs), labels

    def _to_probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Turns outputs into one probability a class: `(items, classes)`."""
        if self.outline.activation == "linear":
            independent = self.outline.multi_label or outputs.shape[1] == 1
            squash = keras.activations.sigmoid if independent else keras.activations.softmax
            outputs = keras.ops.convert_to_numpy(squash(keras.ops.convert_to_tensor(outputs)))
        if outputs.shape[1] == 1 and len(self.class_names) == 2:
            return np.concatenate([1 - outputs, outputs], axis=1)
        return outputs

    def _prediction(self, row: np.ndarray, path: str | None) -> Prediction:
        best = int(row.argmax())
        chosen = np.flatnonzero(row >= 0.5) if self.outline.multi_label else [best]
        return Prediction(
            class_name=self.class_names[best],
            probability=float(row[best]),
            probabilities=dict(zip(self.class_names, map(float, row), strict=True)),
            labels=tuple(self.class_names[i] for i in chosen),
            path=path,
        )
