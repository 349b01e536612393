"""Holds what a model knows of the texts that it writes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import keras

from transferlearn.backbones.seq2seq import DECODER
from transferlearn.data import Kind, Spec, Target, Targets, Writer, Written, WrittenTargets
from transferlearn.data.messages import notice
from transferlearn.data.sequences import WrittenTokens
from transferlearn.edge import Sampling
from transferlearn.json_fields import Json
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import outputs_in_words, scorer
from transferlearn.tasks.token_encoding import TokenEncoding, objective_of_tokens
from transferlearn.tasks.writing.answering import Judges, Writes
from transferlearn.tasks.writing.figures import WritingScoring
from transferlearn.types import Loss, Metrics
from transferlearn.wording import counted


@dataclass(frozen=True, kw_only=True)
class WritingEncoding(TokenEncoding):
    """Holds the tokens of a decoder, and how they are chosen.

    Attributes:
        writer: Knows how texts become tokens; `None`: the network is not known yet.
        longest: The most tokens of a text that are learnt; `None`: as many as the decoder reads.
        spoken: Whether the texts are what is said, of which wrong words are counted.
        languages: The codes of the language that is read and of that which is written, or `None`.
    """

    name: ClassVar[str] = "written"
    field: ClassVar[str] = "to-text"

    writer: Writer | None = None
    longest: int | None = None
    spoken: bool = False
    languages: tuple[str, str] | None = None

    @property
    def answers_untrained(self) -> bool:
        """Returns whether the pretrained network's texts stand beside those of the trained one."""
        return not self.spoken

    @property
    def target(self) -> Target:
        """Returns a target that finds the texts to write."""
        return Written(self.languages)

    @property
    def scoring(self) -> WritingScoring:
        """Returns what scores texts."""
        return WritingScoring(self.vocabulary, self.spoken)

    @property
    def inputs(self) -> Mapping[str, Spec]:
        """Returns the input for what is written so far."""
        return {DECODER: Spec((None,), "int32")}

    @property
    def known(self) -> Writer:
        """The writer, which the builder has taken from the backbone."""
        assert self.writer is not None
        return self.writer

    def answerer(self, model: keras.Model, kind: Kind, **options: object) -> Writes:
        """Returns what writes a text for each item.

        Args:
            model: The trained network.
            kind: The kind that reads the items.
            options: Settings of a `Sampling` that differ from the model's own.
        """
        return Writes(model, self.known, self.sampling.changed(options))

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes the cross-entropy of the tokens of each text, unless there is a loss."""
        if mixed:
            raise ValueError("Texts to write cannot be mixed: leave mixup out.")
        encode = None
        if targets is not None:
            assert isinstance(targets, WrittenTargets)
            encode = WrittenTokens(self.known, self.known.length_for(targets.texts, self.longest))
            if cut := encode.cut(targets.texts):
                notice(
                    f"{counted(cut, 'text')} to write of {len(targets.texts)} with more than "
                    f"{encode.length} tokens: the end is not learnt."
                )
            if self.spoken and (unknown := encode.unknown(targets.texts)):
                notice(
                    "Characters for which the tokenizer has no token, so they are not learnt: "
                    f"{' '.join(unknown):.200}"
                )
        return objective_of_tokens(loss, metrics, encode, "texts")

    def summary(self) -> str:
        """Describes how many tokens there are."""
        return f"texts, of {self.vocabulary:,} tokens" if self.vocabulary else "texts"

    def settings(self) -> Json:
        """Returns the tokens and how they are chosen; `write` saves the tokenizer."""
        sampling = asdict(self.sampling)
        sampling["stop"] = list(self.sampling.stop)
        return {
            "vocabulary": self.vocabulary,
            "sampling": sampling,
            "longest": self.longest,
            "spoken": self.spoken,
            "languages": self.languages and list(self.languages),
            "writer": None if self.writer is None else self.writer.settings(),
        }

    def write(self, folder: Path) -> None:
        """Writes the files of the decoder's tokenizer."""
        self.known.write(folder)

    @classmethod
    def read(cls, settings: Json, folder: Path) -> Self:
        """Makes the encoding that was saved with these settings in this folder."""
        return replace(cls.load(settings), writer=Writer.load(settings["writer"], folder))

    @classmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding of settings alone, without a tokenizer."""
        sampling = Sampling(**settings["sampling"])
        given = {name: settings[name] for name in ("vocabulary", "longest", "spoken")}
        languages = settings["languages"] and tuple(settings["languages"])
        return cls(sampling=sampling, languages=languages, **given)


@scorer.register
def _(encoding: WritingEncoding, model: keras.Model, kind: Kind) -> Judges:
    """Returns what writes texts, and tells how likely the right ones are."""
    return Judges(model, encoding.answerer(model, kind), encoding.known)


@outputs_in_words.register
def _(encoding: WritingEncoding) -> str:
    """Describes the logits, and what else the network takes."""
    return f"It takes {DECODER}, too, and gives the logits of the token that follows each."
