"""Learns one class for each item, or tags: targets, losses, probabilities, figures."""

from transferlearn.tasks.classification.encoding import ClassEncoding as ClassEncoding
from transferlearn.tasks.classification.encoding import TagEncoding as TagEncoding
from transferlearn.tasks.classification.evaluation import ClassEvaluation as ClassEvaluation
from transferlearn.tasks.classification.task import Classification as Classification
from transferlearn.tasks.classification.task import Tagging as Tagging
