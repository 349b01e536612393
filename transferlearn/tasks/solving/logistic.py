"""Solves a linear head by L2-regularised logistic regression, and finds the strength itself."""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import keras
import numpy as np

from transferlearn.data.targets.labels import one_hot
from transferlearn.tasks.intervals import Interval, wilson
from transferlearn.tasks.solving.agreement import surer_if_right
from transferlearn.tasks.solving.axes import Axes, check_finite
from transferlearn.tasks.solving.folds import FOLDS, divide
from transferlearn.tasks.solving.lbfgs import minimise
from transferlearn.tasks.solving.solver import SolvedLayer, Solver
from transferlearn.types import Operation

# From strong to weak, so that each fit can start where the last one ended.
_STRENGTHS = tuple(float(10.0**power) for power in np.arange(2.0, -6.1, -0.5))
_ENOUGH_HELD_OUT = (
    1000  # items; once the folds used so far hold out so many, the others are left out
)
_PATIENCE = 3  # strengths in a row that may be no better than the best before the search ends
# A fit ends when the norm of its scaled gradient is below this: rough to compare strengths, fine
# for the final solution.
_ROUGH, _FINE = 1e-2, 1e-4


@dataclass(frozen=True)
class LogisticSolver(Solver):
    """Solves a head by multinomial logistic regression, or by one regression for each output.

    Args:
        outputs: How many outputs the head has.
        independent: Whether each output is a yes or no of its own.
    """

    score: ClassVar[str] = "accuracy"

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

    def looks_through(self, operation: Operation) -> bool:
        """Says whether the layer can be solved although this activation follows it."""
        return isinstance(operation, (keras.layers.Activation, keras.layers.Softmax))

    def interval(self, score: float, items: int) -> Interval:
        """Gives the 95% interval of the accuracy, by Wilson."""
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
    scores, rows, logits = _cross_validated(problem, seed, groups)
    best = _choice(scores, len(rows))
    kernel, bias = _fit_in_axes(axes, problem, best)
    accuracy, negative_loss = scores[best]
    left_out = rows, logits[best]
    surer = None if independent else surer_if_right(logits[best], problem.targets[rows])
    return SolvedLayer(
        kernel, bias, np.array(best), accuracy, -negative_loss, len(rows), left_out, surer
    )


def _choice(scores: dict[float, tuple[float, float]], held_out: int) -> float:
    """Gives the strength with the smallest loss of those that are about as accurate as the best."""
    # A weaker penalty is often as accurate, but then logits are huge: fine-tuning, which begins
    # with this head, is thrown off by them, and its probabilities are wrong.
    most = max(accuracy for accuracy, _ in scores.values())
    error = np.sqrt(most * (1 - most) / held_out)
    near = [strength for strength, (accuracy, _) in scores.items() if accuracy >= most - error]
    return max(near, key=lambda strength: (scores[strength][1], strength))


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
) -> "tuple[Axes, _Problem]":
    """Checks the features, rotates them into their principal axes, and sets up the problem."""
    check_finite(features)
    axes = Axes.of(features, weights)
    weights = np.ones(len(features)) if weights is None else weights
    return axes, _Problem(
        values=axes.values,
        variances=axes.variances,
        targets=targets.astype("float32"),
        weights=(weights / weights.mean()).astype("float32"),
        independent=independent,
    )


