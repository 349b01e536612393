"""Defines the task of segmentation: the class of each pixel."""

from transferlearn.tasks.segmentation.encoding import MaskEncoding as MaskEncoding
from transferlearn.tasks.segmentation.encoding import Segmentation as Segmentation
from transferlearn.tasks.segmentation.figures import MaskEvaluation as MaskEvaluation
from transferlearn.tasks.segmentation.losses import CrossEntropyDice as CrossEntropyDice
from transferlearn.tasks.segmentation.losses import MeanIoU as MeanIoU
