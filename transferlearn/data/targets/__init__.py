"""Finds what is to be learnt of each item: classes, tags, numbers, masks or boxes."""

from transferlearn.data.targets.base import ByBatch as ByBatch
from transferlearn.data.targets.base import Encoded as Encoded
from transferlearn.data.targets.base import Encoder as Encoder
from transferlearn.data.targets.base import Target as Target
from transferlearn.data.targets.base import Targets as Targets
from transferlearn.data.targets.base import Weigh as Weigh
from transferlearn.data.targets.boxes import Boxes as Boxes
from transferlearn.data.targets.boxes import BoxRows as BoxRows
from transferlearn.data.targets.boxes import BoxTargets as BoxTargets
from transferlearn.data.targets.classes import Classes as Classes
from transferlearn.data.targets.classes import ClassTargets as ClassTargets
from transferlearn.data.targets.encoders import Binary as Binary
from transferlearn.data.targets.encoders import ClassIds as ClassIds
from transferlearn.data.targets.encoders import LayerMarks as LayerMarks
from transferlearn.data.targets.encoders import NumberRows as NumberRows
from transferlearn.data.targets.encoders import OneHot as OneHot
from transferlearn.data.targets.encoders import PixelIds as PixelIds
from transferlearn.data.targets.masks import Masks as Masks
from transferlearn.data.targets.masks import MaskTargets as MaskTargets
from transferlearn.data.targets.moving import AsMaps as AsMaps
from transferlearn.data.targets.moving import Geometry as Geometry
from transferlearn.data.targets.moving import Movement as Movement
from transferlearn.data.targets.numbers import Numbers as Numbers
from transferlearn.data.targets.numbers import NumberTargets as NumberTargets
from transferlearn.data.targets.tags import Tags as Tags
from transferlearn.data.targets.tags import TagTargets as TagTargets
