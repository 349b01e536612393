"""Defines the builder of networks that classify texts."""

from dataclasses import dataclass
from typing import ClassVar

from transferlearn.builders.classifier import Classifier
from transferlearn.builders.texts import TextBuilder
from transferlearn.schedules import AutoForTexts, Schedule
from transferlearn.tasks import ClassPrediction


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
