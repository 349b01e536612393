"""Defines what all builders for texts share: classes, numbers, and tags of words."""

import abc
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import ClassVar

from transferlearn import backbones
from transferlearn.backbones import Backbone, TextBackbone
from transferlearn.backbones.texts import Pooling, check_pooling
from transferlearn.builders.base import Builder
from transferlearn.checks import whole
from transferlearn.data import Dataset, Spec, Texts
from transferlearn.heads import Decoder, Head, PooledDense
from transferlearn.types import Prediction

_LEAST_TOKENS = 8  # of `sequence_length`; the tokens that mark a text's ends count


@dataclass(frozen=True)
class EncoderBuilder(Builder[Prediction]):
    """Builds and trains networks on an encoder of texts.

    Args:
        backbone: `"keras_hub:<preset>"`, such as `"keras_hub:bert_base_en_uncased"`,
            `"keras_hub:<folder>"` of KerasHub or Hugging Face (config.json, model.safetensors,
            vocab.txt), or a `tl.backbones.TextBackbone`.
        weights: `"pretrained"`, or `None` for random weights.
        sequence_length: The most tokens of a text that are read, those that mark its ends included.
        text_column: The column of a table that holds the texts; by default `text`, `review`,
            `sentence` or `content`.
        learning_rate: The learning rate; by default 2e-4, or an optimizer object's own.
    """

    backbone: str | TextBackbone
    _: KW_ONLY
    weights: str | None = "pretrained"
    sequence_length: int = 512
    text_column: str | None = None

    _default_rate: ClassVar[float | None] = 2e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.backbone, str):
            backbones.check_name(self.backbone, texts=True)
        length = whole("sequence_length", self.sequence_length, least=_LEAST_TOKENS)
        object.__setattr__(self, "sequence_length", length)
        if self.weights not in ("pretrained", None):
            raise ValueError(
                "weights is 'pretrained', or None for random ones; a folder of weights is the "
                f"backbone: 'keras_hub:<folder>'. Received: weights={self.weights!r}"
            )

    @property
    @abc.abstractmethod
    def kind(self) -> Texts:
        """Returns the settings to read texts by; it loads the backbone's tokenizer."""

    @property
    @abc.abstractmethod
    def _pools(self) -> Pooling:
        """Returns how the encoder's output becomes what the head reads."""

    def _kind_of(self, train: Dataset, backbone: Backbone) -> Texts:
        """Returns the kind for the fitted model, with a length that the encoder can read."""
        assert isinstance(backbone, TextBackbone)
        # The default of 512 tokens can be more than the encoder reads.
        most = min(self.sequence_length, backbone.most_tokens or self.sequence_length)
        return replace(self.kind, tokenizer=backbone.tokenizer, sequence_length=most)

    def _inputs(self, shape: tuple[int, ...] | None) -> dict[str, Spec]:
        """Returns shape and dtype of the token ids, without loading the tokenizer."""
        return {"token_ids": Spec(shape or (None,), "int32")}

    def load_backbone(self, shape: tuple[int, ...] | None) -> Backbone:
        """Loads the encoder, and refuses texts that are longer than it can read."""
        backbone = backbones.get_text(
            self.backbone, pretrained=self.weights is not None, pooling=self._pools
        )
        length = None if shape is None else shape[0]
        if length and backbone.most_tokens and length > backbone.most_tokens:
            raise ValueError(
                f"{backbone.name} reads at most {backbone.most_tokens} tokens, and there are texts "
                f"of {length}. Pass sequence_length={backbone.most_tokens}."
            )
        return backbone


@dataclass(frozen=True)
class TextBuilder(EncoderBuilder[Prediction]):
    """Builds and trains networks that answer for a whole text, classifiers as well as regressors.

    Args:
        backbone, weights, sequence_length, text_column, learning_rate: See
            `tl.builders.EncoderBuilder`.
        pooling: How the encoder's output becomes one vector for a text: the `"mean"` over its
            tokens, the `"first"` token (`[CLS]`), or `"pooled"`, which is what a trained layer of
            the encoder makes of the first.
        long_texts: What to do with longer texts: `"truncate"` reads the beginning; `"split"` reads
            all of a text in pieces, trains on each with a share of the text's weight, and averages
            the predictions.
    """

    head: Head | Decoder = field(default_factory=lambda: PooledDense(dropout=0.1))
    pooling: Pooling = "mean"
    long_texts: str = "truncate"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pooling(self.pooling)
        if self.long_texts not in ("truncate", "split"):
            raise ValueError(
                f"long_texts is 'truncate' or 'split'. Received: long_texts={self.long_texts!r}"
            )

    @property
    def _pools(self) -> Pooling:
        """Returns the pooling."""
        return self.pooling

    @property
    def kind(self) -> Texts:
        """The settings to read texts by; it loads the backbone's tokenizer."""
        return Texts(
            tokenizer=backbones.get_tokenizer(self.backbone),
            sequence_length=self.sequence_length,
            long_texts=self.long_texts,
            text_column=self.text_column,
        )
