"""Builders: a description of the job, one for each kind of data."""

from transferlearn.builders.base import Builder as Builder
from transferlearn.builders.image_classifier import ImageClassifierBuilder as ImageClassifierBuilder
from transferlearn.builders.text_classifier import TextClassifierBuilder as TextClassifierBuilder
