"""Exports fitted models to files that other runtimes run, each checked against Keras first."""

from transferlearn.exporting.entrance import Export as Export
from transferlearn.exporting.entrance import export as export
from transferlearn.exporting.formats import FORMATS as FORMATS
from transferlearn.exporting.hugging_face import HuggingFaceExport as HuggingFaceExport
