"""Texts in, classes out."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from transferlearn import backbones, data
from transferlearn.assembling import Network, of_any_length
from transferlearn.backbones import Backbone, TextBackbone
from transferlearn.backbones.texts import Pooling, check_pooling
from transferlearn.builders.arguments import whole
from transferlearn.builders.base import Builder
from transferlearn.fitted import FittedModel, Outline
from transferlearn.fitted_text import FittedTextModel
from transferlearn.freezing import FreezeAll, add_lora
from transferlearn.heads import Head, PooledDense
from transferlearn.schedules import OnePhase, Probe, Schedule

_LEAST_TOKENS = 8


@dataclass(frozen=True)
class TextClassifierBuilder(Builder):
    """Fine-tunes a pretrained encoder, such as BERT, on one's own texts.

    When to use it: with a few hundred labelled texts or more, for sentiment, topics, intents.
    Strings go in as they are: tokenizer, padding and masks are part of what comes out.

    Args:
        backbone: `"keras_hub:<preset>"`, such as `"keras_hub:bert_base_en_uncased"`,
            `"keras_hub:<folder>"` of KerasHub or Hugging Face (config.json, model.safetensors,
            vocab.txt), or a `tl.backbones.TextBackbone`.
        weights: `"pretrained"`, or `None` for random weights.
        pooling: What of the encoder's output is a text's vector: the `"mean"` over its tokens, the
            `"first"` one (`[CLS]`), or `"pooled"`, a trained layer's on that.
        sequence_length: The most tokens of a text that are read, those that mark its ends included.
        long_texts: Of a longer one, `"truncate"` reads the beginning; `"split"` reads all in
            pieces, each of which is trained on with a share of the weight, and averages their
            probabilities.
        lora_rank: Trains, in the blocks that are free, only updates of this rank to the attention's
            query and value projections ([LoRA](https://arxiv.org/abs/2106.09685)): few weights to
            fit and to hold in an optimizer. A save has them added to the weights. `fit` then
            fine-tunes by default.
        on_error: `"skip"` files and texts that cannot be used (and say so) or `"raise"`.
        learning_rate: By default 2e-4, or an optimizer object's own.
        head, freeze, optimizer, loss, metrics, multi_label, batch_size, precision, seed: As of
            `ImageClassifierBuilder`.

    By default `fit` solves the head on the frozen encoder (`schedule="probe"`), in seconds.
    `schedule="auto"` then trains the upper layers as well and keeps the better of the two;
    `freeze="none", schedule="fine-tune"` trains all of them.

    Example:
        builder = tl.TextClassifierBuilder("keras_hub:bert_base_en_uncased")
        fitted = builder.fit((texts, labels))
        fitted.predict("a fine film").class_name
    """

    backbone: str | TextBackbone
    weights: str | None = "pretrained"
    head: Head = field(default_factory=lambda: PooledDense(dropout=0.1))
    pooling: Pooling = "mean"
    sequence_length: int = 512
    long_texts: str = "truncate"
    lora_rank: int | None = None
    on_error: str = "skip"

    _default_schedule: ClassVar[str] = "probe"
    _default_rate: ClassVar[float | None] = 2e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pooling(self.pooling)
        length = whole("sequence_length", self.sequence_length, least=_LEAST_TOKENS)
        object.__setattr__(self, "sequence_length", length)
        if self.long_texts not in ("truncate", "split"):
            raise ValueError(
                f"long_texts is 'truncate' or 'split'. Received: long_texts={self.long_texts!r}"
            )
        data.Options(on_error=self.on_error)
        if self.lora_rank is not None:
            object.__setattr__(self, "lora_rank", whole("lora_rank", self.lora_rank, least=1))
            if isinstance(self._given_freeze(), FreezeAll):
                raise ValueError(
                    "lora_rank updates the blocks that are free, and freeze='all' leaves none: "
                    "pass freeze='none' or tl.freezing.TrainLastBlocks(1), or leave lora_rank out."
                )
        if self.weights not in ("pretrained", None):
            raise ValueError(
                "weights is 'pretrained', or None for random ones; a folder of weights is the "
                f"backbone: 'keras_hub:<folder>'. Received: weights={self.weights!r}"
            )

    def _plan(self, schedule: Schedule | str | None) -> Schedule:
        if schedule is None and self.freeze is None and self.lora_rank:
            schedule = "fine-tune"
        plan = super()._plan(schedule)
        all_frozen = isinstance(plan, OnePhase) and self.freeze is None
        if self.lora_rank and (all_frozen or isinstance(plan, Probe)):
            raise ValueError(
                "This schedule leaves the encoder as it is, and lora_rank updates it. Take "
                f"schedule='fine-tune', or leave lora_rank out. Received: {schedule=}"
            )
        return plan

    def _load(
        self, train: Any, validation_data: Any, validation_split: float, class_names: Any
    ) -> tuple[data.Dataset, data.Dataset | None]:
        kind = data.TextKind(
            tokenizer=backbones.get_tokenizer(self.backbone),
            sequence_length=self.sequence_length,
            long_texts=self.long_texts,
        )
        parts = data.load_pair(
            train,
            validation_data,
            validation_split=validation_split,
            seed=self.seed,
            kind=kind,
            class_names=class_names,
            multi_label=self.multi_label,
            on_error=self.on_error,
        )
        return data.of_one_length(*parts)

    def _assemble(self, backbone: Backbone, num_classes: int, shape: tuple[Any, ...]) -> Network:
        network = super()._assemble(backbone, num_classes, shape)
        if self.lora_rank:
            add_lora(network.layers, self.lora_rank)
        return network

    def _shape(self) -> tuple[Any, ...]:
        return (None,)

    def _backbone(self, shape: tuple[Any, ...] | None) -> Backbone:
        backbone = backbones.get_text(
            self.backbone, pretrained=self.weights is not None, pooling=self.pooling
        )
        (length,) = shape or self._shape()
        if length and backbone.most_tokens and length > backbone.most_tokens:
            raise ValueError(
                f"{backbone.name} reads at most {backbone.most_tokens} tokens, and there are texts "
                f"of {length}. Pass sequence_length={backbone.most_tokens}."
            )
        return backbone

    def _fitted(
        self, backbone: Backbone, train: data.Dataset, *, outline: Outline, **parts: Any
    ) -> FittedModel:
        assert isinstance(backbone, TextBackbone)
        read = replace(
            outline,
            sequence_length=min(self.sequence_length, backbone.most_tokens or self.sequence_length),
            long_texts=self.long_texts,
        )
        model = of_any_length(parts.pop("model"))
        return FittedTextModel(model=model, tokenizer=backbone.tokenizer, outline=read, **parts)
