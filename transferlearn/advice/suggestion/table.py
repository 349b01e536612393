"""Holds suggestions, and shows them as a table or a picture."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from transferlearn.builders import Builder
from transferlearn.json_fields import Json
from transferlearn.money import Money
from transferlearn.plotting import write_figure
from transferlearn.tables import as_html, as_paragraph, as_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STANDARD_ERRORS = 1.645  # in 95% of all cases, chance makes no row better by more than so many


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Names a network, a size and a freezing, and says what to expect of them.

    Attributes:
        builder: The candidate's builder, of images with `image_size` set, ready for the default
            recipe.
        schedule: The schedule that trains no more than `freeze` leaves, such as `"probe"`.
        network: The name of the backbone, and of its weight file where one was passed.
        size: What the network takes at once, in words, such as `"96x96 px"`.
        freeze: `"all"`, `"none"`, or the name of the block up to which the network is frozen;
            `None`: the default recipe decides.
        trained_blocks: How many blocks that leaves to train.
        score_name: The name of the figure in `score`: `"accuracy"` of classes, `"r2"` of numbers.
        score: The expected score, see `suggest`.
        interval: The 95% interval of `score`, by the number of items it was measured on.
        seconds_per_item: Seconds that a prediction takes, as measured.
        operations: Floating-point operations of a prediction.
        parameters: The number of weights of the network with its head.
        trained_parameters: How many of these weights are trained.
        megabytes: The size of the weights, in 10^6 bytes.
        training_seconds: The estimated seconds of training on all items: the frozen part once, the
            rest in each epoch; `None` where a stream does not tell how many items there are.
        cost: What `training_seconds` cost, an `amount` in a `currency`, or `None`.
        top1: The published ImageNet top-1 accuracy of the network in percent, or `None`.
        how: How the score was measured, in words.
        published_place: The network's place among the candidates by `top1`, from 1, or `None`.
        errors: How wrong the cross-validated probe is of each item, float64 `(items,)`, NaN where
            that is not known; `None`: of no item.
    """

    builder: Builder
    schedule: str
    network: str
    size: str
    freeze: str | None
    trained_blocks: int
    score_name: str
    score: float
    interval: tuple[float, float]
    seconds_per_item: float
    operations: float
    parameters: int
    trained_parameters: int
    megabytes: float
    training_seconds: float | None
    cost: Money | None = None
    top1: float | None = None
    how: str = "cross-validated"
    published_place: int | None = None
    errors: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def image_size(self) -> tuple[int, int] | None:
        """The `(height, width)` of images in pixels; `None` of other items."""
        return getattr(self.builder, "image_size", None)

    def clearly_beats(self, other: "Suggestion") -> bool:
        """Returns whether this is better than another with 95% confidence, compared item by item.

        Where it is not known how wrong each item is, a higher score decides.
        """
        if self.errors is None or other.errors is None:
            return self.score > other.score
        gained = other.errors - self.errors
        gained = gained[np.isfinite(gained)]
        # One more item like the most different one, as Agresti and Min add to paired shares: a
        # few items decide nothing.
        squares = np.square(gained - gained.mean()).sum() + np.square(gained).max()
        return bool(gained.sum() > _STANDARD_ERRORS * np.sqrt(squares))

    def facts(self) -> Json:
        """Returns all attributes but the builder and the items' errors, as values for JSON."""
        left_out = ("builder", "errors")
        facts = {name: value for name, value in vars(self).items() if name not in left_out}
        return {**facts, "cost": self.cost and asdict(self.cost)}


