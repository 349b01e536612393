"""Defines the builder of networks that predict numbers of texts."""

from dataclasses import dataclass
from typing import ClassVar

from transferlearn.builders.regressor import Regressor
from transferlearn.builders.texts import TextBuilder
from transferlearn.tasks import NumberPrediction


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
