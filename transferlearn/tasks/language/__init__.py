"""Learns which token comes next, and goes on with texts."""

from transferlearn.tasks.language.encoding import NextTokenEncoding as NextTokenEncoding
from transferlearn.tasks.language.figures import LanguageEvaluation as LanguageEvaluation
from transferlearn.tasks.language.task import LanguageModelling as LanguageModelling
