"""Finds the most reliable score that a training came to."""

from collections.abc import Sequence
from dataclasses import dataclass

from transferlearn.fitted.outline import Outline
from transferlearn.schedules import PhaseResult
from transferlearn.tasks import Score
from transferlearn.tasks.intervals import Interval
from transferlearn.wording import counted


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


def known_score(
    score: Score, phases: Sequence[PhaseResult], outline: Outline, noun: str
) -> KnownScore | None:
    """Gives the score of held-out items, or else that of cross-validation; `None` without both.

    Args:
        score: The score of the task.
        phases: What each phase of the training came to.
        outline: Says how many items were held out.
        noun: The word for an item.
    """
    items = outline.validation_items
    value = phases[-1].metrics.get(score.key) if phases else None
    if items and value is not None:
        how = f"on {counted(items, f'held-out {noun}')}"
        low, high = outline.interval or score.interval(value, items)
        return KnownScore(score.name, value, (low, high), how)
    solved = next((phase.solved for phase in reversed(phases) if phase.solved), None)
    if solved is None or solved.interval is None:
        return None
    then = "" if phases[-1].solved else ", which was fine-tuned since"
    how = f"in cross-validation of the solved head{then}; nothing is held out"
    return KnownScore(solved.score_name, solved.score, solved.interval, how)
