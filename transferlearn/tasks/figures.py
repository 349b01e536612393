"""Holds the figures that say how good a model is, with all that they were computed from."""

import abc
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Self

import numpy as np

from transferlearn.json_fields import Json
from transferlearn.tables import as_html, as_paragraph, as_table
from transferlearn.tasks.intervals import Interval
from transferlearn.tasks.scores import Score

_SHOWN = 20  # the most parts, such as classes, that a printed table shows
_NAME = 40  # the most characters of a part's name that it shows
_COUNTS = ("count", "support", "objects", "found")
_OF_PART = ": "  # stands between the name of a figure and that of its part


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Mapping[str, float]):
    """Holds figures by key and by attribute: `scores["accuracy"]`, `scores.accuracy`.

    A figure of a part, such as a class, has a key like `"recall: dog"`; `parts` has them as a
    table. Printed, an evaluation is a table, too.

    Attributes:
        figures: All figures, by key.
        intervals: For some figures, by key, the interval that holds the true value in 95% of all
            cases.
        interval_methods: How each interval was computed, such as `"Wilson"` or `"bootstrap"`.
        baseline: The score of always guessing the commonest class, or the mean; NaN where that is
            not known.
        score: The score by which models of this task are compared; its `name` is a key.
        model_values: What the model gives for each item, such as probabilities, one row an item.
            (`values()` is that of any mapping.) `None` where that would be as large as the items.
        targets: The raw targets of the items, one row an item; `None` likewise.
        paths: The path of each item's file, in order; `None` for items that are no files.
        seconds: The seconds that reading the items and predicting took; NaN where not measured.
        unchanged: The figures of what was not trained: of the items themselves, taken for answers,
            or of the pretrained network, where it answers too; `None` where there are none.

    Example:
        scores = fitted.evaluate("photos/test")
        print(scores)
        low, high = scores.intervals["accuracy"]
    """

    figures: Mapping[str, float]
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    _: KW_ONLY
    interval_methods: Mapping[str, str] = field(default_factory=dict)
    baseline: float = math.nan
    score: Score | None = None
    model_values: np.ndarray | None = None
    targets: np.ndarray | None = None
    paths: tuple[str | None, ...] = ()
    seconds: float = math.nan
    unchanged: "Evaluation | None" = None

    def __getitem__(self, name: str) -> float:
        return self.figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    def __getattr__(self, name: str) -> float:
        figures = self.__dict__.get("figures", {})  # copy and pickle ask before there are any
        try:
            return figures[name]
        except KeyError:
            known = (key for key in figures if _OF_PART not in key)
            raise AttributeError(
                f"There is no figure {name!r}. There are: {', '.join(known)}."
            ) from None

    @property
    def items_per_second(self) -> float:
        """Returns how many items were read and predicted in a second; NaN where not measured."""
        return self.figures.get("count", math.nan) / self.seconds if self.seconds else math.nan

    @property
    def overall(self) -> dict[str, float]:
        """The figures that are about all items, not about a part such as a class."""
        return {name: value for name, value in self.figures.items() if _OF_PART not in name}

    @property
    def parts(self) -> dict[str, dict[str, float]]:
        """The figures of each part, such as a class: `scores.parts["dog"]["recall"]`."""
        parts: dict[str, dict[str, float]] = {}
        for name, value in self.figures.items():
            figure, separator, part = name.partition(_OF_PART)
            if separator:
                parts.setdefault(part, {})[figure] = value
        return parts

    def beside(self, unchanged: "Evaluation", classical: "Tally | None" = None) -> Self:
        """Returns these figures beside those of what was not trained, and of a method."""
        return replace(self, unchanged=unchanged)

    def beside_pretrained(self, unchanged: "Evaluation", names: Collection[str]) -> Self:
        """Adds figures of the pretrained network, such as `pretrained_perplexity`."""
        figures = {f"pretrained_{name}": unchanged[name] for name in names}
        intervals = {
            f"pretrained_{name}": unchanged.intervals[name]
            for name in names
            if name in unchanged.intervals
        }
        return replace(
            self,
            figures={**self.figures, **figures},
            intervals={**self.intervals, **intervals},
            interval_methods={**self.interval_methods, **dict.fromkeys(intervals, "bootstrap")},
            unchanged=unchanged,
        )

    def completed(
        self,
        score: Score,
        model_values: np.ndarray | None,
        targets: np.ndarray | None,
        paths: tuple[str | None, ...],
        seconds: float,
    ) -> Self:
        """These figures with what `FittedModel.evaluate` knows, and the score's interval."""
        intervals, methods = dict(self.intervals), dict(self.interval_methods)
        count = int(self.figures.get("count", 0))
        if count and score.name in self.figures and score.name not in intervals:
            intervals[score.name] = score.interval(self.figures[score.name], count)
            methods[score.name] = score.interval_method
        return replace(
            self,
            intervals=intervals,
            interval_methods=methods,
            score=score,
            model_values=model_values,
            targets=targets,
            paths=paths,
            seconds=seconds,
        )

    def to_dict(self) -> Json:
        """Returns figures, intervals and names as JSON takes them, where NaN is `None`."""
        return {
            "score": None if self.score is None else self.score.name,
            "figures": {name: _plain(value) for name, value in self.figures.items()},
            "intervals": {
                name: {"low": _plain(low), "high": _plain(high), "method": self._method(name)}
                for name, (low, high) in self.intervals.items()
            },
            "baseline": _plain(self.baseline),
            "seconds": _plain(self.seconds),
            "items_per_second": _plain(self.items_per_second),
        }

    def to_json(self) -> str:
        """Returns `to_dict()` as a JSON text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def overall_rows(self) -> list[list[str]]:
        """Writes the figures about all items as the cells of a table, its head first."""
        return [
            ["figure", "value", "95% interval", "interval by"],
            *([name, _shown(name, v), *self._interval(name)] for name, v in self.overall.items()),
        ]

    def part_rows(self, count: int) -> list[list[str]]:
        """Writes the figures of at most `count` parts as the cells of a table, its head first."""
        parts = self.parts
        figures = list(dict.fromkeys(figure for part in parts.values() for figure in part))
        lines = [
            [
                _short(name),
                *(_shown(figure, parts[name].get(figure, math.nan)) for figure in figures),
            ]
            for name in self.shown_parts(count)
        ]
        return [["", *figures], *lines]

    def __str__(self) -> str:
        tables = [as_table(self.overall_rows(), right=[1])]
        if self.parts:
            rows = self.part_rows(_SHOWN)
            tables.append(as_table(rows, right=range(1, len(rows[0]))) + self._more(rows, "\n"))
        if math.isfinite(self.items_per_second):
            tables.append(self._speed())
        if remark := self.remark():
            tables.append(remark)
        return "\n\n".join(tables)

    def _repr_html_(self) -> str:
        """Returns the same tables for notebooks."""
        shown = as_html(self.overall_rows(), right=[1])
        if self.parts:
            rows = self.part_rows(_SHOWN)
            shown += as_html(rows, right=range(1, len(rows[0]))) + as_paragraph(self._more(rows))
        shown += as_paragraph(self._speed()) if math.isfinite(self.seconds) else ""
        return shown + (as_paragraph(remark) if (remark := self.remark()) else "")

    def remark(self) -> str:
        """Returns a sentence on what the figures mean; empty where the figures are enough."""
        return ""

    def _more(self, rows: Sequence[Sequence[str]], before: str = "") -> str:
        """Describes how many parts a table leaves out; empty where it has all."""
        left = len(self.parts) + 1 - len(rows)
        return f"{before}and {left:,} more: parts has all of them." if left else ""

    def _speed(self) -> str:
        """Describes how long the evaluation took."""
        return f"{self.seconds:.1f} s, {self.items_per_second:,.1f} items a second."

    def __repr__(self) -> str:
        return str(self)

    def shown_parts(self, count: int) -> Sequence[str]:
        """Returns the names of the parts that a table shows if it has `count` lines for them."""
        return list(self.parts)[:count]

    def _method(self, name: str) -> str:
        return self.interval_methods.get(name, "")

    def _interval(self, name: str) -> tuple[str, str]:
        """Writes the interval of a figure, and how it was computed; nothing where there is none."""
        if name not in self.intervals:
            return "", ""
        low, high = self.intervals[name]
        return f"{_shown(name, low)} to {_shown(name, high)}", self._method(name)


class Tally(abc.ABC):
    """Holds what some items add to the figures, where their values are too large to be kept."""

    @classmethod
    @abc.abstractmethod
    def joined(cls, tallies: Sequence[Self]) -> Self:
        """Puts the tallies of several batches into one."""

    @abc.abstractmethod
    def evaluation(self) -> Evaluation:
        """Computes the figures."""


def _short(name: str) -> str:
    """Returns a name, cut off where it is so long that a table would be too wide."""
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _plain(value: float) -> float | None:
    """Returns a finite number as it is, whole ones without a fraction; JSON has no NaN."""
    if not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else float(value)


def _shown(figure: str, value: float) -> str:
    """Writes a figure: counts and large whole numbers without decimals, others with four."""
    if not math.isfinite(value):
        return "-" if math.isnan(value) else str(value)
    if figure in _COUNTS or (float(value).is_integer() and abs(value) >= 2):
        return f"{value:,.0f}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e3 or not value else f"{value:.4g}"
