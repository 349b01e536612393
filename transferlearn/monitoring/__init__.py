"""Watches a model at work: drift of items and predictions, accuracy, and single odd items.

Nothing here needs Keras or TensorFlow.
"""

from transferlearn.monitoring.measured import Measured as Measured
from transferlearn.monitoring.measured import Signals as Signals
from transferlearn.monitoring.outputs import AnyClasses as AnyClasses
from transferlearn.monitoring.outputs import MeanColours as MeanColours
from transferlearn.monitoring.outputs import ObjectCounts as ObjectCounts
from transferlearn.monitoring.outputs import OneClass as OneClass
from transferlearn.monitoring.outputs import OutputSignals as OutputSignals
from transferlearn.monitoring.outputs import PixelShares as PixelShares
from transferlearn.monitoring.outputs import Quantities as Quantities
from transferlearn.monitoring.outputs import Surprise as Surprise
from transferlearn.monitoring.outputs import TagShares as TagShares
from transferlearn.monitoring.outputs import Unwatched as Unwatched
from transferlearn.monitoring.reference import Reference as Reference
from transferlearn.monitoring.reference import read_reference as read_reference
from transferlearn.monitoring.report import Watch as Watch
from transferlearn.monitoring.watching import watch as watch
