"""Turns texts into the tokens that a decoder learns to write, and back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from transferlearn.data.targets.base import Encoded, Encoder
from transferlearn.data.texts.tokenizer import Tokenizer, load_tokenizer, save_tokenizer
from transferlearn.edge import Sampling
from transferlearn.edge.text_writer import TextWriter
from transferlearn.edge.tokenizers import EdgeTokenizer
from transferlearn.json_fields import Json

NONE = -1  # in the place of a token that is not learnt
_STEP = 8  # tokens; the length of what is learnt is a multiple of it
_FOLDER = "written"  # of the tokenizer's files, in a save


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Knows the tokens of a decoder: how a text begins, how it ends, and what is never written.

    Attributes:
        tokenizer: The decoder's tokenizer.
        begin: The ids that the decoder reads before a text's first token, one or more.
        end: The id behind a text's last token.
        most: The most tokens that the decoder can read; `None`: any number.
        suppressed: The ids that are never written.
        suppressed_first: The ids that are not written at the beginning of a text.
        blank: Whether a blank goes before a text, as in Whisper.
        silence: The id by which the decoder says behind its first token that nothing is said;
            `None`: there is none.
        languages: The ids of the languages, by their codes, of which the one that is spoken is
            found, and read in the place of the second of `begin`; empty: it is given.
    """

    tokenizer: Tokenizer
    begin: tuple[int, ...]
    end: int
    most: int | None = None
    suppressed: tuple[int, ...] = ()
    suppressed_first: tuple[int, ...] = ()
    blank: bool = False
    silence: int | None = None
    languages: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.begin:
            raise ValueError("A decoder reads one token or more before a text: name it in begin.")

    @property
    def language(self) -> str:
        """The code of the language that a Whisper hears: the second of four ids, or English.

        It is empty where the language is found.
        """
        if self.languages:
            return ""
        if len(self.begin) < 4:
            return "en"
        (spelled,) = self.tokenizer.spelled(self.begin[1:2])
        return spelled.strip("<|>")

    def tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Returns the ids of each text with the end behind them, int32."""
        given = [f" {text.strip()}" for text in texts] if self.blank else texts
        return [np.array([*ids, self.end], np.int32) for ids in self.tokenizer.tokenize(given)]

    def text(self, ids: Sequence[int]) -> str:
        """Returns the text of written ids, up to the end."""
        kept = list(ids)
        return self.tokenizer.text(kept[: kept.index(self.end)] if self.end in kept else kept)

    def length_for(self, texts: Sequence[str], longest: int | None = None) -> int:
        """Returns how many tokens the decoder reads of the longest text, rounded up.

        Args:
            texts: The texts.
            longest: The most tokens of a text that are read.
        """
        most = max((len(ids) for ids in self.tokens(texts)), default=1)
        before = len(self.begin) - 1
        rounded = -(-(min(most, longest or most) + before) // _STEP) * _STEP
        return min(rounded, self.most or rounded)

    def settings(self) -> Json:
        """Returns the settings that a save holds, without the tokenizer."""
        return {
            "begin": list(self.begin),
            "end": self.end,
            "most": self.most,
            "suppressed": list(self.suppressed),
            "suppressed_first": list(self.suppressed_first),
            "blank": self.blank,
            "silence": self.silence,
            "languages": self.languages,
        }

    def at_edge(self, tokenizer: EdgeTokenizer, sampling: Sampling) -> TextWriter:
        """Returns what writes with these tokens, by the same tokenizer or one without Keras."""
        return TextWriter(
            tokenizer=tokenizer,
            begin=self.begin,
            end=self.end,
            most=self.most,
            suppressed=self.suppressed,
            suppressed_first=self.suppressed_first,
            silence=self.silence,
            language=self.language,
            languages=self.languages,
            sampling=sampling,
        )

    def write(self, folder: Path) -> None:
        """Writes the tokenizer's files into the folder of a save."""
        save_tokenizer(self.tokenizer, folder / _FOLDER)

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the writer that was saved with these settings in this folder."""
        values: Json = {n: tuple(v) if isinstance(v, list) else v for n, v in settings.items()}
        return cls(tokenizer=load_tokenizer(folder / _FOLDER), **values)


@dataclass(frozen=True)
class WrittenTokens(Encoder):
    """Makes of texts the tokens to learn, and those that the decoder reads before each of them.

    All rows have one length, so that nothing is compiled again: what is longer loses its end.

    Args:
        writer: Knows the tokens.
        length: The tokens that the decoder reads of each text.
    """

    writer: Writer
    length: int
    _known: dict[str, np.ndarray] = field(default_factory=dict, init=False, compare=False)

    def cut(self, texts: Sequence[str]) -> int:
        """Counts the texts that lose their end."""
        room = self.length - len(self.writer.begin) + 1
        return sum(len(ids) > room for ids in self.writer.tokens(texts))

    def unknown(self, texts: Sequence[str]) -> str:
        """Returns the characters of texts for which the tokenizer has no token, in order."""
        lost = set[str]()
        for text, ids in zip(texts, self.writer.tokens(texts), strict=True):
            lost |= set(text) - set(self.writer.text(ids.tolist()))
        return "".join(sorted(one for one in lost if not one.isspace()))

    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes texts: int32 `(batch, length)` to learn, -1 behind a text, and to read."""
        texts = [str(text) for text in rows]
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self.writer.tokens(new) if new else (), strict=True))
        begin = self.writer.begin
        learnt = np.full((len(texts), self.length), NONE, np.int32)
        read = np.full((len(texts), self.length), begin[0], np.int32)
        read[:, : len(begin)] = begin[: self.length]
        for row, text in enumerate(texts):
            ids = self._known[text][: self.length - len(begin) + 1]
            learnt[row, len(begin) - 1 :][: len(ids)] = ids
            read[row, len(begin) :][: len(ids) - 1] = ids[: len(ids) - 1]
        return Encoded(learnt, None, (read,))
