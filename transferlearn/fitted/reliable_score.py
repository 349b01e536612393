"""Finds the score that a training measured of the model it ended with."""

from collections.abc import Sequence
from dataclasses import dataclass

from transferlearn.fitted.outline import Outline
from transferlearn.schedules import PhaseResult
from transferlearn.schedules.results import WITHIN_GROUP
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
    """Returns the score that training measured of the weights it ended with; `None` without one.

    It is that of the held-out items. Where nothing is held out, it is the cross-validated score of
    a solved head, unless the network was trained further.

    Args:
        score: The score of the task.
        phases: What each phase of the training came to.
        outline: Says how many items were held out.
        noun: The word for an item.
    """
    if not phases:
        return None
    # A phase that went back to the weights before it left the model of an earlier phase.
    last = next((phase for phase in reversed(phases) if phase.kept_epoch != 0), phases[-1])
    solved, items = last.solved, outline.validation_items
    value = phases[-1].metrics.get(score.key)
    if items and value is not None:
        then = ", which the head was then solved on too" if solved and solved.items_again else ""
        balanced = outline.balanced_accuracy
        alike = "" if balanced is None else f"; balanced_accuracy {balanced:.4f}, all classes alike"
        also = f"; {words}" if (words := score.also(value, outline.baseline)) else ""
        how = f"on {counted(items, f'held-out {noun}')}{then}{alike}{also}"
        low, high = outline.interval or score.interval(value, items)
        return KnownScore(score.name, value, (low, high), how)
    if solved is None:
        return None
    within = f", {WITHIN_GROUP}" if solved.within_group else ""
    how = f"cross-validated on {counted(solved.items, noun)}{within}"
    return KnownScore(solved.score_name, solved.score, solved.interval, how)


def in_words(score: KnownScore | None, command: str) -> str:
    """Returns the score as a sentence, or else the command that measures one."""
    if score is None:
        return f"no score yet, since nothing was held out. Measure it: {command}"
    return str(score)
