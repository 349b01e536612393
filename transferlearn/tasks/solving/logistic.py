"""Solves a linear head by L2-regularised logistic regression, and finds the strength itself."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import keras
import numpy as np

from transferlearn.data.targets.labels import one_hot
from transferlearn.tasks.intervals import Interval, wilson
from transferlearn.tasks.solving.axes import RotatedFeatures, check_finite
from transferlearn.tasks.solving.folds import FOLDS, divide, errors_of, surer_if_right
from transferlearn.tasks.solving.logistic_problem import LogisticProblem
from transferlearn.tasks.solving.solver import SolvedLayer, Solver
from transferlearn.types import Operation

# From strong to weak, so that each fit can start where the last one ended.
_STRENGTHS = tuple(float(10.0**power) for power in np.arange(2.0, -6.1, -0.5))
_ENOUGH_HELD_OUT = (
    1000  # items; once the folds used so far hold out so many, the others are left out
)
# Where the largest class has more than so many times the items of the smallest, classes count alike
# in the choice of a strength. Else one that never gives the smallest looks as good as any other.
UNEQUAL = 4
_PATIENCE = 3  # strengths in a row that may be no better than the best before the search ends
# A fit ends when the norm of its scaled gradient is below this: rough to compare strengths, fine
# for the final solution.
_ROUGH, _FINE = 1e-2, 1e-4
# Losses that differ by less than this share of their standard error are equal. Among few items
# rough fits under weak penalties end early and look as good; fine ones have huge logits.
_EQUAL = 0.25


@dataclass(frozen=True)
class LogisticSolver(Solver):
    """Solves a head by multinomial logistic regression, or by one regression for each output.

    Args:
        outputs: How many outputs the head has.
        independent: Whether each output is a yes or no of its own.
    """

    outputs: int
    independent: bool

    def solve(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None,
        seed: int,
        groups: np.ndarray | None = None,
    ) -> SolvedLayer:
        """Solves the layer, with the penalty that cross-validation finds best."""
        return solve(
            features,
            self._shares(targets),
            weights=weights,
            independent=self.independent,
            seed=seed,
            groups=groups,
        )

    def solve_again(
        self,
        solved: SolvedLayer,
        features: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solves the layer on other items with the same penalty."""
        return solve_with(
            float(solved.strength),
            features,
            self._shares(targets),
            weights=weights,
            independent=self.independent,
        )

    def errors(self, solved: SolvedLayer, targets: np.ndarray) -> np.ndarray:
        """Returns 1 for a wrong class and 0 for a right one, weighted as in the score."""
        assert solved.left_out is not None
        rows, logits = solved.left_out
        alike = solved.score_name == "balanced_accuracy"
        return errors_of(logits, self._shares(targets)[rows], self.independent, alike)

    def looks_through(self, operation: Operation) -> bool:
        """Returns whether the layer can be solved although this activation follows it."""
        return isinstance(operation, (keras.layers.Activation, keras.layers.Softmax))

    def interval(self, score: float, items: int) -> Interval:
        """Returns the 95% interval of the accuracy, by Wilson."""
        return wilson(score, items)

    def _shares(self, targets: np.ndarray) -> np.ndarray:
        """Turns targets of any form into float32 `(items, outputs)`."""
        if self.outputs == 1 or targets.shape[1:] == (self.outputs,):
            return targets.reshape(len(targets), self.outputs).astype("float32")
        return one_hot(targets.ravel().astype(int), self.outputs)


