"""Describes texts to go on with as a kind of data, and their dataset: rows that overlap by one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self

import numpy as np

from transferlearn.data.batches import Beside
from transferlearn.data.dataset import Request
from transferlearn.data.messages import notice
from transferlearn.data.sequences.next_tokens import NextTokenTargets
from transferlearn.data.sequences.passages import Passage, parts_of, read_passage
from transferlearn.data.targets.base import Encoded, Target, Targets
from transferlearn.data.texts.dataset import TextDataset
from transferlearn.data.texts.kind import Texts
from transferlearn.data.texts.reading import Unreadable
from transferlearn.data.texts.tokens import STEP, TokenItems
from transferlearn.edge.text_reader import MOST, PromptReader, TextReader
from transferlearn.edge.tokenizers import EdgeTokenizer
from transferlearn.json_fields import Json
from transferlearn.monitoring.traits import Traits, of_tokens
from transferlearn.types import TfData

PADDING = -1  # what rows are filled up with: no tokenizer has it


@dataclass(frozen=True, kw_only=True, eq=False)
class CorpusDataset(TextDataset):
    """Holds texts as rows of tokens, each with the token that comes next.

    Attributes:
        following: The token after each token of a row; -1 where none is learnt, as of the last.
        end: The id of the token that ends a text; -1: there is none.
    """

    following: Sequence[np.ndarray]
    end: int

    def rows(self, rows: np.ndarray) -> Self:
        """Returns these rows, in that order."""
        return replace(super().rows(rows), following=[self.following[row] for row in rows])

    def tokens_of(self, row: int) -> np.ndarray:
        """Returns the tokens of a row, int32 `(tokens,)`."""
        (filled,) = self.items.start(np.array([row]))()
        return np.asarray(filled[filled != PADDING])

    def content_hashes(self) -> list[str]:
        """Returns a hash for each row, with its text: short rows of two texts are no copies."""
        of_texts = np.array(self.item_hashes())[self.item_of]  # each hashed once
        rows = zip(self.items.content_hashes(), of_texts, strict=True)
        return [hashlib.sha256(f"{own} {text}".encode()).hexdigest() for own, text in rows]

    def of_items(self, values: np.ndarray) -> np.ndarray:
        """Returns for each text how unlikely its tokens are in all, and their number.

        Args:
            values: The logarithm of the probability of the token after each token of a row, float
                `(rows, tokens)`.

        Returns:
            The negative sum in nats and the number of tokens that are learnt, but for the token
            that ends a text, float64 `(texts, 2)`.
        """
        if self.targets is None:  # what was written behind prompts
            return values
        sums = np.zeros((self.count, 2))
        np.add.at(sums, self.item_of, self.of_rows(np.arange(len(self.following)), values))
        return sums

    def of_rows(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Returns the same sums for some rows, float64 `(rows, 2)`, of their values."""
        sums = np.zeros((len(rows), 2))
        for place, number, row in zip(sums, rows, values, strict=True):
            following = self.following[number]
            told = row[: len(following)][(following >= 0) & (following != self.end)]
            place[:] = -told.sum(dtype="float64"), len(told)
        return sums

    def beside(self, request: Request) -> Beside | None:
        """Makes the function that gives a batch's next tokens, one for each token of the batch."""
        of_texts = super().beside(request)
        if of_texts is None:
            return None
        items = TokenItems(self.following, self.shape[0], PADDING, STEP)

        def beside(rows: np.ndarray) -> Encoded:
            return of_texts(rows)._replace(targets=items.start(rows)(), aligned=True)

        return beside


