"""Holds heads and decoders: the layers that are put behind a backbone."""

from transferlearn.heads.aspp import ASPP as ASPP
from transferlearn.heads.base import Activation as Activation
from transferlearn.heads.base import Decoder as Decoder
from transferlearn.heads.base import Head as Head
from transferlearn.heads.base import NextTokenHead as NextTokenHead
from transferlearn.heads.base import Output as Output
from transferlearn.heads.dense import FlattenDense as FlattenDense
from transferlearn.heads.dense import PooledDense as PooledDense
from transferlearn.heads.dense import TokenDense as TokenDense
from transferlearn.heads.fcos import FCOSHead as FCOSHead
from transferlearn.heads.fpn import FPN as FPN
from transferlearn.heads.picture_unet import PictureUNet as PictureUNet
from transferlearn.heads.queries import BESIDE_CLASSES as BESIDE_CLASSES
from transferlearn.heads.queries import as_queries as as_queries
from transferlearn.heads.queries import cells_of as cells_of
from transferlearn.heads.queries import corrected as corrected
from transferlearn.heads.retinanet import RetinaNetHead as RetinaNetHead
from transferlearn.heads.segformer import SegFormerDecoder as SegFormerDecoder
from transferlearn.heads.unet import UNet as UNet
