"""Learns one or several numbers for each item: targets, losses, numbers in their units, figures."""

from transferlearn.tasks.regression.figures import NumberEvaluation as NumberEvaluation
from transferlearn.tasks.regression.task import NumberEncoding as NumberEncoding
from transferlearn.tasks.regression.task import Regression as Regression
