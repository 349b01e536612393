"""Transfer learning for Keras: from one's own data and somebody else's network to a saved model.

Names are loaded when they are first used, so importing this package costs next to nothing.
"""

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from transferlearn import backbones as backbones
    from transferlearn import builders as builders
    from transferlearn import data as data
    from transferlearn import edge as edge
    from transferlearn import engines as engines
    from transferlearn import explaining as explaining
    from transferlearn import freezing as freezing
    from transferlearn import heads as heads
    from transferlearn import monitoring as monitoring
    from transferlearn import plotting as plotting
    from transferlearn import schedules as schedules
    from transferlearn import serving as serving
    from transferlearn import tasks as tasks
    from transferlearn import testing as testing
    from transferlearn.advice.continuing import Continuations as Continuations
    from transferlearn.advice.continuing import LearntByHeart as LearntByHeart
    from transferlearn.advice.continuing import continuations as continuations
    from transferlearn.advice.continuing import learnt_by_heart as learnt_by_heart
    from transferlearn.advice.diagnosis import Diagnosis as Diagnosis
    from transferlearn.advice.diagnosis import diagnose as diagnose
    from transferlearn.advice.doubts import Doubts as Doubts
    from transferlearn.advice.doubts import doubt as doubt
    from transferlearn.advice.estimation import Estimate as Estimate
    from transferlearn.advice.estimation import estimate as estimate
    from transferlearn.advice.rates import RateSweep as RateSweep
    from transferlearn.advice.rates import find_learning_rate as find_learning_rate
    from transferlearn.advice.suggestion import suggest as suggest
    from transferlearn.builders import AudioClassifierBuilder as AudioClassifierBuilder
    from transferlearn.builders import AudioRegressorBuilder as AudioRegressorBuilder
    from transferlearn.builders import Builder as Builder
    from transferlearn.builders import CausalLMBuilder as CausalLMBuilder
    from transferlearn.builders import ImageClassifierBuilder as ImageClassifierBuilder
    from transferlearn.builders import ImageRegressorBuilder as ImageRegressorBuilder
    from transferlearn.builders import ImageSegmenterBuilder as ImageSegmenterBuilder
    from transferlearn.builders import ImageToImageBuilder as ImageToImageBuilder
    from transferlearn.builders import ObjectDetectorBuilder as ObjectDetectorBuilder
    from transferlearn.builders import Seq2SeqLMBuilder as Seq2SeqLMBuilder
    from transferlearn.builders import SpeechRecognizerBuilder as SpeechRecognizerBuilder
    from transferlearn.builders import TextClassifierBuilder as TextClassifierBuilder
    from transferlearn.builders import TextRegressorBuilder as TextRegressorBuilder
    from transferlearn.builders import TokenClassifierBuilder as TokenClassifierBuilder
    from transferlearn.builders import Training as Training
    from transferlearn.comparison import Comparison as Comparison
    from transferlearn.comparison import compare as compare
    from transferlearn.distributing import distribute as distribute
    from transferlearn.exporting import Export as Export
    from transferlearn.exporting import export as export
    from transferlearn.extracting import extract as extract
    from transferlearn.features import Cache as Cache
    from transferlearn.fitted import FittedModel as FittedModel
    from transferlearn.fitted import load as load
    from transferlearn.measuring import make_reference as make_reference
    from transferlearn.measuring import monitor as monitor
    from transferlearn.pretrained import evaluate_pretrained as evaluate_pretrained
    from transferlearn.reporting import report as report
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
    from transferlearn.serving import serve as serve
    from transferlearn.untrusted import read_model as read_model

_MODULES = (
    "backbones",
    "builders",
    "data",
    "edge",
    "engines",
    "explaining",
    "freezing",
    "heads",
    "monitoring",
    "plotting",
    "schedules",
    "serving",
    "tasks",
    "testing",
)
_NAMES = {
    "AudioClassifierBuilder": "builders",
    "AudioRegressorBuilder": "builders",
    "Builder": "builders",
    "CausalLMBuilder": "builders",
    "ImageClassifierBuilder": "builders",
    "ImageRegressorBuilder": "builders",
    "ImageSegmenterBuilder": "builders",
    "ImageToImageBuilder": "builders",
    "ObjectDetectorBuilder": "builders",
    "Seq2SeqLMBuilder": "builders",
    "SpeechRecognizerBuilder": "builders",
    "TextClassifierBuilder": "builders",
    "TextRegressorBuilder": "builders",
    "TokenClassifierBuilder": "builders",
    "Training": "builders",
    "Continuations": "advice.continuing",
    "continuations": "advice.continuing",
    "LearntByHeart": "advice.continuing",
    "learnt_by_heart": "advice.continuing",
    "Diagnosis": "advice.diagnosis",
    "diagnose": "advice.diagnosis",
    "Doubts": "advice.doubts",
    "doubt": "advice.doubts",
    "Comparison": "comparison",
    "compare": "comparison",
    "distribute": "distributing",
    "Cache": "features",
    "extract": "extracting",
    "Estimate": "advice.estimation",
    "estimate": "advice.estimation",
    "Export": "exporting",
    "export": "exporting",
    "FittedModel": "fitted",
    "load": "fitted",
    "report": "reporting",
    "RateSweep": "advice.rates",
    "find_learning_rate": "advice.rates",
    "make_reference": "measuring",
    "monitor": "measuring",
    "evaluate_pretrained": "pretrained",
    "Auto": "schedules",
    "FineTune": "schedules",
    "GradualUnfreezing": "schedules",
    "OnePhase": "schedules",
    "Phase": "schedules",
    "Probe": "schedules",
    "Schedule": "schedules",
    "suggest": "advice.suggestion",
    "Range": "searching",
    "Search": "searching",
    "search": "searching",
    "serve": "serving",
    "read_model": "untrusted",
}
__all__ = [*_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    """Imports a public module or name when it is first used."""
    if name == "__version__":
        return importlib.metadata.version(__name__)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Lists all public names, whether they are loaded yet or not."""
    return sorted(__all__)
