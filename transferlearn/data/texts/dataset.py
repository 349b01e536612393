"""Defines the dataset of texts: rows of token ids, of which a long text may have several."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Self

import keras
import numpy as np

from transferlearn.data.dataset import Request
from transferlearn.data.rows import RowDataset
from transferlearn.data.texts.tokens import STEP, TokenBatches, TokenContents, TokenItems
from transferlearn.edge.filling import joined_rows
from transferlearn.progress import stage, working

_STEP_TO_RUN = 32  # tokens; batches of `run` are filled up to a multiple of it, as to `STEP` in fit


@dataclass(frozen=True, kw_only=True, eq=False)
class TextDataset(RowDataset):
    """Holds texts as rows of token ids; a long text can have several rows.

    Attributes:
        texts: The whole text that each row comes from.
        sequence_length: The greatest number of tokens that a row may have.
    """

    noun: str = "text"
    items: TokenItems
    texts: list[str]
    sequence_length: int

    def item_hashes(self) -> list[str]:
        """Returns the SHA-256 of each text, which does not depend on how many tokens are read."""
        texts = (self.texts[row] for row in self.first_rows)
        return [hashlib.sha256(text.encode()).hexdigest() for text in texts]

    def called(self, row: int) -> str:
        """Returns the path of a row's text, or its number and how it begins."""
        return self.names[row] if self.names else f"text {row} ({self.texts[row]!r:.40})"

    def as_given(self, numbers: np.ndarray) -> list[str]:
        """Returns the texts with these numbers."""
        return [self.texts[row] for row in self.first_rows[numbers]]

    @property
    def longest(self) -> int:
        """Counts the tokens of the longest row."""
        return int(self.items.lengths.max())

    def of_length(self, length: int) -> Self:
        """Returns the same rows, filled up to another length."""
        return replace(self, items=self.items.of_length(length), shape=(length,))

    def rows(self, rows: np.ndarray) -> Self:
        """Returns these rows, in that order."""
        texts = [self.texts[row] for row in rows]
        return replace(super().rows(rows), texts=texts)

    def first_batch(self, batch_size: int) -> np.ndarray:
        """Returns the first rows, filled up as `run` fills them up: int32 `(batch, tokens)`."""
        return self._to_run().start(np.arange(min(batch_size, len(self.items))))()

    def run(self, model: keras.Model, *, batch_size: int) -> Any:
        """Runs a model on all rows, the short ones first, so that few are filled up much."""
        items = self._to_run()
        order = np.argsort(self.items.lengths, kind="stable")
        outputs = []
        with working(), stage("predicting", len(order), "part", cost=1.0) as predicted:
            for begin in range(0, len(order), batch_size):
                rows = order[begin : begin + batch_size]
                outputs.append(model.predict_on_batch(items.start(rows)()))
                predicted.advance(len(rows))
        back = np.argsort(order)
        return keras.tree.map_structure(lambda *parts: joined_rows(parts)[back], *outputs)

    def _to_run(self) -> TokenItems:
        """Returns the rows, filled up as little as `run` needs."""
        return self.items.of_length(self.sequence_length, step=_STEP_TO_RUN)

    def requested(self, request: Request) -> TokenBatches:
        """Makes batches that are filled up little; where shuffled, of rows of about one length."""
        return TokenBatches(
            self.items.of_length(self.shape[0], step=STEP),
            self.beside(request),
            request.batch_size,
            shuffle=request.shuffle,
            seed=request.seed,
            lengths=self.items.lengths,
        )

    def contents(self, request: Request) -> TokenContents:
        """Returns the rows, for storing features of each and training on those."""
        return TokenContents(**vars(super().contents(request)))
