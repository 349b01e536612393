"""Cross-validates linear probes on features, for their score and for how wrong each item is."""

from typing import NamedTuple

import numpy as np

from transferlearn.advice.suggestion.sampling import ItemSample
from transferlearn.tasks import Solver

# With fewer items than this, the cross-validation is repeated: with 300, another division into
# folds moves an accuracy by some 2 points, as much as two candidates differ by (docs/choosing.md).
_HELD_OUT = 1000
_MOST_REPEATS = 5  # the most cross-validations of one depth


class ProbeScore(NamedTuple):
    """Holds what the cross-validation of a probe tells.

    Attributes:
        score: The mean score over several divisions into folds.
        score_name: The name of that score, such as `"accuracy"`.
        held_out: How many items one division holds out.
        errors: How wrong the probe is of each item, the mean over the divisions, float64
            `(items,)`; NaN where it was never held out.
    """

    score: float
    score_name: str
    held_out: int
    errors: np.ndarray


def cross_validated(
    features: np.ndarray, sample: ItemSample, probe: Solver, seed: int
) -> ProbeScore:
    """Cross-validates a probe on several divisions into folds."""
    items, targets = sample.items, sample.targets
    solved = [
        probe.solve(features, targets, items.sample_weight, seed + i, groups=items.together)
        for i in range(min(max(1, _HELD_OUT // len(features)), _MOST_REPEATS))
    ]
    sums, times = np.zeros(len(features)), np.zeros(len(features))
    for layer in solved:
        if layer.left_out is not None:
            rows, _ = layer.left_out
            sums[rows] += probe.errors(layer, targets)
            times[rows] += 1
    errors = np.where(times > 0, sums / np.maximum(times, 1), np.nan)
    if items.sample_weight is not None:
        errors *= items.sample_weight / items.sample_weight.mean()
    score = float(np.mean([layer.score for layer in solved]))
    held_out = min(solved[0].held_out, len(items.first_rows))  # rows of one item are no several
    return ProbeScore(score, solved[0].score_name, held_out, items.of_items(errors))
