"""What a training leaves behind: a plain Keras model that knows what goes in and what comes out."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import keras
import numpy as np
from PIL import Image

from transferlearn import data
from transferlearn.backbones.saved_model import copy_programs
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.data.kind import Kind
from transferlearn.data.messages import indented, notice
from transferlearn.fitted.saving import write_save
from transferlearn.schedules import PhaseResult
from transferlearn.tasks import Encoding, Evaluation, Seen

Prediction = TypeVar("Prediction")

_LISTED = 10
# JAX keeps a model's state in the model while it predicts, and TensorFlow compiles once only.
_predicting = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Outline:
    """Says how a model was trained.

    Attributes:
        backbone: Its name.
        source: Where the pretrained weights came from.
        batch_size: Items at a time.
        settings: What the builder (and `fit`'s `schedule` and `callbacks`) was set to otherwise
            than by default, as `transferlearn.configs` writes it.
        backbone_layers: How many there are; `None` where none of this was written down.
        train_items: Items it was trained on; `None` where a stream does not tell.
        validation_items: Items held out.
        baseline: The score of always giving the commonest answer on those.
    """

    backbone: str
    source: str
    batch_size: int
    settings: dict[str, Any] = field(default_factory=dict)
    backbone_layers: int | None = None
    train_items: int | None = None
    validation_items: int | None = None
    baseline: float | None = None


@dataclass(kw_only=True, repr=False)
class FittedModel(Generic[Prediction]):
    """Holds a fine-tuned model, and knows how items are read and what its outputs mean.

    Attributes:
        model: A plain, flat `keras.Model`: of images it takes raw RGB pixels in [0, 255], of shape
            `(batch, height, width, 3)`, of texts token ids, int32 `(batch, tokens)`.
        kind: What goes in: images of one size, or texts and their tokenizer.
        encoding: What was learnt of the targets, such as the names of the classes.
        history: A Keras `History` of all phases; its epochs run on.
        phases: What each phase did.
        outline: How it was trained.
        skipped: Items to train on that were left out.
    """

    model: keras.Model
    kind: Kind
    encoding: Encoding[Prediction]
    history: keras.callbacks.History
    phases: tuple[PhaseResult, ...]
    outline: Outline
    skipped: tuple[data.Skipped, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Gives the classes in the order of the outputs, where there are classes."""
        names: tuple[str, ...] | None = getattr(self.encoding, "class_names", None)
        if names is None:
            raise AttributeError(f"A model of {self.encoding.name} has no classes.")
        return names

    @property
    def epoch(self) -> int:
        """Says of which epoch the weights are, from 1 on; with an EMA, their average."""
        epoch, begun = 1, 0
        for phase in self.phases:
            kept = phase.epochs if phase.kept_epoch is None else phase.kept_epoch
            epoch = begun + kept if kept else epoch
            begun += phase.epochs
        return epoch

    def __repr__(self) -> str:
        parts = [repr(self.outline.backbone), self.encoding.summary()]
        metrics = self.phases[-1].metrics if self.phases else {}
        key = self.encoding.score.key
        if key in metrics:
            items = self.outline.validation_items
            parts.append(f"{key} {metrics[key]:.4g}" + (f" on {items:,} items" if items else ""))
        return f"{type(self).__name__}({', '.join(parts)})"

    @overload
    def predict(self, items: str | Path | Image.Image, *, on_error: str = ...) -> Prediction: ...

    @overload
    def predict(
        self, items: list[Any] | tuple[Any, ...], *, on_error: str = ...
    ) -> list[Prediction]: ...

    @overload
    def predict(self, items: object, *, on_error: str = ...) -> Prediction | list[Prediction]: ...

    def predict(self, items: Any, *, on_error: str = "skip") -> Prediction | list[Prediction]:
        """Says what the model makes of items.

        Args:
            items: Images: a path, a list of paths, a folder, a PIL image or a list of them, an
                array `(height, width, 3)` or `(batch, height, width, 3)` of raw pixels in [0, 255],
                or a dataset; files are resized as they were in training. Texts: a string, a list or
                an array of strings, a `Path` of a `.txt` file, of a folder of them or a list of
                such files, or a `tf.data.Dataset` of strings.
            on_error: What to do with a broken file among several: `"skip"` (and say so) or
                `"raise"`.

        Returns:
            A prediction for a single item, else a list of them, in order. (A folder is typed as a
            single item, since a type cannot tell its path from a file's.)

        Raises:
            OSError: There is no such file.
            ValueError: A single item that cannot be read, or pixels that are not in [0, 255].

        Example:
            fitted.predict("photo.jpg").class_name
        """
        single = self.kind.is_one(items)
        if single and (one := self.kind.one(items)) is not None:
            return self._decoded(self._values(one.batch), [one.path])[0]
        dataset = self.kind.unlabelled(items, on_error="raise" if single else on_error)
        values = self._all_values(dataset)
        paths: Sequence[str | None] = [None] * len(values)
        if dataset.names:
            rows = dataset.first_rows if isinstance(dataset, ItemDataset) else range(len(values))
            paths = [dataset.names[row] for row in rows]
        found = self._decoded(values, paths)
        return found[0] if single else found

    def evaluate(self, labelled: Any, *, on_error: str = "skip") -> Evaluation:
        """Scores the model on items with targets.

        Args:
            labelled: Whatever `fit` takes: a folder, arrays, a table, a dataset.
            on_error: What to do with items that cannot be used: `"skip"` (and say so) or
                `"raise"`.

        Returns:
            Figures by key and attribute: of classes `count`, `accuracy`, `majority`, `loss`, each
            class's recall and more; of numbers `mae`, `rmse`, `r2` and more.

        Raises:
            ValueError: Targets that the model does not know.
        """
        dataset = data.load(labelled, self.kind, self.encoding.target, on_error=on_error)
        if isinstance(dataset, ItemDataset):
            values = self._all_values(dataset)
            return self.encoding.measure(values, dataset.learnt[dataset.first_rows])
        return self.encoding.measure(*self._with_targets(dataset))

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
        self.kind.write(folder)

    def _values(self, batch: Any) -> np.ndarray:
        """Runs the model on one batch."""
        with _predicting:
            outputs = self.model.predict_on_batch(batch)
        return self.encoding.values(outputs)

    @without_retracing_advice()
    def _all_values(self, dataset: Dataset) -> np.ndarray:
        """Runs the model on all items of a dataset, in its order."""
        with _predicting:
            outputs = dataset.run(self.model, batch_size=self.outline.batch_size)
        return dataset.of_items(self.encoding.values(outputs))

    @without_retracing_advice()
    def _with_targets(self, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Reads a stream once; targets of any form come as the encoding measures them."""
        batches = dataset.batches(batch_size=self.outline.batch_size, encode=self.encoding.raw)
        pairs = [(self._values(x), np.asarray(y)) for x, y, *_ in iterate(batches)]
        values, targets = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        return values, targets

    def _decoded(self, values: np.ndarray, paths: Sequence[str | None]) -> list[Prediction]:
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if lost := [i for i, is_finite in enumerate(finite) if not is_finite]:
            lines = [paths[i] or f"item {i}" for i in lost]
            notice(
                f"The model's answer is no number, so what it says means nothing, for {len(lost)} "
                f"of {len(values)} items:{indented(lines, _LISTED)}"
            )
        return self.encoding.decode(values, [Seen(path) for path in paths])
