"""Defines what builders of models that write a text for each item share."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import keras

from transferlearn.assembling import Network
from transferlearn.backbones import Backbone, Seq2SeqBackbone, SpeechBackbone
from transferlearn.builders.base import Builder
from transferlearn.data import WrittenTargets
from transferlearn.edge import Sampling
from transferlearn.heads import NextTokenHead
from transferlearn.schedules import AutoForWriting, Schedule
from transferlearn.tasks import Encoding, Task, TextPrediction, Writing, WritingEncoding

if TYPE_CHECKING:
    _Base = Builder[TextPrediction]
else:
    _Base = object  # the fields of a builder would come before those of the class beside this one


class WritesTexts(_Base):
    """Builds and trains networks whose backbone knows how texts become tokens, by its `writer`.

    It stands before a builder among the bases of a class, which has a field `sampling`.
    """

    sampling: Sampling

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
        """Returns the task: a text for each item."""
        return Writing(sampling=self.sampling)

    @property
    def _longest(self) -> int | None:
        """Returns the most tokens of a text that are learnt; `None`: as many as can be read."""
        return None

    def _network(
        self,
        backbone: Backbone,
        encoding: Encoding[TextPrediction],
        shape: tuple[int, ...] | None,
    ) -> tuple[Network, Encoding[TextPrediction]]:
        """Builds the network; the encoding learns from the backbone how texts become tokens."""
        assert isinstance(backbone, (Seq2SeqBackbone, SpeechBackbone))
        assert isinstance(encoding, WritingEncoding)
        known = replace(encoding, writer=backbone.writer, longest=self._longest)
        return super()._network(backbone, known, shape)

    def build(self) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Returns:
            A plain, flat, functional `keras.Model`: the items (`token_ids`, `(batch, tokens)`, or
            `audio`, `(batch, samples)`) and `decoder_token_ids`, `(batch, tokens)`, in, the logits
            of the token behind each of these out, `(batch, tokens, all tokens)`. It learns ids of
            tokens, int32 `(batch, tokens)`, -1 where none is learnt. Without `freeze`, nothing is
            frozen.
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
    def _blank(self) -> Encoding[TextPrediction]:
        """Makes an encoding for building without data."""
        return self.task.learn(WrittenTargets(texts=(), problems={}))
