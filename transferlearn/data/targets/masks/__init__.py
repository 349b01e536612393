"""Finds masks, the class of each pixel: in files, arrays, class folders, COCO files and streams."""

from transferlearn.data.targets.masks.target import Masks as Masks
from transferlearn.data.targets.masks.targets import MaskTargets as MaskTargets
