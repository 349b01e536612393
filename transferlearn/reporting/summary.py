"""Sums a report up: the score, whether it is better than guessing, and what to look at."""

import math
from dataclasses import dataclass

from transferlearn.fitted import FittedModel
from transferlearn.fitted.showing import facts_of
from transferlearn.tasks import Evaluation, Score
from transferlearn.wording import counted

_NAMED = 5


@dataclass(frozen=True)
class Summary:
    """Holds what the first screen of a report shows.

    Attributes:
        title: What the model is.
        name: The name of the score; empty where none is known.
        value: The score, written.
        interval: Its 95% interval and how it was measured, in words.
        verdict: What to think of it, in a sentence.
        warnings: What to look at before the model is relied on.
        facts: Pairs of a word and what it stands for.
    """

    title: str
    name: str
    value: str
    interval: str
    verdict: str
    warnings: list[str]
    facts: list[tuple[str, str]]


def summarise(fitted: FittedModel, evaluation: Evaluation | None, doubts: list[str]) -> Summary:
    """Sums up what is known of a model, by its test where there was one, with doubts about that."""
    outline, noun = fitted.outline, fitted.kind.noun
    score, known = fitted.encoding.score, fitted.known_score
    name = value = interval = ""
    verdict = "Nothing was held out and nothing tested, so how good it is is not known."
    if evaluation is not None:
        name, figure = score.name, evaluation.get(score.name, math.nan)
        low, high = evaluation.intervals.get(score.name, (math.nan, math.nan))
        value = score.shown(figure)
        interval = _words(score.shown(low), score.shown(high), f"on {_count(evaluation, noun)}")
        verdict = _against_items(fitted, evaluation) or _verdict(score, evaluation.baseline, low)
    elif known is not None:
        low, high = known.interval
        name, value = known.name, score.shown(known.value)
        interval = _words(score.shown(low), score.shown(high), known.how)
        verdict = _verdict(score, math.nan if outline.baseline is None else outline.baseline, low)
    facts = [pair for pair in facts_of(fitted) if pair[0] != "score"]
    return Summary(
        title=f"{outline.backbone}: {noun} {fitted.encoding.field}",
        name=name,
        value=value,
        interval=interval,
        verdict=verdict,
        warnings=[*doubts, *_warnings(fitted, evaluation)],
        facts=facts,
    )


def _words(low: str, high: str, how: str) -> str:
    """Writes an interval with how it was measured."""
    return f"95%: {low} to {high}, {how}"


def _count(evaluation: Evaluation, noun: str) -> str:
    """Writes how many items were tested."""
    return counted(evaluation["count"], f"test {noun}")


def _against_items(fitted: FittedModel, evaluation: Evaluation) -> str:
    """Returns whether answers are surely better than the items; empty where there are none."""
    if evaluation.unchanged is None:
        return ""
    encoding = fitted.encoding
    score, test = encoding.score, encoding.scoring.compare(evaluation.unchanged, evaluation)
    of_items = f"{score.guess} ({score.shown(evaluation.unchanged[score.name])})"
    if test is not None and test.interval[0] > 0:
        return f"It is better than {of_items}, beyond chance: {test}."
    return f"It is not clearly better than {of_items}: train on more data, or test on more."


def _verdict(score: Score, baseline: float, low: float) -> str:
    """Returns whether a score is surely better than guessing."""
    if math.isnan(baseline) or math.isnan(low):
        return f"Compare it with {score.guess}."
    guess = f"{score.guess} ({score.shown(baseline)})"
    if low > baseline:
        return f"It is better than {guess}, beyond chance."
    return f"It is not clearly better than {guess}: train on more data, or test on more."


def _warnings(fitted: FittedModel, evaluation: Evaluation | None) -> list[str]:
    """Names what makes the figures less certain than they look."""
    found, noun = [], fitted.kind.noun
    if skipped := fitted.outline.data.get("skipped"):
        found.append(f"In training {counted(skipped, noun)} could not be used.")
    if evaluation is None:
        return [*found, "There was no test: the score is of data that training looked at."]
    if evaluation["count"] < 100:
        found.append(f"Tested on {counted(evaluation['count'], noun)} only: look at the interval.")
    if remark := evaluation.remark():
        found.append(remark)
    empty = [
        name for name, of in evaluation.parts.items() if of.get("support", of.get("pixels")) == 0
    ]
    if empty:
        rest = len(empty) - _NAMED
        named = ", ".join(empty[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
        found.append(f"The test has no {noun}s of {named}.")
    return found