def _fit_in_axes(axes: Axes, problem: "_Problem", best: float) -> tuple[np.ndarray, np.ndarray]:
    """Fits the problem with one strength, and gives kernel and bias for the original features."""
    solution = problem.start()
    # A fit from zero at a weak strength takes four times as long, so it starts from stronger ones.
    for strength in _STRENGTHS:
        if strength > best:
            solution = problem.fit(strength, solution, tolerance=_ROUGH)
    solution = problem.fit(best, solution, tolerance=_FINE)
    kernel = axes.rotation @ solution[:-1]
    return kernel.astype("float32"), (solution[-1] - axes.mean @ kernel).astype("float32")


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """Holds a logistic regression in the features' principal axes.

    A solution of it is `(axes + 1, outputs)`: the kernel, and the bias as the last row.

    Attributes:
        values: The features in their axes, `(items, axes)`.
        variances: The variance along each axis.
        targets: What the outputs should be, in [0, 1], `(items, outputs)`.
        weights: The weight of each item, with the mean 1.
        independent: Whether each output is a yes or no of its own.
    """

    values: np.ndarray
    variances: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    independent: bool

    def rows(self, rows: np.ndarray) -> "_Problem":
        """Gives the same problem for some of the items."""
        return replace(
            self,
            values=self.values[rows],
            targets=self.targets[rows],
            weights=self.weights[rows],
        )

    def start(self) -> np.ndarray:
        """Gives the solution to begin with: zeros."""
        return np.zeros((len(self.variances) + 1, self.targets.shape[1]), "float32")

    def fit(self, strength: float, start: np.ndarray, *, tolerance: float) -> np.ndarray:
        """Minimises the mean loss plus the penalty, which leaves the bias out."""
        # Divided by the root of this bound, all axes curve about equally, so few steps suffice.
        curvature = np.sqrt(np.append(self.variances / 4 + strength, 0.25))[:, None]
        curvature = curvature.astype("float32")

        def loss(scaled: np.ndarray) -> tuple[float, np.ndarray]:
            solution = scaled / curvature
            value, residual = self.loss(solution)
            gradient = np.concatenate([self.values.T @ residual, residual.sum(0, keepdims=True)])
            gradient[:-1] += strength * solution[:-1]
            penalty = strength / 2 * float(np.square(solution[:-1]).sum())
            return value + penalty, gradient / curvature

        return minimise(loss, start * curvature, tolerance=tolerance) / curvature

    def loss(self, solution: np.ndarray) -> tuple[float, np.ndarray]:
        """Gives the mean loss, and its gradient with respect to the logits."""
        logits = self.logits(solution)
        if self.independent:
            likely = (1 + np.tanh(logits / 2)) / 2  # the sigmoid, in a form without overflow
            losses = (np.logaddexp(0, logits) - self.targets * logits).sum(1)
        else:
            logits -= logits.max(1, keepdims=True)  # so that `exp` cannot overflow
            likely = np.exp(logits)
            total = likely.sum(1, keepdims=True)
            likely /= total
            losses = np.log(total[:, 0]) - (self.targets * logits).sum(1)
        residual = (likely - self.targets) * (self.weights / len(self.weights))[:, None]
        return float(np.average(losses, weights=self.weights)), residual

    def logits(self, solution: np.ndarray) -> np.ndarray:
        """Gives the outputs before their activation, `(items, outputs)`."""
        return self.values @ solution[:-1] + solution[-1]

    def accuracy(self, solution: np.ndarray) -> float:
        """Gives the weighted share of right answers; each independent output is one answer."""
        logits = self.logits(solution)
        if self.independent:
            right = ((logits > 0) == (self.targets > 0.5)).mean(1)
        else:
            right = logits.argmax(1) == self.targets.argmax(1)
        return float(np.average(right, weights=self.weights))


class _CrossValidated(NamedTuple):
    """Holds what cross-validation tells of each strength.

    Attributes:
        scores: The held-out accuracy and negative loss by strength.
        rows: The numbers of the items that were held out.
        logits: Their logits by strength, `(rows, outputs)` each.
    """

    scores: dict[float, tuple[float, float]]
    rows: np.ndarray
    logits: dict[float, np.ndarray]


def _cross_validated(problem: _Problem, seed: int, groups: np.ndarray | None) -> _CrossValidated:
    """Holds out one fold after the other, and measures each strength on it."""
    items, outputs = problem.targets.shape
    classes = problem.targets.argmax(1) if outputs > 1 else np.rint(problem.targets[:, 0])
    fold = divide(classes, seed, groups)
    used = range(min(int(fold.max()) + 1, -(-_ENOUGH_HELD_OUT * FOLDS // items)))
    train = [problem.rows(np.flatnonzero(fold != i)) for i in used]
    held_out = [np.flatnonzero(fold == i) for i in used]
    test = [problem.rows(rows) for rows in held_out]
    sizes = [part.weights.sum() for part in test]
    solutions = [problem.start() for _ in used]
    scores: dict[float, tuple[float, float]] = {}
    logits: dict[float, np.ndarray] = {}
    best, worse = (-1.0, -np.inf), 0
    for strength in _STRENGTHS:
        solutions = [
            part.fit(strength, start, tolerance=_ROUGH)
            for part, start in zip(train, solutions, strict=True)
        ]
        pairs = list(zip(test, solutions, strict=True))
        accuracy = np.average([part.accuracy(solution) for part, solution in pairs], weights=sizes)
        loss = np.average([part.loss(solution)[0] for part, solution in pairs], weights=sizes)
        # Among equal accuracies, which are frequent with few items, the loss decides.
        scores[strength] = (float(accuracy), -float(loss))
        logits[strength] = np.concatenate([part.logits(solution) for part, solution in pairs])
        worse = 0 if scores[strength] > best else worse + 1
        best = max(best, scores[strength])
        if worse >= _PATIENCE:
            break
    return _CrossValidated(scores, np.concatenate(held_out), logits)
