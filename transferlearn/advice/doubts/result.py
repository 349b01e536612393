"""Holds the labels of a data set, the most doubtful first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from transferlearn.checks import whole
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.kind import Kind
from transferlearn.data.targets import Encoder
from transferlearn.json_fields import Json
from transferlearn.tables import as_html, as_paragraph, as_table
from transferlearn.tasks import Encoding
from transferlearn.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = 20  # labels that a printed table shows


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Describes how doubtful the label of one item is.

    Attributes:
        item: The number of the item in the data, counted from 0.
        name: The path of its file, or words such as `"image 3"`.
        given: Its label, in words.
        instead: What a model says that has not seen the label, in words.
        doubt: How doubtful the label is; larger is more doubtful. Of classes and tags it is 1 minus
            the probability of the label, of masks 1 minus the mean IoU, of numbers the distance in
            usual errors, and of boxes how surely an object without a box is found, as a share of
            how surely those with one are, times how often that is right.
        suspected: Whether the label is probably wrong.
    """

    item: int
    name: str
    given: str
    instead: str
    doubt: float
    suspected: bool


@dataclass(frozen=True, kw_only=True)
class Doubts(Sequence[Doubt]):
    """Holds a `Doubt` for each item, the most doubtful first; printed, it is a table.

    Attributes:
        rows: The doubts in this order.
        how: How they were found, in words.
    """

    rows: tuple[Doubt, ...]
    how: str
    _kind: Kind = field(repr=False)
    _encoding: Encoding = field(repr=False)
    _encode: Encoder | None = field(repr=False)
    _dataset: ItemDataset = field(repr=False)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def __iter__(self) -> Iterator[Doubt]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def suspected(self) -> list[Doubt]:
        """Returns the labels that are probably wrong, the most doubtful first."""
        return [row for row in self.rows if row.suspected]

    def to_dict(self) -> Json:
        """Returns all doubts as values that JSON can hold."""
        return {"how": self.how, "labels": [dict(vars(row)) for row in self.rows]}

    def show(self, count: int = 12, *, axes: "Sequence[Axes] | None" = None) -> "Figure":
        """Draws the items with the most doubtful labels; masks are drawn over their photos.

        Args:
            count: The greatest number of items.
            axes: The axes to draw in, one for each item; `None`: those of a new figure.

        Raises:
            ImportError: Matplotlib is not installed.
        """
        from transferlearn.plotting import draw_targets
        from transferlearn.plotting.items import draw_items

        shown = self.rows[: whole("count", count, least=1)]
        numbers, data = np.array([row.item for row in shown], int), self._dataset
        rows = data.first_rows[numbers]
        masked = self._encoding.scoring.by_batch
        items = list(data.items.start(rows)()) if masked else data.as_given(numbers)
        lines = [(f"given: {row.given}", f"instead: {row.instead}") for row in shown]
        below = [row.name.replace("\\", "/").rpartition("/")[2] for row in shown]
        figure = draw_items(self._kind, items, lines, axes, "Most doubtful labels", below)
        if masked:
            raw = data.learnt[rows]
            encoded = raw if self._encode is None else self._encode(raw).targets
            draw_targets(self._encoding, encoded, figure.axes if axes is None else axes)
        return figure

    def __str__(self) -> str:
        return f"{as_table(self._lines())}\n{self.summary}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Returns the table for notebooks."""
        return as_html(self._lines()) + as_paragraph(self.summary)

    def _lines(self) -> list[list[str]]:
        """Returns the table's cells, its head first."""
        lines = [["", "item", "label", "instead", "doubt"]]
        for row in self.rows[:_SHOWN]:
            mark = "*" if row.suspected else ""
            lines.append([mark, row.name, row.given, row.instead, f"{row.doubt:.3g}"])
        return lines

    @property
    def summary(self) -> str:
        """Returns a line that says how many labels are suspected, and how that was found."""
        suspected, left = len(self.suspected), len(self) - _SHOWN
        more = f"{left:,} more are in .rows, and in a shell with --json.\n" if left > 0 else ""
        return (
            f"{more}* Probably wrong: {counted(suspected, 'label')} of {len(self):,}. Look at them "
            f"before you change any. Found {self.how}."
        )
