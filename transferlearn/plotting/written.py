"""Finds the texts that a model wrote worst, and puts them beside the right ones."""

from transferlearn.plotting.evaluations import Mistake, mistakes
from transferlearn.plotting.results import said_and_true
from transferlearn.tasks import WritingEvaluation


@said_and_true.register
def _(evaluation: WritingEvaluation) -> list[tuple[str, ...]]:
    assert evaluation.targets is not None
    pairs = zip(evaluation.texts, map(str, evaluation.targets), strict=True)
    return [(f"wrote {wrote!r}", f"right {right!r}") for wrote, right in pairs]


@mistakes.register
def _(evaluation: WritingEvaluation, count: int = 12) -> list[Mistake]:
    """Returns the texts with the most wrong words, or whose right ones are the least likely."""
    lines, wrong = said_and_true(evaluation), evaluation.wrong
    order = [i for i in (-wrong).argsort(kind="stable").tolist() if wrong[i]]
    return [Mistake(i, lines[i]) for i in order[:count]]
