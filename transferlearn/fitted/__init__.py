"""What a training leaves behind: the model, its predictions and figures, saved and loaded."""

from transferlearn.fitted.loading import load as load
from transferlearn.fitted.model import FittedModel as FittedModel
from transferlearn.fitted.model import Outline as Outline
from transferlearn.fitted.saving import check_target as check_target
