"""Plans a training: what is frozen when, for how long, and at which learning rate."""

from transferlearn.schedules.auto import Auto as Auto
from transferlearn.schedules.auto import AutoForBoxes as AutoForBoxes
from transferlearn.schedules.auto import AutoForMasks as AutoForMasks
from transferlearn.schedules.auto import AutoForNumbers as AutoForNumbers
from transferlearn.schedules.auto import AutoForPictures as AutoForPictures
from transferlearn.schedules.auto import AutoForTexts as AutoForTexts
from transferlearn.schedules.base import Job as Job
from transferlearn.schedules.base import PacedSchedule as PacedSchedule
from transferlearn.schedules.base import Schedule as Schedule
from transferlearn.schedules.base import default_freeze as default_freeze
from transferlearn.schedules.language import AutoForLanguage as AutoForLanguage
from transferlearn.schedules.language import AutoForPairs as AutoForPairs
from transferlearn.schedules.language import AutoForWriting as AutoForWriting
from transferlearn.schedules.phase import Phase as Phase
from transferlearn.schedules.phase import check_learning_rate as check_learning_rate
from transferlearn.schedules.plans import SCHEDULES as SCHEDULES
from transferlearn.schedules.plans import FineTune as FineTune
from transferlearn.schedules.plans import GradualUnfreezing as GradualUnfreezing
from transferlearn.schedules.plans import OnePhase as OnePhase
from transferlearn.schedules.plans import Probe as Probe
from transferlearn.schedules.plans import as_schedule as as_schedule
from transferlearn.schedules.results import PhaseResult as PhaseResult
from transferlearn.schedules.results import SolvedHead as SolvedHead
from transferlearn.schedules.results import StoredPart as StoredPart
