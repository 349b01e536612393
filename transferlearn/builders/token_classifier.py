"""Defines the builder of networks that find entities, or the parts of speech of words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import keras

from transferlearn import backbones
from transferlearn.backbones.texts import Pooling
from transferlearn.builders.texts import EncoderBuilder
from transferlearn.data import Words, WordTags
from transferlearn.edge.words.tags import are_of_entities
from transferlearn.heads import Decoder, Head, TokenDense
from transferlearn.schedules import AutoForTexts, Schedule
from transferlearn.tasks import EntityEncoding, Task, TokenClassification, WordTagEncoding
from transferlearn.tasks import TagPrediction as TagPrediction


@dataclass(frozen=True)
class TokenClassifierBuilder(EncoderBuilder[TagPrediction]):
    """Fine-tunes a pretrained encoder, such as BERT, to tag the words of one's own texts.

    When to use it: for names, places, dates and other entities in texts, or for parts of speech,
    with some hundred tagged sentences or more. Strings go in as they are, and entities come out
    with their places in the string. Texts longer than `sequence_length` are read in overlapping
    windows.

    Args:
        backbone, weights, sequence_length, text_column, learning_rate: See
            `tl.builders.EncoderBuilder`.
        class_names: The tags in the order of the outputs, those of entities in IOB2, such as
            `["O", "B-PER", "I-PER"]`; by default found in the data.
        head, freeze, optimizer, loss, metrics, batch_size, precision, on_error, groups, seed: See
            `ImageClassifierBuilder`. A loss gets the numbers of tags, int32 `(batch, tokens)`, -1
            where a token has none, and probabilities `(batch, tokens, tags)`.

    By default `fit` solves the head on the frozen encoder, and then trains the upper half of the
    encoder with it (`tl.schedules.AutoForTexts`).

    Example:
        builder = tl.TokenClassifierBuilder("keras_hub:bert_base_en_uncased")
        fitted = builder.fit("train.conll")
        fitted.predict("Anna lives in Kyiv").entities
    """

    head: Head | Decoder = field(default_factory=TokenDense)
    class_names: Sequence[str] | None = None

    auto: ClassVar[Schedule] = AutoForTexts()
    _makes: ClassVar[str] = "token_classifier"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "class_names", WordTags(self.class_names).class_names)

    @property
    def task(self) -> Task[TagPrediction]:
        """Returns the task: a tag for each word."""
        return TokenClassification(WordTags(self.class_names))

    @property
    def kind(self) -> Words:
        """Returns the settings to read texts by; it loads the backbone's tokenizer."""
        return Words(
            tokenizer=backbones.get_tokenizer(self.backbone),
            sequence_length=self.sequence_length,
            text_column=self.text_column,
        )

    @property
    def _pools(self) -> Pooling:
        """Returns that each token keeps its own vector."""
        return "none"

    def build(self, class_names: Sequence[str] | None = None) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Args:
            class_names: The tags; by default the builder's own.

        Returns:
            A plain, flat, functional `keras.Model`: token ids `(batch, tokens)` in, a probability
            for each tag of each token out, `(batch, tokens, tags)`. It learns numbers of tags,
            int32 `(batch, tokens)`, -1 where a token has none.
        """
        return self._build(self._blank(class_names))

    def summary(
        self,
        class_names: Sequence[str] | None = None,
        *,
        print_fn: Callable[[str], object] = print,
    ) -> None:
        """Prints, block by block, what is frozen or trained, and how many parameters that is."""
        self._summary(self._blank(class_names or ("O", "B-PER", "I-PER")), print_fn)

    def _blank(self, class_names: Sequence[str] | None) -> WordTagEncoding:
        """Makes an encoding for building without data."""
        names = tuple(class_names or self.class_names or ())
        if len(names) < 2:
            raise ValueError(
                "Without data, build needs the tags: build(['O', 'B-PER', 'I-PER']). "
                f"Received: {list(names)}"
            )
        return (EntityEncoding if are_of_entities(names) else WordTagEncoding)(class_names=names)
