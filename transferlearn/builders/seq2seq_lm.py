"""Defines the builder of models that read one text and write another."""

from dataclasses import dataclass, field
from typing import ClassVar

from transferlearn import backbones
from transferlearn.backbones import Backbone, Seq2SeqBackbone
from transferlearn.backbones.texts import Pooling
from transferlearn.builders.texts import EncoderBuilder
from transferlearn.builders.writes import WritesTexts
from transferlearn.data import SourceTexts, Written
from transferlearn.edge import Sampling
from transferlearn.heads import Decoder, Head, NextTokenHead
from transferlearn.schedules import AutoForPairs, Schedule
from transferlearn.tasks import Task, TextPrediction, Writing

_SAMPLING = Sampling(max_new_tokens=128)
_RATE, _CHANNELS = 1e-4, 768  # what suits BART's base, and how wide it is


@dataclass(frozen=True)
class Seq2SeqLMBuilder(WritesTexts, EncoderBuilder[TextPrediction]):
    """Fine-tunes a pretrained encoder-decoder, such as BART or T5, on one's own pairs of texts.

    When to use it: to translate, to summarise or to rewrite texts.

    Args:
        backbone: `"keras_hub:<preset>"` of an encoder-decoder, such as `"keras_hub:bart_base_en"`
            or `"keras_hub:t5_small_multi"`, `"keras_hub:<folder>"` of KerasHub or Hugging Face, or
            what `tl.backbones.from_seq2seq` gave.
        weights, text_column, learning_rate: See `tl.builders.EncoderBuilder`.
        sequence_length: The most tokens of a text that are read, and of one that is learnt.
        languages: The codes of the language to read and of that to write, such as `("en", "de")`,
            where the pairs are TMX, or come in several languages.
        prefix: What the network reads before each text, such as T5's task words,
            `"translate English to German: "`.
        sampling: How `predict` chooses tokens, and how many.
        freeze, optimizer, loss, metrics, batch_size, precision, on_error, groups, seed: See
            `ImageClassifierBuilder`. A loss gets the right token behind each that the decoder
            reads, int32 `(batch, tokens)`, -1 where none is learnt, and logits
            `(batch, tokens, all tokens)`.

    By default `fit` trains the decoder, and stores what the frozen encoder gives
    (`tl.schedules.AutoForPairs`). `freeze="none"` trains both. The rate is 1e-4 for a network of
    768 channels, such as BART's base, and goes with 1 / channels
    ([why](https://arxiv.org/abs/2203.03466)).

    Example:
        builder = tl.Seq2SeqLMBuilder("keras_hub:bart_base_en")
        fitted = builder.fit([("one", "eins"), ("two", "zwei"), ("three", "drei")])
        print(fitted.predict("two").text)
    """

    auto: ClassVar[Schedule] = AutoForPairs()

    head: Head | Decoder = field(default_factory=NextTokenHead)
    sequence_length: int = 256
    batch_size: int = 16
    languages: tuple[str, str] | None = None
    prefix: str = ""
    sampling: Sampling = _SAMPLING

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.prefix, str):
            raise TypeError(f"prefix is a string. Received: prefix={self.prefix!r:.60}")
        object.__setattr__(self, "languages", Written(self.languages).languages)

    @property
    def task(self) -> Task[TextPrediction]:
        """Returns the task: a text for each text."""
        return Writing(target=Written(self.languages), sampling=self.sampling)

    @property
    def kind(self) -> SourceTexts:
        """Returns the settings to read texts by; it loads the backbone's tokenizer."""
        return SourceTexts(
            tokenizer=backbones.get_tokenizer(self.backbone),
            sequence_length=self.sequence_length,
            text_column=self.text_column,
            prefix=self.prefix,
            language=None if self.languages is None else self.languages[0],
        )

    def _usual_rate(self, backbone: Backbone | None) -> float:
        """Returns the rate that suits the width of the network."""
        if backbone is None:
            return _RATE
        # The first matrix holds the embeddings of the tokens.
        width = next(x.shape[-1] for x in backbone.model.weights if len(x.shape) == 2)
        return _RATE * _CHANNELS / width

    @property
    def _longest(self) -> int | None:
        """Returns the most tokens of a text that are learnt."""
        return self.sequence_length

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
