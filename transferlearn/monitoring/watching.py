"""Judges a batch of items by the reference: what has drifted, what is odd, what to label first."""

from collections.abc import Sequence

import numpy as np

from transferlearn.monitoring import drift
from transferlearn.monitoring.accuracy import estimate
from transferlearn.monitoring.measured import (
    CONFIDENCE,
    NOVELTY,
    Signals,
    is_axis,
    is_prediction,
)
from transferlearn.monitoring.reference import Reference
from transferlearn.monitoring.report import OddItem, Test, Watch

LEAST = 20  # items, below which nothing can be said of a batch
_ODD = 0.1  # the share of the items that are called odd that may be none
_FIRST = 20  # items that are named to be labelled first
FEATURES, FOREIGN, ANSWERS = "features together", "foreign items", "classes predicted"


def watch(
    reference: Reference,
    signals: Signals,
    *,
    false_alarms: float = 0.05,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> Watch:
    """Judges a batch of items.

    Args:
        reference: The reference of the model.
        signals: The signals of the items, which `reference.signals_of` made.
        false_alarms: How often, in (0, 1), a batch without any change may be called an alarm.
        names: What to call the items; by default `"item 0"` and so on.
        seed: The seed of the random divisions that the tests are judged by.

    Raises:
        ValueError: `false_alarms` is not in (0, 1), or there are too few items.
    """
    if not 0 < false_alarms < 1:
        raise ValueError(
            f"false_alarms is between 0 and 1, such as 0.05. Received: {false_alarms!r}"
        )
    count = len(signals.table)
    for what, items in (("There are", count), ("The reference has", len(reference))):
        if items < LEAST:
            raise ValueError(
                f"{what} {items} items, of which nothing can be said: {LEAST} is least."
            )
    found = drift.test_drift(statistics(reference.signals, signals), len(reference), count, seed)
    called = list(names) if names is not None else [f"item {i}" for i in range(count)]
    alarm = found.p_value <= false_alarms
    return Watch(
        items=count,
        reference_items=len(reference),
        how=reference.how,
        false_alarms=false_alarms,
        p_value=found.p_value,
        alarm=alarm,
        tests=tuple(
            _described(reference.signals, signals, name, p, false_alarms)
            for name, p in found.of_tests.items()
        ),
        accuracy=None if alarm else _accuracy(reference, signals),
        reference_score=reference.score,
        score=_score(signals),
        worse=_worse(reference, signals, seed),
        odd=_odd(reference, signals, called),
        label_first=tuple(called[i] for i in label_first(reference, signals)[:_FIRST]),
    )


def statistics(reference: Signals, batch: Signals) -> dict[str, drift.Statistic]:
    """Makes the tests of a batch against a reference, by name.

    docs/monitoring.md tells why it is these.
    """
    both = _both(reference, batch)
    tests = {name: drift.difference(column) for name, column in both.items() if not is_axis(name)}
    axes = [column for name, column in both.items() if is_axis(name)]
    if axes:
        tests[FEATURES] = drift.distance(np.stack(axes, axis=1))
        tests[FOREIGN] = drift.excess(both[NOVELTY])
    if reference.answers is not None and batch.answers is not None:
        tests[ANSWERS] = drift.shares(np.concatenate([reference.answers, batch.answers]))
    return tests


def label_first(reference: Reference, signals: Signals) -> np.ndarray:
    """Returns the numbers of the items in the order in which labels would tell most.

    Those that are most foreign and those that are least sure come first, in turns.
    """
    novelty, confidence = signals.column(NOVELTY), signals.column(CONFIDENCE)
    lists = [np.argsort(-column, kind="stable") for column in (novelty,) if column is not None]
    if confidence is not None:
        lists.append(np.argsort(confidence, kind="stable"))
    if not lists:
        return np.arange(len(signals.table))
    turns = np.stack(lists, axis=1).ravel()
    _, first = np.unique(turns, return_index=True)
    return turns[np.sort(first)]


def _both(reference: Signals, batch: Signals) -> dict[str, np.ndarray]:
    """Returns each signal of the reference's items and then the batch's, by name."""
    found = {}
    for name in batch.names:
        before, now = reference.column(name), batch.column(name)
        if before is not None and now is not None:
            found[name] = np.concatenate([before, now]).astype(np.float64)
    return found


def _described(reference: Signals, batch: Signals, name: str, p_value: float, level: float) -> Test:
    """Describes a test, with the means of its signal if it is of one."""
    before, now = reference.column(name), batch.column(name)
    known = before is not None and now is not None
    watched = "predictions" if is_prediction(name) or name in (ANSWERS, CONFIDENCE) else "items"
    return Test(
        name=name,
        watched=watched,
        p_value=p_value,
        alarm=p_value <= level,
        before=float(before.mean()) if known and before is not None else None,
        now=float(now.mean()) if known and now is not None else None,
    )


def _accuracy(reference: Reference, signals: Signals) -> "tuple[float, ...] | None":
    """Estimates the accuracy without labels; `None` where nothing says how sure an answer is."""
    confidence, watched = reference.signals.column(CONFIDENCE), signals.column(CONFIDENCE)
    errors = reference.signals.errors
    if confidence is None or watched is None or errors is None:
        return None
    return tuple(estimate(confidence, errors, watched))


def _score(signals: Signals) -> float | None:
    """Returns the score of the items whose targets are known; `None` where there are none."""
    known = _known(signals)
    return None if known is None else float(1 - known.mean())


def _known(signals: Signals) -> np.ndarray | None:
    """Returns the errors of the items whose targets are known, or `None`."""
    errors = signals.errors
    known = None if errors is None else errors[np.isfinite(errors)]
    return None if known is None or not len(known) else known


def _worse(reference: Reference, signals: Signals, seed: int) -> float | None:
    """Tests whether labelled answers are worse than the reference's, and gives the p-value."""
    before, now = reference.signals.errors, _known(signals)
    if before is None or now is None or len(now) < LEAST:
        return None
    errors = np.concatenate([before, now])
    tests = {"errors": lambda divisions: divisions @ errors}
    return drift.test_drift(tests, len(before), len(now), seed).p_value


def _odd(reference: Reference, signals: Signals, names: Sequence[str]) -> tuple[OddItem, ...]:
    """Names single items that are unlike the reference, by the rule of Benjamini and Hochberg.

    Reference: Bates et al., [Testing for outliers with conformal p-values](https://arxiv.org/abs/2104.08279).
    """
    before, now = reference.signals.column(NOVELTY), signals.column(NOVELTY)
    if before is None or now is None:
        return ()
    above = len(before) - np.searchsorted(np.sort(before), now, side="left")
    p_values = (1 + above) / (1 + len(before))
    order = np.argsort(p_values, kind="stable")
    allowed = _ODD * np.arange(1, len(order) + 1) / len(order)
    passed = np.flatnonzero(p_values[order] <= allowed)
    chosen = order[: passed[-1] + 1] if len(passed) else order[:0]
    chosen = chosen[np.argsort(-now[chosen], kind="stable")]
    return tuple(OddItem(names[i], float(now[i]), float(p_values[i])) for i in chosen)
