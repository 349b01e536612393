"""Learns to write a text for each item, such as a translation."""

from transferlearn.tasks.writing.encoding import WritingEncoding as WritingEncoding
from transferlearn.tasks.writing.figures import WritingEvaluation as WritingEvaluation
from transferlearn.tasks.writing.task import Writing as Writing
