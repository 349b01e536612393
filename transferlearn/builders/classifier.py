"""Defines what all builders of classifiers share, for images as for texts."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import keras

from transferlearn.builders.base import Builder
from transferlearn.builders.fitting import fit
from transferlearn.builders.planning import Split
from transferlearn.builders.prepared import Training
from transferlearn.checks import whole
from transferlearn.data import Classes, LoadedData, Reading, Tags
from transferlearn.features import Cache
from transferlearn.fitted import FittedModel
from transferlearn.heads import Activation, Decoder
from transferlearn.progress import obeys_verbose
from transferlearn.schedules import Schedule
from transferlearn.tasks import (
    ClassEncoding,
    Classification,
    ClassPrediction,
    TagEncoding,
    Tagging,
    Task,
)
from transferlearn.tasks.classification.task import class_weights
from transferlearn.tasks.losses import is_binary, takes_ids
from transferlearn.types import Callbacks, Source, Tensor, Verbose


@dataclass(frozen=True)
class Classifier(Builder[ClassPrediction]):
    """Builds and trains classifiers of any kind of data, with one class an item or with tags.

    Args:
        multi_label: Whether an item can have several classes.
        loss: A Keras loss; by default the cross-entropy that fits the head's outputs.
            `"binary_crossentropy"` gives two classes one sigmoid output.
        metrics: Keras metrics; by default accuracy (and AUC for sigmoid outputs).
    """

    multi_label: bool = False

    _makes: ClassVar[str] = "classifier"

    def __post_init__(self) -> None:
        super().__post_init__()
        if getattr(self, "mixup", 0.0) and takes_ids(self.loss):
            raise ValueError(
                "mixup mixes labels, and class ids cannot be mixed: leave out the loss, or take "
                f"'categorical_crossentropy'. Received: loss={self.loss!r}"
            )

    @property
    def task(self) -> Task[ClassPrediction]:
        """Gives the task: one class for each item, or with `multi_label` any number of them."""
        return Tagging() if self.multi_label else Classification()

    def build_head(self, features: Tensor, num_classes: int) -> Tensor:
        """Makes the head's layers; override it to write your own head.

        Args:
            features: The backbone's output, a `KerasTensor`.
            num_classes: How many classes there are.

        Returns:
            The output, a `KerasTensor` of shape `(batch, num_classes)`, or `(batch, 1)` with a
            sigmoid for two classes. The loss follows from its last activation; none means logits.
        """
        # Two classes are two outputs, so that a head with a softmax is right for them as well.
        two_as_one = is_binary(self.loss) and not self.multi_label and num_classes == 2
        outputs = 1 if two_as_one else num_classes
        single = self.multi_label or outputs == 1
        activation: Activation = "sigmoid" if single else "softmax"
        assert not isinstance(self.head, Decoder)
        return self.head(features, outputs, activation=activation)

    def build(self, num_classes: int) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Args:
            num_classes: The number of classes, at least 2; or 1 for one sigmoid output.

        Returns:
            A plain, flat, functional `keras.Model`: raw RGB pixels in [0, 255] of shape
            `(batch, height, width, 3)` in (of texts token ids, `(batch, tokens)`),
            `(batch, num_classes)` out, or `(batch, 1)` of two classes with
            `"binary_crossentropy"`. Frozen layers stay exactly as they are under `model.fit`.
            Without a `loss` it is compiled with sparse categorical cross-entropy (class ids), or
            binary cross-entropy for one output or `multi_label`.

        Example:
            model = tl.ImageClassifierBuilder("VGG16", freeze="all").build(num_classes=10)
            model.fit(train_ds, epochs=10)
        """
        return self._build(self._blank(num_classes))

    def summary(self, num_classes: int = 2, *, print_fn: Callable[[str], object] = print) -> None:
        """Prints, block by block, what is frozen or trained, and how many parameters that is."""
        self._summary(self._blank(num_classes), print_fn)

    def reading(self, class_names: Sequence[str] | None = None) -> Reading:
        """Gives the settings to read data by: the kind, the classes, and what to do on errors.

        Args:
            class_names: The classes in the order of their ids; by default found in the data.
        """
        target = Tags(class_names) if self.multi_label else Classes(class_names)
        return replace(super().reading(), target=target)

    def load(
        self,
        train: Source | LoadedData,
        validation_data: Source | None = None,
        *,
        validation_split: float | None = None,
        class_names: Sequence[str] | None = None,
    ) -> LoadedData:
        """Loads and checks training and validation data, which several trainings can then use.

        The arguments are those of `fit`. What this gives can be passed as `train` to `fit`,
        `prepare`, `tl.search` and `tl.find_learning_rate`.
        """
        split = Split.of(validation_split)
        return self._load(train, validation_data, split, self.reading(class_names))

    def prepare(
        self,
        train: Source | LoadedData,
        validation_data: Source | None = None,
        *,
        epochs: int | None = None,
        schedule: Schedule | str | None = None,
        validation_split: float | None = None,
        class_names: Sequence[str] | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        cache: str | bool | Cache = "auto",
    ) -> Training[ClassPrediction]:
        """Loads the data and builds the network, but trains nothing yet.

        The arguments are those of `fit`, which is `prepare` and `Training.run` in one call.
        """
        return self._prepare(
            lambda plan: self._load(
                train, validation_data, Split.of(validation_split, plan), self.reading(class_names)
            ),
            schedule=schedule,
            cache=cache,
            epochs=epochs,
            validation_data=validation_data,
            validation_split=validation_split,
            class_names=class_names,
            class_weight=class_weight,
            weigh=lambda dataset: class_weights(class_weight, dataset),
        )

    @obeys_verbose
    def fit(
        self,
        train: Source | LoadedData,
        validation_data: Source | None = None,
        *,
        epochs: int | None = None,
        schedule: Schedule | str | None = None,
        validation_split: float | None = None,
        class_names: Sequence[str] | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        cache: str | bool | Cache = "auto",
        callbacks: Callbacks = None,
        verbose: Verbose = "auto",
        resume: str | os.PathLike[str] | None = None,
        on_interrupt: Literal["raise", "return"] = "raise",
        reference: bool = True,
    ) -> FittedModel[ClassPrediction]:
        """Trains and gives the fitted model: `prepare` and `Training.run` in one call.

        Args:
            train: A folder with a folder for each class (or with `train` and `validation` in it),
                `(x, y)` or `(x, y, sample_weight)`, a CSV file or DataFrame of items and labels, a
                `tf.data.Dataset`, an `ImageDataGenerator` iterator or another `PyDataset`; or what
                `load` gave.
            validation_data: Another such source. Without it, the share `validation_split` of
                folders, arrays and tables is held out, stratified by class; of streams nothing is.
            epochs: The epochs of all phases together; by default the schedule chooses, mostly 10.
            schedule: A `tl.Schedule`, or `"auto"`, `"one-phase"`, `"probe"`, `"fine-tune"` or
                `"gradual"`; it says what is frozen in which epochs. By default `"auto"`, or with a
                `freeze` `"one-phase"`.
            validation_split: The share in [0, 1) to hold out, chosen by what the items hold and by
                the builder's `seed`; by default the schedule chooses: a tenth, or with `"auto"`
                nothing of fewer than 1,000 items. If the head is solved and nothing is trained
                after that, the final solution is computed with that share too.
            class_names: The classes in the order of their ids; by default found in the data.
            class_weight: `"balanced"` (all classes count alike), or a mapping from class names or
                ids to weights; sample weights are multiplied by it.
            cache: Whether the output of frozen layers is computed once and stored: `"auto"` where
                that saves time, `True` (`ValueError` where it cannot be), `False`, or a `tl.Cache`
                that says where and how. The weights are the same either way, but for rounding.
            callbacks: Keras callbacks, which see the full model and epochs numbered throughout.
            verbose: What `model.fit` takes; with 0 nothing is printed.
            resume: The folder of this run, such as `"runs/flowers"`, to which the state is written
                after each epoch. The same call goes on there, after whatever stopped it.
            on_interrupt: What Ctrl-C does: `"raise"` raises `KeyboardInterrupt` with the model with
                its best weights so far as `.fitted`, `"return"` returns that model.
            reference: Whether, at the end and in at most 3% of the time or one second, items are
                measured for `tl.monitor`. What of them a save then holds, docs/monitoring.md says.

        Returns:
            A `FittedModel`; this builder and all that was passed stay as they were.

        Raises:
            ValueError: The data or settings cannot work; nothing has been trained then. Or
                `resume` holds a run with other data or settings; each difference is named.
            OSError: The folder `resume` cannot be used.
        """
        return fit(
            lambda: self.prepare(
                train,
                validation_data,
                epochs=epochs,
                schedule=schedule,
                validation_split=validation_split,
                class_names=class_names,
                class_weight=class_weight,
                cache=cache,
            ),
            callbacks=callbacks,
            verbose=verbose,
            resume=resume,
            on_interrupt=on_interrupt,
            reference=reference,
        )

    def _blank(self, num_classes: int) -> ClassEncoding:
        """Makes an encoding for building without data: the classes are named by their ids."""
        count = whole("num_classes", num_classes, least=1)
        names = tuple(map(str, range(count)))
        family = TagEncoding if self.multi_label else ClassEncoding
        return family(class_names=names, units=count)
