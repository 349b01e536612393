"""Finds texts whose next tokens are learnt, in any source."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NoReturn, Self

import numpy as np

from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed
from transferlearn.data.sequences.passages import list_texts
from transferlearn.data.targets.base import ByBatch, Target, Targets


@dataclass(frozen=True, kw_only=True, eq=False)
class NextTokenTargets(Targets):
    """Holds the size of each text, which figures by the byte need; the next tokens are in its rows.

    Attributes:
        sizes: The bytes of each text in UTF-8, without its first token, which nothing tells;
            int64 `(texts,)`.
        end: The id of the token that ends a text; -1: there is none.
    """

    sizes: np.ndarray
    end: int = -1

    @property
    def count(self) -> int:
        """Counts the texts."""
        return len(self.sizes)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Returns the bytes of some texts, int64 `(n,)`."""
        return self.sizes[rows]

    def take(self, rows: np.ndarray) -> Self:
        """Returns the sizes of some texts, in that order."""
        return replace(self, sizes=self.sizes[rows])

    def parse(self, given: np.ndarray) -> NoReturn:
        """Refuses streams."""
        raise TypeError(_NO_STREAM)

    def summary(self) -> str:
        """Returns how large the texts are."""
        return f"next tokens of {self.sizes.sum() / 1e3:,.0f} kB"


@dataclass(frozen=True)
class NextTokens(Target):
    """Learns which token comes next in texts; texts are their own targets.

    The source is a folder of `.txt` and `.md` files, in folders below it or not; one such file; a
    file of JSON lines; a table with a column `text`, or with `prompt` and `response`; or a list.
    An entry of a list or a line of JSON is `{"text"}`, `{"prompt", "response"}` or `{"messages"}`.
    """

    items_folder: ClassVar[str | None] = "."
    alone: ClassVar[bool] = True
    expected: ClassVar[str] = (
        "a folder of .txt and .md files, one such file, or JSON lines (.jsonl)"
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """Returns no name: texts are their own targets."""
        return ()

    def listed(self, path: Path, endings: Sequence[str], noun: str) -> Listed | None:
        """Lists the texts of a file; `None` for a folder or a table."""
        return list_texts(path, endings, noun) if path.is_file() else None

    def of_folders(self, origin: ByFolder, listed: Listed) -> NextTokenTargets:
        """Takes each text itself."""
        return self.gather(listed)

    def of_rows(self, origin: ByRow) -> NextTokenTargets:
        """Takes each text itself."""
        return NextTokenTargets(sizes=np.zeros(len(origin.rows), int))

    def of_columns(self, origin: ByColumn, listed: Listed) -> NextTokenTargets:
        """Takes each text itself."""
        return self.gather(listed)

    def of_stream(self, origin: ByBatch) -> NoReturn:
        """Refuses streams."""
        raise TypeError(_NO_STREAM)

    def gather(self, listed: Listed) -> NextTokenTargets:
        """Takes each text itself, whose size is known once it is read."""
        return NextTokenTargets(sizes=np.zeros(len(listed), int))


_NO_STREAM = "Texts to go on with do not come in streams. Pass a folder, a file or a list of texts."
