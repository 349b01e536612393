"""Defines the result of a comparison, and writes it as a table."""

import json
from dataclasses import asdict, dataclass

from transferlearn.json_fields import Json
from transferlearn.money import Money
from transferlearn.tables import as_html, as_table
from transferlearn.tasks import Evaluation
from transferlearn.tasks.pairs import PairedTest
from transferlearn.wording import counted


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Holds what one model reached, and what that cost.

    Attributes:
        name: What the model is, in words.
        evaluation: All its figures on the test items.
        seconds: The seconds that all phases of its training took; 0 for a guess.
        money: What that costs; `None` without a price.
        against: How it does against the contender before it, pair by pair; `None` for the first,
            and where the task offers no such test.
    """

    name: str
    evaluation: Evaluation
    seconds: float
    money: Money | None = None
    against: PairedTest | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Holds the contenders, the simplest first; printed, they are a table.

    Attributes:
        score: The name of the figure that is compared, such as `"accuracy"`.
        items: The number of test items.
        contenders: The contenders, in order.
        left_out: Contenders that there could not be, each with the reason.
    """

    score: str
    items: int
    contenders: tuple[Contender, ...]
    left_out: tuple[str, ...] = ()

    def rows(self) -> list[list[str]]:
        """Writes the contenders as the cells of a table, its head first."""
        lines = [["", self.score, "95% interval", "seconds", "against the line above", "by"]]
        for one in self.contenders:
            low, high = one.evaluation.intervals.get(self.score, (None, None))
            interval = "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
            test = ("", "") if one.against is None else (str(one.against), one.against.method)
            value = f"{one.evaluation[self.score]:.4f}"
            lines.append([one.name, value, interval, f"{one.seconds:,.1f}", *test])
        if any(one.money is not None for one in self.contenders):
            column = ["money", *(str(one.money) for one in self.contenders)]
            for line, cell in zip(lines, column, strict=True):
                line.insert(4, cell)
        return lines

    def __str__(self) -> str:
        notes = [f"On {counted(self.items, 'test item')}.", *self.left_out]
        return "\n".join([as_table(self.rows(), right=(1, 3)), *notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Returns the same table for notebooks."""
        caption = " ".join([f"On {counted(self.items, 'test item')}.", *self.left_out])
        return as_html(self.rows(), right=(1, 3), caption=caption)

    def to_dict(self) -> Json:
        """Returns all of it as JSON takes it; `None` stands for what is not known."""
        return {
            "score": self.score,
            "items": self.items,
            "contenders": [
                {
                    "name": one.name,
                    "seconds": one.seconds,
                    "money": None if one.money is None else asdict(one.money),
                    "against": None if one.against is None else asdict(one.against),
                    "evaluation": one.evaluation.to_dict(),
                }
                for one in self.contenders
            ],
            "left_out": list(self.left_out),
        }

    def to_json(self) -> str:
        """Returns `to_dict()` as a JSON text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)
