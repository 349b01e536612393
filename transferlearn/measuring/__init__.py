"""Measures items with a model for monitoring: makes the reference, and watches new items by it."""

from transferlearn.measuring.at_work import make_reference as make_reference
from transferlearn.measuring.at_work import monitor as monitor
from transferlearn.measuring.in_training import refer as refer
from transferlearn.measuring.intervals import held_out_interval as held_out_interval
from transferlearn.measuring.signals import measure as measure
