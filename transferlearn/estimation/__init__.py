"""What a run will take, before it is started."""

from .measuring import estimate as estimate
from .result import Estimate as Estimate
