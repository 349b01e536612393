"""Diagnoses whether a training over- or underfitted, and what to change."""

from transferlearn.advice.diagnosis.verdict import Diagnosis as Diagnosis
from transferlearn.advice.diagnosis.verdict import diagnose as diagnose
