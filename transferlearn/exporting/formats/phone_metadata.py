"""Writes into a `.tflite` file what MediaPipe needs to classify photos by it.

Reference: metadata_schema.fbs of TensorFlow Lite, whose numbers of fields and unions are used here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

LABELS = "labels.txt"
_NAME = b"TFLITE_METADATA"
_IMAGE, _RGB, _NORMALISATION, _AXIS_LABELS = 2, 1, 1, 2


def with_metadata(content: bytes) -> bytes:
    """Returns a model of photos with the metadata of its input and its output.

    The input takes pixels as they are, in [0, 255]; the labels of the output are in `LABELS`.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(content)
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer, buffer.data = _NAME, len(model.buffers), list(_metadata())
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _metadata() -> bytes:
    """Returns a `ModelMetadata`, a flatbuffer of its own."""
    import flatbuffers

    builder = flatbuffers.Builder(0)
    image = _table(builder, {}, {0: _RGB})
    pixels = _table(builder, {1: image}, {0: _IMAGE})
    same = _table(builder, {0: _floats(builder, 0.0), 1: _floats(builder, 1.0)})
    unit = _table(builder, {1: same}, {0: _NORMALISATION})
    name = builder.CreateString("image")
    taken = _table(builder, {0: name, 3: pixels, 4: _vector(builder, [unit])})
    labels = _table(builder, {0: builder.CreateString(LABELS)}, {2: _AXIS_LABELS})
    name = builder.CreateString("probabilities")
    given = _table(builder, {0: name, 6: _vector(builder, [labels])})
    graph = _table(builder, {2: _vector(builder, [taken]), 3: _vector(builder, [given])})
    version = builder.CreateString("1.0.0")
    builder.Finish(_table(builder, {3: _vector(builder, [graph]), 7: version}), b"M001")
    return bytes(builder.Output())


def _table(builder: Any, parts: Mapping[int, int], numbers: Mapping[int, int] | None = None) -> int:
    """Writes a table of parts that were written before and of small numbers, by their fields."""
    builder.StartObject(8)
    for field, number in (numbers or {}).items():
        builder.PrependUint8Slot(field, number, 0)
    for field, offset in parts.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    return int(builder.EndObject())


def _vector(builder: Any, parts: Sequence[int]) -> int:
    """Writes a list of parts that were written before."""
    builder.StartVector(4, len(parts), 4)
    for offset in reversed(parts):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, number: float) -> int:
    """Writes a list of one float."""
    builder.StartVector(4, 1, 4)
    builder.PrependFloat32(number)
    return int(builder.EndVector())
