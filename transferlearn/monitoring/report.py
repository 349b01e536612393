"""Tells what watching a batch of items came to, as text, as HTML and as JSON."""

import html
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from transferlearn.json_fields import Json
from transferlearn.monitoring.reference import TRAINED_ON
from transferlearn.monitoring.traits import in_words
from transferlearn.tables import as_html, as_table

_SHOWN = 10


class Test(NamedTuple):
    """Holds what one test says.

    Attributes:
        name: What it looks at.
        watched: Whether that is a property of the `"items"` or of the `"predictions"`.
        p_value: How likely it is that any of the tests is as extreme, if nothing has changed.
        alarm: Whether that is less than the asked rate of false alarms.
        before: The mean in the reference; `None` where there is no such thing.
        now: The mean in the batch.
    """

    name: str
    watched: str
    p_value: float
    alarm: bool
    before: float | None
    now: float | None


class OddItem(NamedTuple):
    """Holds an item that is unlike all of the reference.

    Attributes:
        name: What the item is called: its path, or its place in the batch.
        novelty: How far it is from the training items, the logarithm of a squared distance.
        p_value: The share of items of the reference that are as far.
    """

    name: str
    novelty: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Tells what watching a batch came to; printed, it is a table.

    Attributes:
        items: The number of items.
        reference_items: The number of items of the reference.
        how: What the reference's items are, such as `"held-out"`.
        false_alarms: How often a batch without any change may be called an alarm.
        p_value: How likely the most extreme test is if nothing has changed, all tests counted.
        alarm: Whether something has changed.
        tests: The tests, the most extreme first.
        accuracy: The accuracy that is estimated without labels, and its 95% interval; `None` where
            something has changed, since it would be wrong then, or nothing says it.
        reference_score: The score of the reference's items.
        score: The score of the items whose labels are known, or `None`.
        worse: How likely labelled items are as bad as these if nothing has changed, or `None`.
        odd: Single items that are unlike all of the reference, the oddest first.
        label_first: The names of the items whose labels would tell most.
    """

    items: int
    reference_items: int
    how: str
    false_alarms: float
    p_value: float
    alarm: bool
    tests: tuple[Test, ...]
    accuracy: tuple[float, ...] | None
    reference_score: float | None
    score: float | None
    worse: float | None
    odd: tuple[OddItem, ...]
    label_first: tuple[str, ...]

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.tests, key=lambda test: test.p_value))
        object.__setattr__(self, "tests", ordered)

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names the tests that are alarms, the most extreme first."""
        return tuple(test.name for test in self.tests if test.alarm)

    @property
    def verdict(self) -> str:
        """The verdict on the batch, in a sentence."""
        by_chance = (
            f"differences this large come by chance in {_share(self.p_value)} of batches without "
            f"a change, and at most {_share(self.false_alarms)} is an alarm."
        )
        if not self.alarm:
            return f"Nothing has changed, as far as {self.items:,} items show: {by_chance}"
        return f"Alarm: {', '.join(self.drifted[:5])}: {by_chance}"

    @property
    def facts(self) -> list[str]:
        """Returns what is known of the accuracy, of odd items, and what to do, in sentences."""
        lines = []
        if self.how == TRAINED_ON:
            lines.append(
                "Features and answers are not watched, since nothing was held out in training. "
                "Have them watched: transferlearn monitor MODEL NEW_ITEMS --make-reference"
            )
        if self.score is not None:
            than = "" if self.reference_score is None else f"; {self.reference_score:.3f} before"
            sure = "" if self.worse is None else f"; so low by chance: {_share(self.worse)}"
            lines.append(f"Score of labelled items: {self.score:.3f}{than}{sure}.")
        if self.accuracy is not None:
            value, low, high = self.accuracy
            lines.append(
                f"Accuracy, estimated without labels: {value:.3f} ({low:.3f} to {high:.3f})."
            )
        elif self.alarm and self.score is None:
            lines.append("No accuracy is estimated: after a change it would be wrong. Label some.")
        if self.odd:
            names = ", ".join(item.name for item in self.odd[:3])
            lines.append(f"Odd items: {len(self.odd):,}, such as {names}.")
        if self.alarm and self.label_first:
            lines.append(f"Label first: {', '.join(self.label_first[:5])}.")
        return lines

    def rows(self) -> list[list[str]]:
        """Returns the table of tests, its head first."""
        rows = [["test", "of", "before", "now", "by chance", ""]]
        for test in self.tests:
            means = _mean(test.name, test.before), _mean(test.name, test.now)
            alarm = "alarm" if test.alarm else ""
            rows.append([test.name, test.watched, *means, _share(test.p_value), alarm])
        return rows

    def __str__(self) -> str:
        rows = self.rows()
        table = as_table(rows[: 1 + _SHOWN], right=(2, 3, 4))
        rest = len(rows) - 1 - _SHOWN
        more = [f"and {rest} more tests, none of which is more extreme"] if rest > 0 else []
        return "\n".join([self.verdict, *self.facts, table, *more])

    __repr__ = __str__

    def to_dict(self) -> Json:
        """Returns everything as values that JSON can hold."""
        parts = replace(self, tests=(), odd=())
        return {
            **asdict(parts),
            "tests": [test._asdict() for test in self.tests],
            "odd": [item._asdict() for item in self.odd],
        }

    def to_html(self) -> str:
        """Returns a part of a page: the verdict, the facts and the table of tests."""
        return _page_part(self.verdict, self.facts, as_html(self.rows(), right=(2, 3, 4)))

    _repr_html_ = to_html

    def to_page(self) -> str:
        """Returns a whole page, which loads nothing from elsewhere."""
        head = (
            '<meta charset="utf-8"><meta name="generator" content="transferlearn">'
            "<title>Monitor</title>"
        )
        style = "body{font-family:system-ui,sans-serif;max-width:50rem;margin:2rem auto}"
        return (
            f'<!doctype html><html lang="en"><head>{head}<style>{style}</style></head>'
            f"<body><h1>Monitor</h1>{self.to_html()}</body></html>"
        )


def _page_part(verdict: str, facts: list[str], table: str) -> str:
    """Puts sentences and a table together; the sentences are shown as they are."""
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in facts)
    return f"<p><strong>{html.escape(verdict)}</strong></p>{lines}{table}"


def _mean(name: str, value: float | None) -> str:
    """Writes a mean, or nothing."""
    return "" if value is None else in_words(name, value)


def _share(value: float) -> str:
    """Writes how often something happens."""
    return "less than 0.01%" if value < 1e-4 else f"{float(f'{100 * value:.2g}'):g}%"
