"""Writes a network in the formats of other runtimes, one file a format."""

from transferlearn.exporting.formats.base import Format as Format
from transferlearn.exporting.formats.onnx import Onnx

FORMATS: dict[str, Format] = {format.name: format for format in (Onnx(),)}
"""The formats by name."""
