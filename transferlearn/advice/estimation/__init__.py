"""Estimates what a run will take, before it is started."""

from transferlearn.advice.estimation.measuring import estimate as estimate
from transferlearn.advice.estimation.result import Estimate as Estimate
