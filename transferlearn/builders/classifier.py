"""Defines the builders of classifiers: what all share, and those of images, texts and sounds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from transferlearn.builders.audio import AudioBuilder
from transferlearn.builders.base import Builder
from transferlearn.builders.images import ImageBuilder
from transferlearn.builders.texts import TextBuilder
from transferlearn.checks import whole
from transferlearn.data import Classes, Dataset, Tags
from transferlearn.data.targets import Weigh
from transferlearn.heads import Activation, Decoder
from transferlearn.schedules import AutoForTexts, Schedule
from transferlearn.tasks import (
    ClassEncoding,
    Classification,
    ClassPrediction,
    TagEncoding,
    Tagging,
    Task,
)
from transferlearn.tasks.classification.encoding import class_weights
from transferlearn.tasks.classification.losses import is_binary, takes_ids
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


@dataclass(frozen=True)
class ImageClassifierBuilder(ImageBuilder[ClassPrediction], Classifier):
    """Fine-tunes a pretrained network to classify one's own images.

    When to use it: with a few dozen to a few million labelled images. Images go in as they are, RGB
    pixels in [0, 255]; each network's own preprocessing is inside the model.

    Args:
        backbone: A name (`transferlearn backbones` lists them), a functional `keras.Model` without
            its head, or a `tl.backbones.Backbone`.
        weights: `"imagenet"`, the path of a weight file, or `None` for random weights.
        head: The layers behind the backbone, such as `tl.heads.PooledDense()`.
        freeze: `"all"`, `"none"`, the name of a layer or block (up to and with it), a number of
            layers, a share in (0, 1) of those that have weights, or a `tl.freezing` strategy. By
            default the schedule chooses; `build` then freezes a pretrained backbone whole, and a
            random one not at all.
        batch_norm: `"frozen"` keeps the backbone's BatchNorm (gamma, beta, statistics) fixed in
            trained blocks too; `"train"` trains it there, as always with `weights=None`.
        optimizer: The name of a Keras optimizer, or an optimizer, of which copies are used.
        learning_rate: The learning rate; by default the optimizer's own.
        loss, metrics, multi_label, class_names, class_weight: See `tl.builders.Classifier`.
        batch_size: The number of images in a step.
        precision: A Keras dtype policy: `"mixed_bfloat16"` or `"mixed_float16"` for GPUs.
        on_error: What to do with broken files: `"skip"` them (and say so) or `"raise"`.
        groups: Which items belong together (photos of a patient, a camera, a day), so that none is
            held out without the others: the name of a table's column; a function that gives the
            name of a group for a path; or for `(x, y)` a group for each item. Duplicates belong
            together anyway.
        seed: Makes a run repeatable (it sets Python's, NumPy's and the backend's seeds). Another
            one holds out other items; `None` holds out those of 0.
        image_size, value_range, augmentation, views, mixup: See `tl.builders.ImageBuilder`.

    Example:
        head = tl.heads.FlattenDense(units=(128,))
        builder = tl.ImageClassifierBuilder("VGG16", head=head, freeze="all")
        fitted = builder.fit("train", validation_data="validation", epochs=10)
    """


@dataclass(frozen=True)
class TextClassifierBuilder(TextBuilder[ClassPrediction], Classifier):
    """Fine-tunes a pretrained encoder, such as BERT, to classify one's own texts.

    When to use it: with a few hundred labelled texts or more, for sentiment, topics, intents.
    Strings go in as they are: the fitted model has the tokenizer, padding and masks inside.

    Args:
        backbone, weights, pooling, sequence_length, long_texts, learning_rate: See
            `tl.builders.TextBuilder`.
        head, freeze, optimizer, loss, metrics, multi_label, class_names, class_weight, batch_size,
            precision, on_error, groups, seed: See `ImageClassifierBuilder`.

    By default `fit` solves the head on the frozen encoder, and then trains the upper half of the
    encoder with it (`tl.schedules.AutoForTexts`). `schedule="probe"` stops after the head, which
    takes seconds; `freeze="none", schedule="fine-tune"` trains all layers.

    Example:
        builder = tl.TextClassifierBuilder("keras_hub:bert_base_en_uncased")
        fitted = builder.fit((texts, labels))
        fitted.predict("a fine film").class_name
    """

    auto: ClassVar[Schedule] = AutoForTexts()


@dataclass(frozen=True)
class AudioClassifierBuilder(AudioBuilder[ClassPrediction], Classifier):
    """Fine-tunes a pretrained network to classify one's own recordings.

    When to use it: for words of a command, machines, birds, alarms, with a few dozen recordings of
    each class or more. Files go in as they are; the spectrogram is inside the model.

    Args:
        backbone, weights, sample_rate, seconds, augmentation, views: See
            `tl.builders.AudioBuilder`.
        head, freeze, batch_norm, optimizer, learning_rate, batch_size, precision, on_error, groups,
            seed: See `ImageClassifierBuilder`. With `groups`, all recordings of a speaker stay on
            one side.
        loss, metrics, multi_label, class_names, class_weight: See `tl.builders.Classifier`.

    Example:
        builder = tl.AudioClassifierBuilder("EfficientNetLite0")
        fitted = builder.fit("sounds")  # sounds/<class>/*.wav
        fitted.predict("door.wav").class_name
    """
