"""Decides which layers of a backbone are frozen."""

from transferlearn.freezing.base import FreezeEither as FreezeEither
from transferlearn.freezing.base import FreezeStrategy as FreezeStrategy
from transferlearn.freezing.base import Layers as Layers
from transferlearn.freezing.low_rank import LowRank as LowRank
from transferlearn.freezing.low_rank import add_low_rank as add_low_rank
from transferlearn.freezing.low_rank import hold_all_but_low_rank as hold_all_but_low_rank
from transferlearn.freezing.low_rank import low_rank_of as low_rank_of
from transferlearn.freezing.low_rank import merge_updates as merge_updates
from transferlearn.freezing.low_rank import updates_of as updates_of
from transferlearn.freezing.peft import read_updates as read_updates
from transferlearn.freezing.peft import write_updates as write_updates
from transferlearn.freezing.strategies import Freeze as Freeze
from transferlearn.freezing.strategies import FreezeAll as FreezeAll
from transferlearn.freezing.strategies import FreezeBatchNorm as FreezeBatchNorm
from transferlearn.freezing.strategies import FreezeDepthwise as FreezeDepthwise
from transferlearn.freezing.strategies import FreezeFirst as FreezeFirst
from transferlearn.freezing.strategies import FreezeFraction as FreezeFraction
from transferlearn.freezing.strategies import FreezeMatching as FreezeMatching
from transferlearn.freezing.strategies import FreezeNone as FreezeNone
from transferlearn.freezing.strategies import FreezeUpTo as FreezeUpTo
from transferlearn.freezing.strategies import TrainLastBlocks as TrainLastBlocks
from transferlearn.freezing.strategies import as_strategy as as_strategy
