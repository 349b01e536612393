"""Compares a fine-tuned model with what one could have had for less."""

from transferlearn.comparison.comparing import compare as compare
from transferlearn.comparison.result import Comparison as Comparison
from transferlearn.comparison.result import Contender as Contender
