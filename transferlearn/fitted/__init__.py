"""Holds what a training leaves behind: a model that predicts, is scored, saved and loaded."""

from transferlearn.fitted.calibration import Calibration as Calibration
from transferlearn.fitted.loading import load as load
from transferlearn.fitted.model import FittedModel as FittedModel
from transferlearn.fitted.outline import Outline as Outline
from transferlearn.fitted.saving import check_room as check_room
from transferlearn.fitted.saving import check_target as check_target
