"""Learns which objects photos show, and where."""

from transferlearn.tasks.detection.anchors import AnchorLoss as AnchorLoss
from transferlearn.tasks.detection.assignment import Assigned as Assigned
from transferlearn.tasks.detection.encoding import BoxEncoding as BoxEncoding
from transferlearn.tasks.detection.figures import BoxEvaluation as BoxEvaluation
from transferlearn.tasks.detection.losses import DetectionLoss as DetectionLoss
from transferlearn.tasks.detection.packed import Queries as Queries
from transferlearn.tasks.detection.suppression import detections as detections
from transferlearn.tasks.detection.task import Detection as Detection
