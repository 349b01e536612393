"""Says whether a training over- or underfitted, and what to change."""

from .verdict import Diagnosis as Diagnosis
from .verdict import diagnose as diagnose