def solve(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    independent: bool = False,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> SolvedLayer:
    """Fits logistic regression with the L2 strength that scores best in cross-validation.

    Strengths are tried from strong to weak, each fit starting where the last one ended. The
    features are rotated once into their principal axes, where the problem is well conditioned.
    Neither the rotation nor the scaling inside `fit` changes the solution. Strengths refer to
    features with a mean square of 1.

    Args:
        features: The features of the items, float `(items, features)`.
        targets: Shares of the classes, `(items, outputs)`, each row with the sum 1; or with
            `independent` a number from 0 to 1 for each output.
        weights: The weight of each item, `(items,)`; `None`: all weigh the same.
        independent: Whether each output is a yes or no of its own.
        seed: The seed of the random folds.
        groups: The number of each item's group, which no fold parts; `None`: each item is alone.

    Raises:
        ValueError: A feature is NaN or infinite.
    """
    axes, problem = _set_up(features, targets, weights, independent)
    found = _cross_validated(problem, seed, groups)
    best = _choice(found, problem)
    kernel, bias = _fit_in_axes(axes, problem, best)
    logits, rows = found.logits[best], found.rows
    surer = None if independent else surer_if_right(logits, problem.targets[rows])
    return SolvedLayer(
        kernel=kernel,
        bias=bias,
        strength=np.array(best),
        score=found.scores[best][0],
        loss=found.losses[best],
        held_out=found.says_as_much,
        left_out=(rows, logits),
        score_name="balanced_accuracy" if found.counts_alike else "accuracy",
        surer_if_right=surer,
    )


def _choice(found: "_CrossValidated", problem: LogisticProblem) -> float:
    """Returns the strongest penalty of about the least loss of those about as accurate as the best.

    Where classes count alike, it is the strongest of those with about the best balanced accuracy:
    the loss is least where a rare class is hardly ever given.
    """
    scores, held_out = found.scores, problem.rows(found.rows)
    # A weaker penalty is often as accurate, but then logits are huge: fine-tuning, which begins
    # with this head, is thrown off by them, and its probabilities are wrong.
    most = max(accuracy for accuracy, _ in scores.values())
    error = np.sqrt(most * (1 - most) / found.says_as_much)
    if found.counts_alike:
        return max(x for x, (accuracy, _) in scores.items() if accuracy >= most - _EQUAL * error)
    near = [strength for strength, (accuracy, _) in scores.items() if accuracy >= most - error]
    best = min(near, key=lambda strength: found.losses[strength])
    spread = held_out.losses(found.logits[best]).std() / np.sqrt(len(found.rows))
    limit = found.losses[best] + _EQUAL * spread
    return max(strength for strength in near if found.losses[strength] <= limit)


def solve_with(
    strength: float,
    features: np.ndarray,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    independent: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Fits logistic regression with a given L2 strength, and gives the kernel and bias."""
    axes, problem = _set_up(features, targets, weights, independent)
    return _fit_in_axes(axes, problem, strength)


def _set_up(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray | None, independent: bool
) -> tuple[RotatedFeatures, LogisticProblem]:
    """Checks the features, rotates them into their principal axes, and sets up the problem."""
    check_finite(features)
    axes = RotatedFeatures.of(features, weights)
    weights = np.ones(len(features)) if weights is None else weights
    return axes, LogisticProblem(
        values=axes.values,
        variances=axes.variances,
        targets=targets.astype("float32"),
        weights=(weights / weights.mean()).astype("float32"),
        independent=independent,
    )


def _fit_in_axes(
    axes: RotatedFeatures, problem: LogisticProblem, best: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fits the problem with one strength, and gives kernel and bias for the original features."""
    solution = problem.start()
    # A fit from zero at a weak strength takes four times as long, so it starts from stronger ones.
    for strength in _STRENGTHS:
        if strength > best:
            solution = problem.fit(strength, solution, tolerance=_ROUGH)
    solution = problem.fit(best, solution, tolerance=_FINE)
    kernel = axes.rotation @ solution[:-1]
    return kernel.astype("float32"), (solution[-1] - axes.mean @ kernel).astype("float32")


class _CrossValidated(NamedTuple):
    """Holds what cross-validation tells of each strength.

    Attributes:
        scores: The held-out accuracy and negative loss by strength; all classes count alike in both
            if `counts_alike`.
        losses: The held-out loss by strength, weighted as in training.
        rows: The numbers of the items that were held out.
        logits: Their logits by strength, `(rows, outputs)` each.
        counts_alike: Whether classes are so unequal that all count alike in `scores`.
        says_as_much: How many items of equal classes would say as much about the accuracy.
    """

    scores: dict[float, tuple[float, float]]
    losses: dict[float, float]
    rows: np.ndarray
    logits: dict[float, np.ndarray]
    counts_alike: bool
    says_as_much: int


def _cross_validated(
    problem: LogisticProblem, seed: int, groups: np.ndarray | None
) -> _CrossValidated:
    """Holds out one fold after the other, and measures each strength on it."""
    items, outputs = problem.targets.shape
    classes = problem.targets.argmax(1) if outputs > 1 else np.rint(problem.targets[:, 0])
    fold = divide(classes, seed, groups)
    used = range(min(int(fold.max()) + 1, -(-_ENOUGH_HELD_OUT * FOLDS // items)))
    train = [problem.rows(np.flatnonzero(fold != i)) for i in used]
    held_out = [np.flatnonzero(fold == i) for i in used]
    test = judged = [problem.rows(rows) for rows in held_out]
    rows = np.concatenate(held_out)
    alike, says_as_much = None, len(rows)
    if outputs == 1 or not problem.independent:
        alike, says_as_much = _alike(classes[rows], problem.weights[rows])
    if alike is not None:
        parts = np.split(alike, np.cumsum([len(part) for part in held_out])[:-1])
        judged = [replace(part, weights=w) for part, w in zip(test, parts, strict=True)]
    solutions = [problem.start() for _ in used]
    scores: dict[float, tuple[float, float]] = {}
    losses: dict[float, float] = {}
    logits: dict[float, np.ndarray] = {}
    best, worse = (-1.0, -np.inf), 0
    for strength in _STRENGTHS:
        solutions = [
            part.fit(strength, start, tolerance=_ROUGH)
            for part, start in zip(train, solutions, strict=True)
        ]
        # Among equal accuracies, which are frequent with few items, the loss decides.
        scores[strength] = _accuracy(judged, solutions), -_loss(judged, solutions)
        losses[strength] = -scores[strength][1] if alike is None else _loss(test, solutions)
        pairs = zip(test, solutions, strict=True)
        logits[strength] = np.concatenate([part.logits(solution) for part, solution in pairs])
        worse = 0 if scores[strength] > best else worse + 1
        best = max(best, scores[strength])
        if worse >= _PATIENCE:
            break
    return _CrossValidated(scores, losses, rows, logits, alike is not None, says_as_much)


def _alike(classes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray | None, int]:
    """Returns weights by which unequal classes count alike, and how many items say as much.

    Args:
        classes: The class of each item, `(items,)`.
        weights: The weight of each item, `(items,)`; if they differ, the user has chosen them.

    Returns:
        The new weights, `(items,)`, or `None` where the classes are not that unequal; and the
        number of items of equal classes whose accuracy would have the same standard error.
    """
    _, of_class, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if np.ptp(weights) or counts.max() <= UNEQUAL * counts.min():
        return None, len(classes)
    return 1 / counts[of_class], round(len(counts) ** 2 / (1 / counts).sum())


def _accuracy(parts: list[LogisticProblem], solutions: list[np.ndarray]) -> float:
    """Returns the mean accuracy of each solution on the part that was held out from it."""
    of_each = [part.accuracy(x) for part, x in zip(parts, solutions, strict=True)]
    return float(np.average(of_each, weights=[part.weights.sum() for part in parts]))


def _loss(parts: list[LogisticProblem], solutions: list[np.ndarray]) -> float:
    """Returns the mean loss of each solution on the part that was held out from it."""
    of_each = [part.loss(x)[0] for part, x in zip(parts, solutions, strict=True)]
    return float(np.average(of_each, weights=[part.weights.sum() for part in parts]))
