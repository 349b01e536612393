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
    from transferlearn.builders import TextClassifierBuilder as TextClassifierBuilder
    from transferlearn.diagnosis import Diagnosis as Diagnosis
    from transferlearn.diagnosis import diagnose as diagnose
    from transferlearn.estimation import Estimate as Estimate
    from transferlearn.estimation import estimate as estimate
    from transferlearn.features import Cache as Cache
    from transferlearn.fitted import FittedModel as FittedModel
    from transferlearn.fitted_text import FittedTextModel as FittedTextModel
    from transferlearn.loading import load as load
    from transferlearn.rates import RateSweep as RateSweep
    from transferlearn.rates import find_learning_rate as find_learning_rate
    from transferlearn.schedules import Auto as Auto
    from transferlearn.schedules import FineTune as FineTune
    from transferlearn.schedules import GradualUnfreezing as GradualUnfreezing
    from transferlearn.schedules import OnePhase as OnePhase
    from transferlearn.schedules import Phase as Phase
    from transferlearn.schedules import Probe as Probe
    from transferlearn.schedules import Schedule as Schedule
    from transferlearn.searching import Range as Range
    from transferlearn.searching import Search as Search
    from transferlearn.searching import search as search
    from transferlearn.suggestion import suggest as suggest

_MODULES = ("backbones", "data", "freezing", "heads", "schedules")
_NAMES = {
    "Builder": "builders",
    "ImageClassifierBuilder": "builders",
    "TextClassifierBuilder": "builders",
    "Diagnosis": "diagnosis",
    "diagnose": "diagnosis",
    "Cache": "features",
    "Estimate": "estimation",
    "estimate": "estimation",
    "FittedModel": "fitted",
    "FittedTextModel": "fitted_text",
    "load": "loading",
    "RateSweep": "rates",
    "find_learning_rate": "rates",
    "Auto": "schedules",
    "FineTune": "schedules",
    "GradualUnfreezing": "schedules",
    "OnePhase": "schedules",
    "Phase": "schedules",
    "Probe": "schedules",
    "Schedule": "schedules",
    "suggest": "suggestion",
    "Range": "searching",
    "Search": "searching",
    "search": "searching",
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
