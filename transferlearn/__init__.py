"""Transfer learning for Keras: from one's own images and somebody else's network to a saved model.

Names are loaded when they are first used, so importing this package costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transferlearn import backbones as backbones
    from transferlearn import data as data
    from transferlearn import freezing as freezing
    from transferlearn import heads as heads
    from transferlearn import schedules as schedules
    from transferlearn.builders import Builder as Builder
    from transferlearn.builders import ImageClassifierBuilder as ImageClassifierBuilder
    from transferlearn.estimation import Estimate as Estimate
    from transferlearn.estimation import estimate as estimate
    from transferlearn.features import Cache as Cache
    from transferlearn.fitted import FittedModel as FittedModel
    from transferlearn.fitted import load as load
    from transferlearn.schedules import FineTune as FineTune
    from transferlearn.schedules import OnePhase as OnePhase
    from transferlearn.schedules import Phase as Phase
    from transferlearn.schedules import Probe as Probe
    from transferlearn.schedules import Schedule as Schedule

_MODULES = ("backbones", "data", "freezing", "heads", "schedules")
_NAMES = {
    "Builder": "builders",
    "ImageClassifierBuilder": "builders",
    "Cache": "features",
    "Estimate": "estimation",
    "estimate": "estimation",
    "FittedModel": "fitted",
    "load": "fitted",
    "FineTune": "schedules",
    "OnePhase": "schedules",
    "Phase": "schedules",
    "Probe": "schedules",
    "Schedule": "schedules",
}
__all__ = [*_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