@dataclass(frozen=True)
class Corpus(Texts):
    """Reads texts as rows of tokens to learn the next one of.

    A long text has several rows, which overlap by one token, so that each token but a text's first
    is learnt once. The token that ends a text is learnt behind its last, where there is one. To
    predict on, texts are prompts, which may be longer than a row.

    Args:
        context: The most tokens that the network can read, a prompt and what is written behind it
            together; `None`: any number.
    """

    name: ClassVar[str] = "corpus"
    endings: ClassVar[tuple[str, ...]] = (".txt", ".md", ".markdown")
    columns: ClassVar[tuple[str, ...]] = (*Texts.columns, "prompt")
    columns_of_items: ClassVar[tuple[str, ...]] = ("prompt", "response")

    context: int | None = None

    def stream(self, source: TfData, target: Target, *, on_error: str) -> CorpusDataset:
        """Refuses a stream to learn from."""
        raise TypeError(
            "Texts to go on with do not come in streams. Pass a folder, a file or a list of texts."
        )

    def settings(self) -> Json:
        """Returns the settings that a save holds, without the tokenizer."""
        kept = {name: value for name, value in super().settings().items() if name != "long_texts"}
        return {**kept, "context": self.context}

    def traits(self, batch: np.ndarray) -> Traits:
        """Measures the number of tokens and the share of unknown ones."""
        return of_tokens(batch, PADDING, self.tokenizer.unknown)

    def _as_text(self, item: object) -> str | Unreadable:
        """Returns an item of a source as a text, or says why it is none."""
        return read_passage(item, self.tokenizer.chat_template)

    def with_columns(
        self, items: Sequence[object], cells: Mapping[str, Sequence[object]]
    ) -> list[object]:
        """Returns a table's prompts with their responses; its texts where it has no prompts."""
        if "prompt" not in cells:
            return list(items)
        responses = cells.get("response", [None] * len(items))
        pairs = zip(cells["prompt"], responses, strict=True)
        return [{"prompt": prompt, "response": response} for prompt, response in pairs]

    def _say_empty(self, names: Sequence[str]) -> None:
        """Refuses prompts that are empty."""
        if names:
            raise ValueError(f"There is nothing to go on from in {', '.join(names)}: it is empty.")

    def _reader(self, tokenizer: EdgeTokenizer) -> TextReader:
        """Returns what reads prompts by a tokenizer."""
        return PromptReader(tokenizer, self.context or MOST, padding=PADDING)

    def tokens(
        self,
        texts: Sequence[str],
        *,
        names: Sequence[str] | None = None,
        targets: Targets | None = None,
        sample_weight: np.ndarray | None = None,
        groups: Sequence[str] | None = None,
    ) -> CorpusDataset:
        """Tokenizes texts: to learn from with `targets`, else as prompts."""
        if targets is not None:
            return self._to_learn(texts, names, sample_weight, groups)
        ids_of_texts = self.tokenizer.tokenize(texts)
        if empty := [i for i, ids in enumerate(ids_of_texts) if not len(ids)]:
            raise ValueError(f"Prompt {empty[0]} is empty, so there is nothing to go on from.")
        rows = [_Row(ids, ids[:0]) for ids in ids_of_texts]
        return self._dataset(rows, np.arange(len(texts)), texts, names)

    def _to_learn(
        self,
        texts: Sequence[str],
        names: Sequence[str] | None,
        sample_weight: np.ndarray | None,
        groups: Sequence[str] | None,
    ) -> CorpusDataset:
        """Cuts texts into rows that overlap by one token."""
        parts = [parts_of(text) for text in texts]
        ids = iter(self.tokenizer.tokenize([part.text for some in parts for part in some]))
        rows, of_row, sizes, cut = list[_Row](), list[int](), np.zeros(len(texts), int), list[int]()
        for number, some in enumerate(parts):
            pieces = [(next(ids), part) for part in some]
            whole = self._whole([(own, part.learnt) for own, part in pieces])
            found = _cut(whole, self.sequence_length, isinstance(texts[number], Passage))
            if len(found) < -(-(len(whole.ids) - 1) // (self.sequence_length - 1)):
                cut.append(len(whole.ids))
            rows += found
            of_row += [number] * len(found)
            sizes[number] = sum(len(part.text.encode()) for part in some if part.learnt)
            if some[0].learnt:  # nothing foretells the first token
                sizes[number] -= len(self.tokenizer.text(pieces[0][0][:1].tolist()).encode())
        if cut:
            notice(
                f"Of {len(texts):,} texts {len(cut):,} have prompts that do not fit with their "
                f"responses into sequence_length={self.sequence_length} tokens (the longest has "
                f"{max(cut):,}): their beginnings are left out. All responses are learnt."
            )
        made = self._dataset(rows, np.array(of_row), texts, names)
        return replace(
            made,
            targets=NextTokenTargets(sizes=sizes, end=made.end).take(made.source_of),
            sample_weight=None if sample_weight is None else sample_weight[made.source_of],
            groups=None if groups is None else [groups[i] for i in of_row],
        )

    def _whole(self, parts: Sequence[tuple[np.ndarray, bool]]) -> "_Row":
        """Joins the tokens of a text's parts; what is learnt ends with the token that ends texts.

        A chat template may have written that token itself.
        """
        end, ids, learnt = np.array(self.tokenizer.end, np.int32), [], []
        for own, is_learnt in parts:
            if is_learnt and not np.isin(own, end).any():
                own = np.concatenate([own, end])
            ids.append(own)
            learnt.append(np.full(len(own), is_learnt))
        joined, known = np.concatenate(ids).astype(np.int32), np.concatenate(learnt)
        return _Row(joined, np.append(np.where(known[1:], joined[1:], PADDING), PADDING))

    def _dataset(
        self,
        rows: Sequence["_Row"],
        of_row: np.ndarray,
        texts: Sequence[str],
        names: Sequence[str] | None,
    ) -> CorpusDataset:
        """Makes a dataset of rows of tokens, without targets."""
        length = max(len(row.ids) for row in rows)
        end = self.tokenizer.end
        return CorpusDataset(
            items=TokenItems([row.ids for row in rows], length, PADDING),
            shape=(length,),
            sequence_length=max(length, self.sequence_length),  # prompts may be longer
            size=len(rows),
            source_of=of_row,
            texts=[texts[i] for i in of_row],
            following=[row.following for row in rows],
            end=end[0] if end else PADDING,
            names=None if names is None else [names[i] for i in of_row],
        )


class _Row(NamedTuple):
    """Holds tokens, and the one that is learnt behind each: -1 where none is."""

    ids: np.ndarray
    following: np.ndarray


def _cut(whole: _Row, length: int, answers: bool) -> list[_Row]:
    """Cuts a text into rows of up to `length` tokens that overlap by one.

    Of one with prompts, the last row is full, and rows that nothing is learnt in are left out.
    """
    last, step = len(whole.ids) - 1, length - 1
    begins: Sequence[int] = range(0, max(1, last), step)
    ends = [begin + step for begin in begins]
    if answers:
        ends = list(range(last, 0, -step))[::-1]
        begins = [max(0, end - step) for end in ends]
    rows = []
    for begin, end in zip(begins, ends, strict=True):
        following = whole.following[begin : end + 1].copy()
        following[-1] = PADDING
        rows.append(_Row(whole.ids[begin : end + 1], following))
    learnt = [row for row in rows if (row.following >= 0).any()]
    return (learnt if answers else rows) or [whole]
