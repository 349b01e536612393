"""Learns one class for each item, or tags: targets, losses, probabilities, figures."""

from transferlearn.tasks.classification.encoding import ClassEncoding as ClassEncoding
from transferlearn.tasks.classification.encoding import Classification as Classification
from transferlearn.tasks.classification.encoding import TagEncoding as TagEncoding
from transferlearn.tasks.classification.encoding import Tagging as Tagging
from transferlearn.tasks.classification.evaluation import ClassEvaluation as ClassEvaluation
