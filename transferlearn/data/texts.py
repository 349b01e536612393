"""Texts, as a kind of data: files, cells of tables and strings become rows of token ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from .dataset import Dataset, ItemDataset, Request, Skipped
from .excerpt import Sample
from .kinds import Kind
from .labels import hold_out
from .listing import Listing, list_arrays
from .notices import counts, listing, notice
from .options import Options
from .reading import Unreadable, as_text, empty, labelled_stream, read_text, to_predict
from .tf_data import is_tf_data
from .tokens import TokenBatches, TokenContents, TokenItems, Tokenizer

_LISTED = 10
_STEP = 8  # tokens: batches come in few lengths, so that there is little to compile
_STRANGE = 0.5  # the share of unknown tokens from which on a text is pointed out


@dataclass(frozen=True, kw_only=True, eq=False)
class TextDataset(ItemDataset):
    """Texts as rows of token ids; a long text can have several rows.

    Attributes:
        text_of: int64 `(rows,)`, the number of the text that each row comes from.
    """

    noun: ClassVar[str] = "text"

    items: TokenItems
    text_of: np.ndarray

    @property
    def count(self) -> int:
        """Texts, not rows."""
        return len(np.unique(self.text_of))

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return int(self.items.lengths.max())

    def of_length(self, length: int) -> Self:
        """The same rows, filled up to another length."""
        return replace(self, items=self.items.of_length(length), shape=(length,))

    def split(self, fraction: float, seed: int | None) -> tuple[Self, Self]:
        """Cut into two, with all rows of a text on one side; see `ItemDataset.split`."""
        texts, first = np.unique(self.text_of, return_index=True)
        labels = None if self.labels is None else self.labels[first]
        chosen = texts[hold_out(labels, len(texts), fraction, seed, self.multi_label)]
        held_out = np.isin(self.text_of, chosen)
        kept, other = (self._subset(np.flatnonzero(part)) for part in (~held_out, held_out))
        return kept, replace(other, held_out=True)

    def _subset(self, rows: np.ndarray) -> Self:
        return replace(super()._subset(rows), text_of=self.text_of[rows])

    def _batches(self, request: Request) -> TokenBatches:
        return TokenBatches(
            self.items.of_length(self.shape[0], step=_STEP),
            *self._targets(request),
            request.batch_size,
            shuffle=request.shuffle,
            seed=request.seed,
            lengths=self.items.lengths,
            varies=True,
        )

    def _contents(self, request: Request) -> TokenContents:
        return TokenContents(**vars(super()._contents(request)))


@dataclass(frozen=True, kw_only=True)
class TextKind(Kind):
    """Strings and `.txt` files.

    Attributes:
        tokenizer: Of the network that they are for.
        sequence_length: The most tokens of a row, `start` and `end` of the tokenizer included.
        long_texts: Of a longer text, `"truncate"` takes the beginning, and `"split"` makes several
            rows, which weigh as much as one in training.
    """

    noun: ClassVar[str] = "text"
    endings: ClassVar[tuple[str, ...]] = (".txt",)
    columns: ClassVar[tuple[str, ...]] = ("text", "review", "sentence", "content")
    in_cells: ClassVar[bool] = True

    tokenizer: Tokenizer
    sequence_length: int
    long_texts: str = "truncate"

    def as_paths(self, x: Any) -> list[str] | None:
        """The files, where all of `x` are `Path`s: a string is a text."""
        are_paths = [isinstance(item, Path) for item in x]
        return [str(item) for item in x] if are_paths and all(are_paths) else None

    def is_stream(self, source: Any) -> bool:
        """A `tf.data.Dataset`."""
        return is_tf_data(source)

    def stream(self, source: Any, options: Options) -> TextDataset:
        """Reads all of it: texts are small."""
        texts, labels = labelled_stream(source)
        return self.open(list_arrays((texts, labels), options, self), options, 1.0)

    def open(self, listing: Listing, options: Options, share: float) -> TextDataset:
        """Reads the files, leaves out what is no text or empty, and tokenizes the rest."""
        texts, problems = self._read(listing)
        skipped = tuple(Skipped(name, problem) for name, problem in problems.values())
        _report(listing, skipped, options, len(texts))
        kept = np.array([i for i in range(len(texts)) if i not in problems], int)
        weights = listing.sample_weight
        dataset = self.tokens(
            [texts[i] for i in kept],
            labels=listing.labels[kept],
            class_names=listing.class_names,
            sample_weight=None if weights is None else weights[kept],
            multi_label=options.multi_label,
            names=[listing.items[i] for i in kept] if listing.in_files else None,
        )
        return replace(dataset, skipped=skipped, ignored=+Counter(listing.ignored))

    def tokens(
        self,
        texts: Sequence[str],
        *,
        names: Sequence[str] | None = None,
        labels: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
        **parts: Any,
    ) -> TextDataset:
        """The dataset of texts, with what is known of each; `parts` of a `TextDataset`."""
        rows: list[np.ndarray] = []
        text_of: list[int] = []
        found = self.tokenizer.tokenize(texts)
        for number, ids in enumerate(found):
            for piece in self._pieces(ids):
                rows.append(self._framed(piece))
                text_of.append(number)
        self._say_long([len(ids) for ids in found])
        self._say_strange(found, texts)
        weights = sample_weight
        if len(rows) > len(texts) and labels is not None:
            weights = (1.0 if weights is None else weights) / np.bincount(text_of)
        length = max(map(len, rows))
        return TextDataset(
            items=TokenItems(rows, length, self.tokenizer.padding),
            shape=(length,),
            size=len(rows),
            text_of=np.array(text_of),
            labels=None if labels is None else labels[text_of],
            sample_weight=None if weights is None else np.asarray(weights, np.float32)[text_of],
            names=None if names is None else [names[i] for i in text_of],
            **parts,
        )

    def _read(self, listing: Listing) -> tuple[list[Any], dict[int, tuple[str, str]]]:
        """The texts, and for those that cannot be used their name and what is wrong."""
        texts: list[Any] = []
        problems: dict[int, tuple[str, str]] = {}
        for i, item in enumerate(listing.items):
            text = read_text(Path(item)) if listing.in_files else as_text(item)
            texts.append(text)
            if problem := text.problem if isinstance(text, Unreadable) else empty(text):
                problems[i] = (str(item) if listing.in_files else f"text {i}", problem)
        return texts, problems

    @property
    def _room(self) -> int:
        return self.sequence_length - len(self.tokenizer.start) - len(self.tokenizer.end)

    def _framed(self, ids: np.ndarray) -> np.ndarray:
        return np.array([*self.tokenizer.start, *ids, *self.tokenizer.end], np.int32)

    def _pieces(self, ids: np.ndarray) -> Iterable[np.ndarray]:
        if self.long_texts == "truncate" or len(ids) <= self._room:
            return [ids[: self._room]]
        return np.array_split(ids, -(-len(ids) // self._room))

    def _say_long(self, lengths: list[int]) -> None:
        ends = self.sequence_length - self._room
        long = [length + ends for length in lengths if length > self._room]
        if long and self.long_texts == "truncate":
            notice(
                f"Of {len(lengths):,} texts {len(long):,} with more than sequence_length="
                f"{self.sequence_length} tokens (the longest has {max(long):,}) are cut short: "
                "their beginnings are read. long_texts='split' reads all of them, in pieces."
            )

    def _say_strange(self, found: list[np.ndarray], texts: Sequence[str]) -> None:
        strange = [
            f"{text!r:.80}"
            for ids, text in zip(found, texts, strict=True)
            if len(ids) and (ids == self.tokenizer.unknown).mean() > _STRANGE
        ]
        if strange:
            notice(
                f"{len(strange)} of {len(texts)} texts are mostly of characters that the tokenizer "
                f"does not know, so the network cannot tell them apart:{listing(strange, _LISTED)}"
            )


def _report(listed: Listing, skipped: Sequence[Skipped], options: Options, count: int) -> None:
    lines = [f"{name}: {reason}" for name, reason in skipped]
    what = listed.what if listed.in_files else "The texts"
    if skipped and (options.on_error == "raise" or len(skipped) == count):
        raise ValueError(
            f"{what}: {len(skipped)} of {count} cannot be used.{listing(lines, _LISTED)}"
        )
    ignored = {kind: n for kind, n in listed.ignored.items() if n}
    if skipped or any(kind != "hidden" for kind in ignored):
        parts = [f"skipped {len(skipped)} of {count} texts"] if skipped else []
        parts += [f"ignored {counts(ignored)}"] if ignored else []
        notice(f"{what}: {'; '.join(parts)}{listing(lines, _LISTED)}")


def of_one_length(train: Dataset, other: Dataset | None) -> tuple[Dataset, Dataset | None]:
    """Gives both the length of the longest row in either."""
    parts = [part for part in (train, other) if part is not None]
    longest = max(_opened(part).longest for part in parts)
    first, *rest = (_of_length(part, longest) for part in parts)
    return first, next(iter(rest), None)


def _opened(part: Dataset) -> TextDataset:
    texts = part.few if isinstance(part, Sample) else part
    assert isinstance(texts, TextDataset)
    return texts


def _of_length(part: Dataset, length: int) -> Dataset:
    texts = _opened(part).of_length(length)
    if isinstance(part, Sample):
        return replace(part, few=texts, items=texts.items, shape=texts.shape)
    return texts


def load_texts(source: Any, kind: TextKind, *, on_error: str = "skip") -> TextDataset:
    """Makes a `TextDataset` without labels, to predict on.

    Args:
        source: A text, a list or an array of texts, a `Path` of a `.txt` file or of a folder of
            them, a list of such files, or a `tf.data.Dataset` of strings.
        kind: How to read them.
        on_error: `"skip"` leaves out files that cannot be read, and says so; or `"raise"`.

    Raises:
        ValueError: No text at all; a list with something else in it.
        FileNotFoundError: No such file or folder.
    """
    texts, names = to_predict(source, kind)
    called = names or [f"text {i}" for i in range(len(texts))]
    pairs = list(zip(called, texts, strict=True))
    bad = [Skipped(name, text.problem) for name, text in pairs if isinstance(text, Unreadable)]
    lines = [f"{name}: {reason}" for name, reason in bad]
    if bad and (on_error == "raise" or len(bad) == len(texts)):
        raise ValueError(f"{len(bad)} of {len(texts)} cannot be read.{listing(lines, _LISTED)}")
    if bad:
        notice(f"Skipped {len(bad)} of {len(texts)} files:{listing(lines, _LISTED)}")
    good = [(name, text) for name, text in pairs if isinstance(text, str)]
    if blank := [name for name, text in good if empty(text)]:
        notice(f"Empty, and answered all the same:{listing(blank, _LISTED)}")
    dataset = kind.tokens(
        [text for _, text in good], names=[name for name, _ in good] if names else None
    )
    return replace(dataset, skipped=tuple(bad))