@dataclass(frozen=True)
class Suggestions:
    """Holds suggestions, the best first, like a sequence; printed, it is a table.

    The table marks the suggestion to start from, `recommended`, and says why it is that one.

    Attributes:
        rows: The suggestions, the best first.
        items: The number of items that were looked at.
        noun: What one of them is called.
    """

    rows: tuple[Suggestion, ...]
    items: int
    noun: str

    def __getitem__(self, index: int) -> Suggestion:
        return self.rows[index]

    def __iter__(self) -> Iterator[Suggestion]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def recommended(self) -> Suggestion:
        """Returns the suggestion to start from: the one that trains quickest of all as good.

        As good as the best is what no other clearly beats, item by item. Where no times are known,
        it is the best itself.
        """
        best, *others = self.rows
        beaten = [any(one.clearly_beats(row) for one in self.rows) for row in others]
        equals = [best, *(row for row, lost in zip(others, beaten, strict=True) if not lost)]
        return min(equals, key=lambda row: row.training_seconds or 0.0)  # of equals the first

    def __str__(self) -> str:
        return f"{as_table(self._lines())}\n{self._legend()}\n{self._advice()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Returns the table for notebooks."""
        below = as_paragraph(self._legend()) + as_paragraph(self._advice())
        return as_html(self._lines()) + below

    def _legend(self) -> str:
        """Describes how the figures were measured."""
        best = self.rows[0]
        name = best.score_name.capitalize()
        return _LEGEND.format(score=name, how=best.how, items=self.items, noun=self.noun)

    def _advice(self) -> str:
        """Returns which suggestion to start from, and why."""
        return f"* {_reason(self.recommended, self.rows[0], self.noun)}"

    def _lines(self) -> list[list[str]]:
        """Writes the table's cells, its head first."""
        best, chosen = self.rows[0], self.recommended
        names = {
            "score": best.score_name,
            "ms": f"ms per {self.noun}",
            "cost": f"cost, {best.cost and best.cost.currency}",
        }
        lines = [["", *(names.get(cell, cell) for cell in _HEAD)]]
        lines += [["*" if row is chosen else "", *_cells(row)] for row in self.rows]
        # A column without any value, such as the cost without a price, is left out.
        shown = [i for i in range(len(lines[0])) if any(line[i] != "-" for line in lines[1:])]
        return [[line[i] for i in shown] for line in lines]

    def plot(self, path: str | Path) -> None:
        """Draws each network's score, with its interval, against the number of trained blocks.

        Args:
            path: The file to write, such as `suggestions.png`.

        Raises:
            ImportError: matplotlib is not installed.
        """
        write_figure(path, self._draw)

    def _draw(self, figure: "Figure") -> None:
        axes: Any = figure.subplots()
        by_depth = sorted(self.rows, key=lambda row: row.trained_blocks)
        for title in dict.fromkeys(map(_title, self.rows)):
            rows = [row for row in by_depth if _title(row) == title]
            blocks = [row.trained_blocks for row in rows]
            axes.plot(blocks, [row.score for row in rows], "o-", label=title)
            axes.fill_between(blocks, *zip(*(row.interval for row in rows), strict=True), alpha=0.1)
        axes.set(xlabel="blocks that are trained", ylabel=f"expected {self.rows[0].score_name}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()


_HEAD = (
    "network",
    "size",
    "frozen up to",
    "score",
    "95% interval",
    "ms",
    "parameters",
    "trained",
    "MB",
    "training, s",
    "cost",
    "published top-1",
)
_LEGEND = (
    "{score}: expected, {how} on {items:,} {noun}s. Training: estimated. Published: "
    "ImageNet top-1 accuracy in percent."
)


def _reason(chosen: Suggestion, best: Suggestion, noun: str) -> str:
    """Describes why a suggestion is recommended."""
    text = f"{_words(chosen)}: {chosen.score:.3f}"
    if chosen is best and best.training_seconds is None:
        return f"{text}, the best; how long each takes to train is not known."
    if chosen is best:
        return f"{text}, the best; none that is about as good trains quicker."
    faster = (best.training_seconds or 0.0) / (chosen.training_seconds or math.inf)
    text += (
        f", which the best ({best.score:.3f}, {_words(best)}) does not clearly beat on the same "
        f"{noun}s, and {faster:.{0 if faster >= 10 else 1}f} times faster to train."
    )
    if chosen.trained_blocks < best.trained_blocks:
        text += " Training more blocks often gains more than the table can tell."
    return text


def _words(row: Suggestion) -> str:
    """Names a suggestion in words: network, size and freezing."""
    extremes = {"all": "all frozen", "none": "nothing frozen", None: "the default recipe"}
    frozen = extremes.get(row.freeze, f"frozen up to {row.freeze}")
    return f"{row.network} at {row.size}, {frozen}"


def _title(row: Suggestion) -> str:
    """Returns the label of a network in the picture: name, size and speed."""
    return f"{row.network} at {row.size}, {1000 * row.seconds_per_item:.1f} ms"


def _cells(row: Suggestion) -> tuple[str, ...]:
    """Writes a suggestion as a row of the table, in the order of `_HEAD`."""
    low, high = row.interval
    return (
        row.network,
        row.size,
        "-" if row.freeze is None else row.freeze,
        f"{row.score:.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{1000 * row.seconds_per_item:.1f}",
        f"{row.parameters / 1e6:.2f}M",
        f"{row.trained_parameters / 1e6:.2f}M",
        f"{row.megabytes:.1f}",
        "-" if row.training_seconds is None else f"{row.training_seconds:.0f}",
        "-" if row.cost is None else f"{row.cost.amount:.4f}",
        "-" if row.top1 is None else f"{row.top1:.1f}",
    )
