"""Defines the builders of regressors: what all share, and those of images, texts and sounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import keras

from transferlearn.builders.audio import AudioBuilder
from transferlearn.builders.base import Builder
from transferlearn.builders.images import ImageBuilder
from transferlearn.builders.texts import TextBuilder
from transferlearn.checks import whole
from transferlearn.data import Numbers
from transferlearn.schedules import AutoForNumbers, Schedule
from transferlearn.tasks import NumberEncoding, NumberPrediction, Regression, Task


@dataclass(frozen=True)
class Regressor(Builder[NumberPrediction]):
    """Builds and trains networks that predict one number or several for each item.

    Args:
        target_names: The names of the numbers, in the order of the outputs; in a table, the names
            of their columns. By default a table's column `target`, `value`, `number`, `y`, `score`
            or `label`, or the only column that is left.
        loss: `"mse"` (the default), `"mae"`, `"huber"`, `"log_cosh"`, or a loss of your own. It
            gets standardised numbers: their mean is taken away, and their standard deviation is the
            unit.
        metrics: Keras metrics, in the numbers' own units; by default the mean absolute error and
            R2.
    """

    target_names: Sequence[str] | str | None = None

    auto: ClassVar[Schedule] = AutoForNumbers()
    _makes: ClassVar[str] = "regressor"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "target_names", Numbers(self.target_names).names)

    @property
    def task(self) -> Task[NumberPrediction]:
        """The task: regression of the numbers with these names."""
        return Regression(Numbers(self.target_names))

    def build(self, num_outputs: int = 1) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Args:
            num_outputs: How many numbers are predicted for each item.

        Returns:
            A plain, flat, functional `keras.Model`, with numbers `(batch, num_outputs)` out, as the
            head gives them: standardise targets that lie far from 0 or far apart, or use `fit`.

        Example:
            model = tl.ImageRegressorBuilder("VGG16", freeze="all").build()
            model.fit(train_ds, epochs=10)
        """
        return self._build(_blank(num_outputs))

    def summary(self, num_outputs: int = 1, *, print_fn: Callable[[str], object] = print) -> None:
        """Prints, block by block, what is frozen or trained, and how many parameters that is."""
        self._summary(_blank(num_outputs), print_fn)


def _blank(num_outputs: int) -> NumberEncoding:
    """Makes an encoding for building without data, which leaves the numbers as they are."""
    count = whole("num_outputs", num_outputs, least=1)
    names = tuple(f"number {i}" for i in range(count))
    return NumberEncoding(names=names, mean=(0.0,) * count, spread=(1.0,) * count)


@dataclass(frozen=True)
class ImageRegressorBuilder(ImageBuilder[NumberPrediction], Regressor):
    """Fine-tunes a pretrained network to predict one number or several of one's own images.

    When to use it: for ages, prices, counts, angles or scores, with a few dozen to a few million
    images whose numbers are known. Images go in as they are; numbers come out in their own units,
    and the saved `.keras` model gives them in these units too.

    Args:
        backbone, weights, head, freeze, batch_norm, optimizer, learning_rate, batch_size,
            precision, on_error, groups, seed: See `ImageClassifierBuilder`.
        target_names, loss, metrics: See `tl.builders.Regressor`.
        image_size, value_range, augmentation, views, mixup: See `tl.builders.ImageBuilder`.

    Example:
        builder = tl.ImageRegressorBuilder("EfficientNetLite0", target_names="price", seed=0)
        fitted = builder.fit("houses.csv")
        fitted.predict("house.jpg").value
    """


@dataclass(frozen=True)
class TextRegressorBuilder(TextBuilder[NumberPrediction], Regressor):
    """Fine-tunes a pretrained encoder, such as BERT, to predict one number or several of texts.

    When to use it: for stars, prices or grades, with a few hundred texts or more whose numbers are
    known. Numbers come out in their own units.

    Args:
        backbone, weights, pooling, sequence_length, long_texts, learning_rate: See
            `tl.builders.TextBuilder`.
        target_names, loss, metrics: See `tl.builders.Regressor`.
        head, freeze, optimizer, batch_size, precision, on_error, groups, seed: See
            `ImageClassifierBuilder`.

    Example:
        builder = tl.TextRegressorBuilder("keras_hub:bert_base_en_uncased")
        fitted = builder.fit((reviews, stars))
        fitted.predict("a fine film").value
    """

    default_schedule: ClassVar[str] = "probe"


@dataclass(frozen=True)
class AudioRegressorBuilder(AudioBuilder[NumberPrediction], Regressor):
    """Fine-tunes a pretrained network to predict one number or several of recordings.

    When to use it: for wear, speed or age by sound, with a hundred recordings or more whose numbers
    are known. Numbers come out in their own units.

    Args:
        backbone, weights, sample_rate, seconds, augmentation, views: See
            `tl.builders.AudioBuilder`.
        target_names, loss, metrics: See `tl.builders.Regressor`.
        head, freeze, batch_norm, optimizer, learning_rate, batch_size, precision, on_error, groups,
            seed: See `ImageClassifierBuilder`.

    Example:
        builder = tl.AudioRegressorBuilder("EfficientNetLite0", target_names="speed")
        fitted = builder.fit("motors.csv")  # columns path and speed
        fitted.predict("motor.wav").value
    """
