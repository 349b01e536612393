"""Writes a network in the formats of other runtimes, one file a format."""

from transferlearn.exporting.formats.base import Format as Format
from transferlearn.exporting.formats.base import Samples as Samples
from transferlearn.exporting.formats.litert import LiteRt
from transferlearn.exporting.formats.onnx import Onnx
from transferlearn.exporting.formats.openvino import OpenVino
from transferlearn.exporting.formats.saved_model import SavedModel

FORMATS: dict[str, Format] = {
    format.name: format for format in (Onnx(), LiteRt(), OpenVino(), SavedModel())
}
"""The formats by name."""
