"""Defines what is learnt: how targets become losses, scores, predictions and figures."""

from transferlearn.edge import ClassPrediction as ClassPrediction
from transferlearn.edge import NumberPrediction as NumberPrediction
from transferlearn.tasks.base import Encoding as Encoding
from transferlearn.tasks.base import Objective as Objective
from transferlearn.tasks.base import Seen as Seen
from transferlearn.tasks.base import Task as Task
from transferlearn.tasks.classification import ClassEncoding as ClassEncoding
from transferlearn.tasks.classification import ClassEvaluation as ClassEvaluation
from transferlearn.tasks.classification import Classification as Classification
from transferlearn.tasks.classification import TagEncoding as TagEncoding
from transferlearn.tasks.classification import Tagging as Tagging
from transferlearn.tasks.figures import Evaluation as Evaluation
from transferlearn.tasks.pairs import PairedTest as PairedTest
from transferlearn.tasks.regression import NumberEncoding as NumberEncoding
from transferlearn.tasks.regression import NumberEvaluation as NumberEvaluation
from transferlearn.tasks.regression import Regression as Regression
from transferlearn.tasks.scores import Determination as Determination
from transferlearn.tasks.scores import Score as Score
from transferlearn.tasks.scores import Share as Share
from transferlearn.tasks.solving import SolvedLayer as SolvedLayer
from transferlearn.tasks.solving import Solver as Solver
from transferlearn.tasks.temperature import TemperatureScaling as TemperatureScaling
