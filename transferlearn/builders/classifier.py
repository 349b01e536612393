"""Defines what all builders of classifiers share, for images as for texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from transferlearn.builders.base import Builder
from transferlearn.checks import whole
from transferlearn.data import Classes, Dataset, Tags
from transferlearn.data.targets import Weigh
from transferlearn.heads import Activation, Decoder
from transferlearn.tasks import (
    ClassEncoding,
    Classification,
    ClassPrediction,
    TagEncoding,
    Tagging,
    Task,
)
from transferlearn.tasks.classification.losses import is_binary, takes_ids
from transferlearn.tasks.classification.task import class_weights
from transferlearn.types import Tensor


@dataclass(frozen=True)
class Classifier(Builder[ClassPrediction]):
    """Builds and trains classifiers of any kind of data, with one class an item or with tags.

    Args:
        multi_label: Whether an item can have several classes.
        class_names: The classes in the order of their ids; by default found in the data.
        class_weight: `"balanced"` (all classes count alike), or a mapping from class names or ids
            to weights; sample weights are multiplied by it.
        loss: A Keras loss; by default the cross-entropy that fits the head's outputs.
            `"binary_crossentropy"` gives two classes one sigmoid output.
        metrics: Keras metrics; by default accuracy (and AUC for sigmoid outputs).
    """

    multi_label: bool = False
    class_names: Sequence[str] | None = None
    class_weight: Mapping[Any, float] | str | None = None

    _makes: ClassVar[str] = "classifier"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "class_names", Classes(self.class_names).class_names)
        if getattr(self, "mixup", 0.0) and takes_ids(self.loss):
            raise ValueError(
                "mixup mixes labels, and class ids cannot be mixed: leave out the loss, or take "
                f"'categorical_crossentropy'. Received: loss={self.loss!r}"
            )

    @property
    def task(self) -> Task[ClassPrediction]:
        """The task: one class for each item, or with `multi_label` any number of them."""
        if self.multi_label:
            return Tagging(Tags(self.class_names))
        return Classification(Classes(self.class_names))

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

    def _weigh(self, train: Dataset) -> Weigh | None:
        """Returns the weights of items by their class."""
        return class_weights(self.class_weight, train)

    def _blank(self, num_classes: int) -> ClassEncoding:
        """Makes an encoding for building without data: the classes are named by their ids."""
        count = whole("num_classes", num_classes, least=1)
        names = tuple(map(str, range(count)))
        family = TagEncoding if self.multi_label else ClassEncoding
        return family(class_names=names, units=count)
