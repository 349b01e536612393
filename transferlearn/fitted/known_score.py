"""Finds the most reliable score that a training came to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transferlearn.tasks.intervals import Interval
from transferlearn.wording import counted

if TYPE_CHECKING:
    from transferlearn.fitted.model import FittedModel


@dataclass(frozen=True)
class KnownScore:
    """Holds a score that training itself measured; printed, it is words.

    Attributes:
        name: The name of the figure, such as `"accuracy"`.
        value: Its value.
        interval: Its 95% interval.
        how: How it was measured, such as `"on 120 held-out images"`.
    """

    name: str
    value: float
    interval: Interval
    how: str

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.name} {self.value:.4f} (95%: {low:.4f} to {high:.4f}) {self.how}"


def known_score(fitted: "FittedModel[Any]") -> KnownScore | None:
    """Gives the score of held-out items, or else that of cross-validation; `None` without both."""
    score, items = fitted.encoding.score, fitted.outline.validation_items
    value = fitted.phases[-1].metrics.get(score.key) if fitted.phases else None
    if items and value is not None:
        how = f"on {counted(items, f'held-out {fitted.kind.noun}')}"
        return KnownScore(score.name, value, score.interval(value, items), how)
    solved = next((phase.solved for phase in reversed(fitted.phases) if phase.solved), None)
    if solved is None or solved.interval is None:
        return None
    then = "" if fitted.phases[-1].solved else ", which was fine-tuned since"
    how = f"in cross-validation of the solved head{then}; nothing is held out"
    return KnownScore(solved.score_name, solved.score, solved.interval, how)
