"""Defines the builder of language models, which go on with texts."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import keras

from transferlearn import backbones
from transferlearn.backbones import Backbone, TextBackbone
from transferlearn.backbones.texts import Pooling
from transferlearn.builders.texts import EncoderBuilder
from transferlearn.data import Corpus, Dataset, Texts
from transferlearn.edge import Sampling
from transferlearn.heads import Decoder, Head, NextTokenHead
from transferlearn.schedules import AutoForLanguage, Schedule
from transferlearn.tasks import LanguageModelling, NextTokenEncoding, Task, TextPrediction

_SAMPLING = Sampling()


@dataclass(frozen=True)
class CausalLMBuilder(EncoderBuilder[TextPrediction]):
    """Fine-tunes a pretrained language model, such as GPT-2 or Llama, on one's own texts.

    When to use it: for a model that goes on in the style of one's own texts, of 100 kB or more.

    Args:
        backbone: `"keras_hub:<preset>"` of a causal language model, such as
            `"keras_hub:gpt2_base_en"`, `"keras_hub:<folder>"` of KerasHub or Hugging Face
            (config.json, model.safetensors, tokenizer.json), or a `tl.backbones.TextBackbone` with
            `pooling="next"`.
        weights, text_column, learning_rate: See `tl.builders.EncoderBuilder`.
        sequence_length: The tokens of a row. Longer texts have several rows, so that all of a text
            is learnt. A prompt may be as long as the network can read.
        sampling: How `predict` chooses tokens, and how many; `fitted.generate` can change it.
        freeze, optimizer, loss, metrics, batch_size, precision, on_error, groups, seed: See
            `ImageClassifierBuilder`. A loss gets the next token of each token, int32
            `(batch, tokens)`, -1 where none is learnt, and logits `(batch, tokens, all tokens)`.

    By default `fit` trains the upper half of the network, and stores what the frozen lower half
    gives (`tl.schedules.AutoForLanguage`).

    Example:
        builder = tl.CausalLMBuilder("keras_hub:gpt2_base_en")
        fitted = builder.fit("letters")
        print(fitted.generate("Dear Anna,", max_new_tokens=100, temperature=0.8))
    """

    head: Head | Decoder = field(default_factory=NextTokenHead)
    sequence_length: int = 256
    batch_size: int = 4
    sampling: Sampling = _SAMPLING

    auto: ClassVar[Schedule] = AutoForLanguage()
    _makes: ClassVar[str] = "language_model"
    _default_rate: ClassVar[float | None] = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.head, NextTokenHead):
            raise ValueError(
                "A language model's head is the backbone's own: leave head out. "
                f"Received: head={self.head!r}"
            )
        if not isinstance(self.sampling, Sampling):
            raise TypeError(f"sampling is a tl.edge.Sampling. Received: {self.sampling!r}")

    @property
    def task(self) -> Task[TextPrediction]:
        """Returns the task: the next token."""
        return LanguageModelling(sampling=self.sampling)

    @property
    def kind(self) -> Corpus:
        """Returns the settings to read texts by; it loads the backbone's tokenizer."""
        return Corpus(
            tokenizer=backbones.get_tokenizer(self.backbone),
            sequence_length=self.sequence_length,
            text_column=self.text_column,
        )

    def _kind_of(self, train: Dataset, backbone: Backbone) -> Texts:
        """Returns the kind for the fitted model, which knows how much the network can read."""
        found = super()._kind_of(train, backbone)
        assert isinstance(found, Corpus)
        assert isinstance(backbone, TextBackbone)
        return replace(found, context=backbone.most_tokens)

    @property
    def _pools(self) -> Pooling:
        """Returns that each token has the logits of the next."""
        return "next"

    def build(self) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Returns:
            A plain, flat, functional `keras.Model`: token ids `(batch, tokens)` in, the logits of
            the token behind each out, `(batch, tokens, all tokens)`. It learns ids of tokens, int32
            `(batch, tokens)`, -1 where none is learnt. Without `freeze`, nothing is frozen.
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
    def _blank(self) -> NextTokenEncoding:
        """Makes an encoding for building without data."""
        return NextTokenEncoding(sampling=self.sampling)
