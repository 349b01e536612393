"""Finds the boxes around objects in photos, and reads them from files, arrays and streams."""

from transferlearn.data.targets.boxes.target import Boxes as Boxes
from transferlearn.data.targets.boxes.targets import BoxRows as BoxRows
from transferlearn.data.targets.boxes.targets import BoxTargets as BoxTargets
