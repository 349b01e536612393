"""Defines the builder of models that read one text and write another."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import keras

from transferlearn import backbones
from transferlearn.assembling import Network
from transferlearn.backbones import Backbone, Seq2SeqBackbone
from transferlearn.backbones.texts import Pooling
from transferlearn.builders.texts import EncoderBuilder
from transferlearn.data import SourceTexts
from transferlearn.edge import Sampling
from transferlearn.heads import Decoder, Head, NextTokenHead
from transferlearn.schedules import AutoForWriting, Schedule
from transferlearn.tasks import Encoding, Task, TextPrediction, Writing, WritingEncoding

_SAMPLING = Sampling(max_new_tokens=128)


@dataclass(frozen=True)
class Seq2SeqLMBuilder(EncoderBuilder[TextPrediction]):
    """Fine-tunes a pretrained encoder-decoder, such as BART or T5, on one's own pairs of texts.

    When to use it: to translate, to summarise or to rewrite texts.

    Args:
        backbone: `"keras_hub:<preset>"` of an encoder-decoder, such as `"keras_hub:bart_base_en"`
            or `"keras_hub:t5_small_multi"`, `"keras_hub:<folder>"` of KerasHub or Hugging Face, or
            what `tl.backbones.from_seq2seq` gave.
        weights, text_column, learning_rate: See `tl.builders.EncoderBuilder`.
        sequence_length: The most tokens of a text that are read, and of one that is learnt.
        sampling: How `predict` chooses tokens, and how many.
        freeze, optimizer, loss, metrics, batch_size, precision, on_error, groups, seed: See
            `ImageClassifierBuilder`. A loss gets the right token behind each that the decoder
            reads, int32 `(batch, tokens)`, -1 where none is learnt, and logits
            `(batch, tokens, all tokens)`.

    By default `fit` trains the decoder, and stores what the frozen encoder gives
    (`tl.schedules.AutoForWriting`). `freeze="none"` trains both.

    Example:
        builder = tl.Seq2SeqLMBuilder("keras_hub:bart_base_en")
        fitted = builder.fit([("one", "eins"), ("two", "zwei"), ("three", "drei")])
        print(fitted.predict("two").text)
    """

    head: Head | Decoder = field(default_factory=NextTokenHead)
    sequence_length: int = 256
    batch_size: int = 16
    sampling: Sampling = _SAMPLING

    auto: ClassVar[Schedule] = AutoForWriting()
    _makes: ClassVar[str] = "writer"
    _default_rate: ClassVar[float | None] = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.head, NextTokenHead):
            raise ValueError(
                "The head of an encoder-decoder is the backbone's own: leave head out. "
                f"Received: head={self.head!r}"
            )
        if not isinstance(self.sampling, Sampling):
            raise TypeError(f"sampling is a tl.edge.Sampling. Received: {self.sampling!r}")

    @property
    def task(self) -> Task[TextPrediction]:
        """Returns the task: a text for each text."""
        return Writing(sampling=self.sampling)

    @property
    def kind(self) -> SourceTexts:
        """Returns the settings to read texts by; it loads the backbone's tokenizer."""
        return SourceTexts(
            tokenizer=backbones.get_tokenizer(self.backbone),
            sequence_length=self.sequence_length,
            text_column=self.text_column,
        )

    @property
    def _pools(self) -> Pooling:
        """Returns that the network writes texts."""
        return "written"

    def load_backbone(self, shape: tuple[int, ...] | None) -> Backbone:
        """Loads the encoder-decoder, and refuses networks of other kinds."""
        backbone = super().load_backbone(shape)
        if not isinstance(backbone, Seq2SeqBackbone):
            raise TypeError(
                f"{backbone.name} writes no texts of others: pass a name such as "
                "'keras_hub:bart_base_en', or what tl.backbones.from_seq2seq(...) gave."
            )
        return backbone

    def _network(
        self,
        backbone: Backbone,
        encoding: Encoding[TextPrediction],
        shape: tuple[int, ...] | None,
    ) -> tuple[Network, Encoding[TextPrediction]]:
        """Builds the network; the encoding learns from the backbone how texts become tokens."""
        assert isinstance(backbone, Seq2SeqBackbone)
        assert isinstance(encoding, WritingEncoding)
        known = replace(encoding, writer=backbone.writer, longest=self.sequence_length)
        return super()._network(backbone, known, shape)

    def build(self) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Returns:
            A plain, flat, functional `keras.Model`: `token_ids` and `decoder_token_ids`, both
            `(batch, tokens)`, in, the logits of the token behind each of the latter out,
            `(batch, tokens, all tokens)`. It learns ids of tokens, int32 `(batch, tokens)`, -1
            where none is learnt. Without `freeze`, nothing is frozen.
        """
        if self.freeze is None:
            return replace(self, freeze="none").build()
        return self._build(self._blank)

    def summary(self, *, print_fn: Callable[[str], object] = print) -> None:
        """Prints, block by block, what is frozen or trained, and how many parameters that is."""
        if self.freeze is None:
            return replace(self, freeze="none").summary(print_fn=print_fn)
        return self._summary(self._blank, print_fn)

    @property
    def _blank(self) -> WritingEncoding:
        """Makes an encoding for building without data."""
        return WritingEncoding(sampling=self.sampling)
