"""What is frozen when, for how long, and at which learning rate."""

from .auto import Auto as Auto
from .base import Job as Job
from .base import PacedSchedule as PacedSchedule
from .base import Schedule as Schedule
from .base import default_freeze as default_freeze
from .phase import Phase as Phase
from .phase import PhaseResult as PhaseResult
from .phase import check_learning_rate as check_learning_rate
from .plans import FineTune as FineTune
from .plans import GradualUnfreezing as GradualUnfreezing
from .plans import OnePhase as OnePhase
from .plans import Probe as Probe
from .registry import SCHEDULES as SCHEDULES
from .registry import as_schedule as as_schedule
