"""Measures items with a model for monitoring: makes the reference, and watches new items by it."""

from transferlearn.measuring.at_work import make_reference as make_reference
from transferlearn.measuring.at_work import monitor as monitor
from transferlearn.measuring.held_out import baseline_of as baseline_of
from transferlearn.measuring.held_out import last_evaluation as last_evaluation
from transferlearn.measuring.in_training import refer as refer
from transferlearn.measuring.signals import measure as measure
