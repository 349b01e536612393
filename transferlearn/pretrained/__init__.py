"""Measures pretrained classifiers, with their own ImageNet tops, on photos of one's own."""

from transferlearn.pretrained.evaluating import PretrainedEvaluation as PretrainedEvaluation
from transferlearn.pretrained.evaluating import evaluate_pretrained as evaluate_pretrained
