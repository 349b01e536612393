"""Estimates how many answers are right from how sure they are, where no labels are known."""

from typing import NamedTuple

import numpy as np

_STEPS = 25  # of Newton's method
_PENALTY = 1.0  # on the slope, so that a reference without mistakes gives no infinite one


class AccuracyEstimate(NamedTuple):
    """Holds an accuracy that was estimated without labels.

    Attributes:
        value: The share of right answers.
        low: The lower end of its 95% interval.
        high: The upper end.
    """

    value: float
    low: float
    high: float


def estimate(confidence: np.ndarray, errors: np.ndarray, watched: np.ndarray) -> AccuracyEstimate:
    """Estimates the accuracy on watched items, by how often equally sure answers were right.

    A logistic curve over the log-odds of the confidence, fitted to the reference, says how often
    that is. The interval is wide where the reference is small, or the watched items are few.

    Args:
        confidence: The confidence of the reference's answers, in [0, 1], `(items,)`.
        errors: How wrong these answers are, in [0, 1], `(items,)`.
        watched: The confidence of the answers to judge.
    """
    weights, curvature = _curve(_design(confidence), 1 - errors)
    design = _design(watched)
    p = _squash(design @ weights)
    slope = (p * (1 - p)) @ design / len(p)
    spread = float(slope @ np.linalg.solve(curvature, slope) + (p * (1 - p)).mean() / len(p)) ** 0.5
    value = float(p.mean())
    return AccuracyEstimate(value, max(value - 1.96 * spread, 0.0), min(value + 1.96 * spread, 1.0))


def _curve(design: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fits the logistic curve by Newton's method; gives its weights and the loss's curvature."""
    weights = np.array([0.0, 1.0])
    for _ in range(_STEPS):
        p = _squash(design @ weights)
        curvature = (design.T * (p * (1 - p) + 1e-9)) @ design + np.diag([1e-6, _PENALTY])
        slope = design.T @ (p - right) + np.array([0.0, _PENALTY * (weights[1] - 1)])
        step = np.linalg.solve(curvature, slope)
        weights = weights - np.clip(step, -3, 3)
        if np.abs(step).max() < 1e-8:
            break
    return weights, curvature


def by_threshold(confidence: np.ndarray, errors: np.ndarray, watched: np.ndarray) -> float:
    """Returns the share of watched items above the confidence that as many are above as are right.

    Reference: Garg et al., [Average thresholded confidence](https://arxiv.org/abs/2201.04234).
    """
    threshold = np.quantile(confidence, errors.mean())
    return float((watched >= threshold).mean())


def _design(confidence: np.ndarray) -> np.ndarray:
    """Returns a column of ones and the log-odds of confidences, within what float32 tells apart."""
    near = np.clip(np.asarray(confidence, float), 1e-6, 1 - 1e-6)
    return np.stack([np.ones(len(near)), np.log(near / (1 - near))], axis=1)


def _squash(x: np.ndarray) -> np.ndarray:
    """Returns the logistic function."""
    return 1 / (1 + np.exp(-np.clip(x, -50, 50)))
