"""Defines what a report is made of: sections of texts, tables and pictures."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

SHOWN = 12  # rows of a long table that are shown at first


@dataclass(frozen=True)
class ReportTable:
    """Holds the cells of a table, its head first.

    Attributes:
        rows: The cells, as many in each row.
        right: The numbers of the columns that are aligned to the right, counted from 0.
        title: What stands above it; empty for nothing.
    """

    rows: Sequence[Sequence[str]]
    right: Collection[int] = ()
    title: str = ""

    @property
    def head(self) -> Sequence[str]:
        """The cells of the head."""
        return self.rows[0]

    @property
    def first(self) -> Sequence[Sequence[str]]:
        """The rows that are shown at first."""
        return self.rows[1 : SHOWN + 1]

    @property
    def rest(self) -> Sequence[Sequence[str]]:
        """The rows that are shown on demand."""
        return self.rows[SHOWN + 1 :]


@dataclass(frozen=True)
class ReportImage:
    """Holds a picture that is part of the page.

    Attributes:
        title: What stands above it.
        content: The picture in HTML, which can be trusted.
    """

    title: str
    content: "Markup"


@dataclass
class Section:
    """Holds a part of a report, in the order in which it is shown: texts, tables, pictures, code.

    Attributes:
        anchor: The name that links lead to.
        title: Its title.
        texts: Its paragraphs.
        tables: Its tables.
        pictures: Its pictures.
        code: Lines of Python or of a shell; empty for none.
    """

    anchor: str
    title: str
    texts: list[str] = field(default_factory=list)
    tables: list[ReportTable] = field(default_factory=list)
    pictures: list[ReportImage] = field(default_factory=list)
    code: str = ""

    @property
    def is_empty(self) -> bool:
        """Returns whether there is nothing to show."""
        return not (self.texts or self.tables or self.pictures or self.code)
