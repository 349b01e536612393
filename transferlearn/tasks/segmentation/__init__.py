"""Defines the task of segmentation: the class of each pixel."""

from transferlearn.tasks.class_weights import pixel_weights as pixel_weights
from transferlearn.tasks.segmentation.encoding import LayerEncoding as LayerEncoding
from transferlearn.tasks.segmentation.encoding import MaskEncoding as MaskEncoding
from transferlearn.tasks.segmentation.encoding import Segmentation as Segmentation
from transferlearn.tasks.segmentation.figures import MaskEvaluation as MaskEvaluation
from transferlearn.tasks.segmentation.losses import Boundary as Boundary
from transferlearn.tasks.segmentation.losses import CrossEntropyDice as CrossEntropyDice
from transferlearn.tasks.segmentation.losses import MaskLoss as MaskLoss
from transferlearn.tasks.segmentation.losses import Tversky as Tversky
from transferlearn.tasks.segmentation.metrics import LayerMeanIoU as LayerMeanIoU
from transferlearn.tasks.segmentation.metrics import MeanIoU as MeanIoU
