"""Writes texts with the tokens of a decoder, whatever runs the decoder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np

from transferlearn.edge.beams import found_by_beams
from transferlearn.edge.generation import NextLogits, Sampling, written
from transferlearn.edge.named import Named
from transferlearn.edge.tokenizers import EdgeTokenizer
from transferlearn.json_fields import Json


class Wrote(NamedTuple):
    """Holds a text that was written.

    Attributes:
        text: The text.
        mean: The mean logarithm of the probabilities of its tokens, in nats.
        language: The code of its language; empty where the network is none for speech.
    """

    text: str
    mean: float
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class TextWriter(Named):
    """Writes a text for each item: knows how it begins, how it ends, and what is never written.

    Attributes:
        tokenizer: The decoder's tokenizer.
        begin: The ids that the decoder reads before a text's first token, one or more.
        end: The id behind a text's last token.
        most: The most tokens that the decoder can read; `None`: any number.
        suppressed: The ids that are never written.
        suppressed_first: The ids that are not written at the beginning of a text.
        silence: The id by which the decoder says behind its first token that nothing is said;
            `None`: there is none.
        language: The code of the language that is spoken, where the network is one for speech;
            empty where it is found for each item.
        languages: The ids of the languages, by their codes, of which the one that is spoken is
            found, and read in the place of the second of `begin`.
        sampling: Says how tokens are chosen, and how many.
    """

    name: ClassVar[str] = "text-writer"

    tokenizer: EdgeTokenizer
    begin: tuple[int, ...]
    end: int
    most: int | None = None
    suppressed: tuple[int, ...] = ()
    suppressed_first: tuple[int, ...] = ()
    silence: int | None = None
    language: str = "en"
    languages: dict[str, int] = field(default_factory=dict)
    sampling: Sampling

    def __post_init__(self) -> None:
        if not self.begin:
            raise ValueError("a decoder reads one token or more before a text, and begin is empty")
        room = None if self.most is None else self.most - len(self.begin)
        if room is not None and self.sampling.max_new_tokens > room:
            object.__setattr__(self, "sampling", replace(self.sampling, max_new_tokens=room))

    def wrote(self, logits: NextLogits, rows: int, temperature: float | None = None) -> list[Wrote]:
        """Writes a text for each item.

        Args:
            logits: Gives the logits of what is written of the items; it may be used again.
            rows: The number of items.
            temperature: Another temperature than the sampling's.
        """
        sampling = self.sampling
        if temperature is not None:
            seed = sampling.seed or 0
            sampling = replace(sampling, temperature=temperature, seed=seed, num_beams=1)
        languages = self._languages(logits, rows)
        begun = [np.array(self._begin(language), np.int32) for language in languages]
        if sampling.num_beams > 1:
            found = found_by_beams(_Allowed(logits, self), begun, sampling, self._is_over)
            pairs = [(one.ids, one.mean) for one in found]
        else:
            pairs = self._one_by_one(logits, begun, sampling)
        return [
            Wrote(self._stopped(self.text(ids)).strip(), mean, language)
            for (ids, mean), language in zip(pairs, languages, strict=True)
        ]

    def _languages(self, logits: NextLogits, rows: int) -> list[str]:
        """Returns the code of the language of each item, as the network finds it or as given."""
        if not self.languages:
            return [self.language] * rows
        codes, ids = list(self.languages), list(self.languages.values())
        found = self.behind_first(logits, rows)[:, ids].argmax(axis=1)
        return [codes[place] for place in found.tolist()]

    def behind_first(self, logits: NextLogits, rows: int) -> np.ndarray:
        """Returns the logits `(rows, all tokens)` behind the first token that is read alone."""
        first = np.full((rows, 1), self.begin[0], np.int32)
        return logits.first(first, np.ones(rows, int), 1)

    def _begin(self, language: str) -> tuple[int, ...]:
        """Returns the ids that the decoder reads before a text in a language."""
        if not self.languages:
            return self.begin
        return self.begin[0], self.languages[language], *self.begin[2:]

    def _one_by_one(
        self, logits: NextLogits, begun: list[np.ndarray], sampling: Sampling
    ) -> list[tuple[list[int], float]]:
        """Returns the tokens of each text, chosen one by one, and their mean in nats."""
        ids, nats = [list[int]() for _ in begun], np.zeros(len(begun))
        allowed = _Allowed(logits, self)
        for step in written(allowed, begun, sampling, lambda _, ids: self._is_over(ids)):
            for row, token in enumerate(step):
                if token is not None:
                    ids[row].append(token)
                    nats[row] += allowed.nats(row, token)
        return [(own, -of_one / len(own)) for own, of_one in zip(ids, nats.tolist(), strict=True)]

    def text(self, ids: Sequence[int]) -> str:
        """Returns the text of written ids, up to the end."""
        kept = list(ids)
        return self.tokenizer.text(kept[: kept.index(self.end)] if self.end in kept else kept)

    def allowed(self, logits: np.ndarray, *, first: bool) -> np.ndarray:
        """Returns logits `(rows, tokens)` with those of suppressed tokens set to minus infinity."""
        given = [*self.suppressed, *(self.suppressed_first if first else ())]
        never = [token for token in given if 0 <= token < logits.shape[1]]
        if not never:
            return logits
        found = np.array(logits)
        found[:, never] = -np.inf
        return found

    def settings(self) -> Json:
        """Returns the settings, with the tokenizer's name and its own settings."""
        kept = {name: value for name, value in vars(self).items() if name != "tokenizer"}
        tokenizer = {"name": self.tokenizer.name, "settings": self.tokenizer.settings()}
        return {**kept, "tokenizer": tokenizer, "sampling": asdict(self.sampling)}

    def write(self, folder: Path) -> None:
        """Writes the tokenizer's files."""
        self.tokenizer.write(folder)

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the writer, with its tokenizer."""
        tokenizer = EdgeTokenizer.named(settings["tokenizer"], folder)
        sampling = Sampling(**settings["sampling"])
        return super().load({**settings, "tokenizer": tokenizer, "sampling": sampling}, folder)

    def _is_over(self, ids: list[int]) -> bool:
        """Returns whether a text ends with the last of its tokens."""
        if ids[-1] == self.end:
            return True
        stop = self.sampling.stop
        return bool(stop) and any(one in self.text(ids) for one in stop)

    def _stopped(self, text: str) -> str:
        """Returns a text up to the first string at which it ends."""
        places = [place for stop in self.sampling.stop if (place := text.find(stop)) >= 0]
        return text[: min(places)] if places else text


class _Allowed(NextLogits):
    """Gives the logits of tokens that may be written; those of all others are minus infinity."""

    def __init__(self, logits: NextLogits, writer: TextWriter) -> None:
        self._logits = logits
        self._writer = writer
        self._last = np.zeros((0, 0))

    def nats(self, row: int, token: int) -> float:
        """Returns how unlikely a token is by the last logits of a row."""
        logits = self._last[row].astype("float64")
        most = logits.max()
        return float(np.log(np.exp(logits - most).sum()) + most - logits[token])

    def first(self, ids: np.ndarray, lengths: np.ndarray, room: int) -> np.ndarray:
        """Reads what stands before all texts."""
        self._last = self._writer.allowed(self._logits.first(ids, lengths, room), first=True)
        return self._last

    def next(self, tokens: np.ndarray) -> np.ndarray:
        """Reads one more token of each text."""
        self._last = self._writer.allowed(self._logits.next(tokens), first=False)
        return self._last

    def reorder(self, rows: np.ndarray) -> None:
        """Puts what was read of these texts in the place of all."""
        self._logits.reorder(rows)
