"""Decides which weights are stored in float16, and writes them so into a model."""

from collections.abc import Iterator
from typing import Any

import numpy as np

_SMALL = 256  # numbers; smaller arrays, such as biases, stay in float32
_FEW = 64  # products that are added up to a number


def is_halved(weights: np.ndarray, addends: float = np.inf) -> bool:
    """Returns whether weights are stored in float16.

    Rounding errors cancel where many products are added up, and do not where there are few: the
    depthwise kernels of EfficientNetLite0, a twentieth of its bytes, moved probabilities more than
    all its other weights.

    Args:
        weights: The weights.
        addends: How many products with these weights are added up to a number.
    """
    if weights.dtype != np.float32 or weights.size < _SMALL or max(weights.shape) == weights.size:
        return False
    return addends >= _FEW and bool(np.abs(weights).max() <= np.finfo(np.float16).max)


def store_half_in_onnx(graph: Any) -> None:
    """Stores weights of an ONNX graph in float16; the runtime makes them float32 as it loads."""
    from onnx import TensorProto, helper, numpy_helper

    kernels = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    casts = []
    for weight in graph.initializer:
        array = numpy_helper.to_array(weight)
        addends = np.prod(array.shape[1:]) if weight.name in kernels else np.inf
        if not is_halved(array, addends):
            continue
        name, half = weight.name, f"{weight.name}_float16"
        weight.CopyFrom(numpy_helper.from_array(array.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def store_half_in_openvino(model: Any) -> None:
    """Stores weights of an OpenVINO model in float16; its own flag would take all of them."""
    from openvino import opset13

    # Behind the outputs: (outputs, inputs, ...) and (groups, outputs, inputs, ...).
    leading = {"Convolution": 1, "GroupConvolution": 2}
    for constant in model.get_ordered_ops():
        if constant.get_type_name() != "Constant" or not constant.data.size:
            continue
        weights, readers = constant.data, constant.output(0).get_target_inputs()
        skipped = {leading.get(reader.get_node().get_type_name(), 0) for reader in readers} - {0}
        addends = min((np.prod(weights.shape[axes:]) for axes in skipped), default=np.inf)
        if is_halved(weights, addends):
            half = opset13.convert(opset13.constant(weights.astype(np.float16)), "f32")
            for reader in readers:
                reader.replace_source_output(half.output(0))


def store_half_in_litert(content: bytes) -> bytes:
    """Stores weights of a LiteRT model in float16; the runtime makes them float32 as it loads."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(content)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3  # the first that takes float16
    model.operatorCodes.append(code)
    for graph in model.subgraphs:
        casts = []
        for index, weights in list(_halved_in(model, graph)):
            tensor, half, buffer = graph.tensors[index], schema.TensorT(), schema.BufferT()
            buffer.data = np.frombuffer(weights.astype(np.float16).tobytes(), np.uint8)
            half.name, half.shape = tensor.name + b"_float16", tensor.shape
            half.type, half.buffer = schema.TensorType.FLOAT16, len(model.buffers)
            model.buffers.append(buffer)
            tensor.buffer = 0  # by convention the empty one
            cast = schema.OperatorT()
            cast.opcodeIndex = len(model.operatorCodes) - 1
            cast.inputs, cast.outputs = [len(graph.tensors)], [index]
            graph.tensors.append(half)
            casts.append(cast)
        graph.operators = [*casts, *graph.operators]
    _empty_unused(model)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _halved_in(model: Any, graph: Any) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the number and the weights of each tensor that is stored in float16."""
    from tensorflow.lite.python.schema_py_generated import BuiltinOperator, TensorType

    addends = {}
    for op in graph.operators:
        code = model.operatorCodes[op.opcodeIndex].builtinCode
        if code == BuiltinOperator.CONV_2D:  # its kernel is (outputs, height, width, inputs)
            addends[op.inputs[1]] = np.prod(graph.tensors[op.inputs[1]].shape[1:])
        if code == BuiltinOperator.DEPTHWISE_CONV_2D:  # (1, height, width, outputs)
            addends[op.inputs[1]] = np.prod(graph.tensors[op.inputs[1]].shape[:-1])
    for index, tensor in enumerate(graph.tensors):
        data = model.buffers[tensor.buffer].data
        if tensor.type != TensorType.FLOAT32 or data is None or not len(data):
            continue
        weights = np.frombuffer(bytes(data), np.float32).reshape(tensor.shape)
        if is_halved(weights, addends.get(index, np.inf)):
            yield index, weights


def _empty_unused(model: Any) -> None:
    """Takes the bytes out of the buffers that no tensor has any longer."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or ()}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None
