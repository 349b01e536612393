"""Writes ONNX, for ONNX Runtime and all that reads it."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from transferlearn.exporting.formats.base import Format, Samples
from transferlearn.exporting.formats.half import store_half_in_onnx
from transferlearn.exporting.network import ServedNetwork
from transferlearn.extras import FORMATS

_OPSET = 17  # read by ONNX Runtime since 1.12 (2022)


class Onnx(Format):
    """Writes ONNX by tf2onnx."""

    name: ClassVar[str] = "onnx"
    model: ClassVar[str] = "model.onnx"
    quantizations: ClassVar[tuple[str, ...]] = ("float16",)
    modules: ClassVar[tuple[str, ...]] = FORMATS["onnx"]

    def write(
        self, network: ServedNetwork, folder: Path, quantize: str | None, samples: Samples
    ) -> None:
        """Writes `model.onnx`; float16 is that of most weights, see `half.is_halved`."""
        import onnx

        proto = onnx_model(network)
        if quantize == "float16":
            store_half_in_onnx(proto.graph)
        onnx.save(proto, str(folder / self.model))


def onnx_model(network: ServedNetwork) -> Any:
    """Makes an `onnx.ModelProto` with names for inputs and outputs, and with the metadata."""
    import onnx
    import tf2onnx

    proto, _ = tf2onnx.convert.from_function(
        network.function,
        network.signature,
        opset=_OPSET,
        custom_op_handlers={"Erfc": (_by_erf, []), "XlaDynamicUpdateSlice": (_by_slices, [])},
    )
    _inline(proto.graph, network)
    # `tf.nest`, and so the graph, has outputs in the order of their names.
    _rename(proto.graph, list(network.inputs), sorted(network.outputs))
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.helper.set_model_props(proto, network.metadata)
    return proto


def _by_erf(graph: Any, node: Any, name: str, args: Any) -> None:
    """Replaces TensorFlow's `Erfc`, which `gelu` is made of and ONNX lacks, by one less `Erf`."""
    shape, dtype = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
    erf = graph.make_node("Erf", node.input, shapes=[shape], dtypes=[dtype])
    one = graph.make_const(f"{name}_one", np.ones((), "float32"))
    inputs = [one.output[0], erf.output[0]]
    graph.remove_node(name)
    graph.make_node("Sub", inputs, outputs=node.output, shapes=[shape], dtypes=[dtype], name=name)


def _by_slices(graph: Any, node: Any, name: str, args: object) -> None:
    """Replaces TensorFlow's update of a slice, by which keys and values are kept at their places.

    What is put in is as large as the whole but along axis 1, so three parts are joined.
    """
    from tf2onnx.utils import make_name

    whole, update, places = node.input
    shape, dtype = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])

    def made(kind: str, inputs: list[str], **attributes: Any) -> str:
        output: str = graph.make_node(kind, inputs, attr=attributes).output[0]
        return output

    def number(value: int) -> str:
        output: str = graph.make_const(make_name(name), np.array([value], "int64")).output[0]
        return output

    zero, one, two, last = map(number, (0, 1, 2, 2**31 - 1))
    begin = made("Slice", [made("Cast", [places], to=7), one, two, zero])
    length = made("Slice", [made("Shape", [update]), one, two, zero])
    end = made("Add", [begin, length])
    before = made("Slice", [whole, zero, begin, one])
    behind = made("Slice", [whole, end, last, one])
    graph.remove_node(name)
    graph.make_node(
        "Concat",
        [before, update, behind],
        outputs=node.output,
        shapes=[shape],
        dtypes=[dtype],
        name=name,
        attr={"axis": 1},
    )


def _inline(graph: Any, network: ServedNetwork) -> None:
    """Makes weights of tensors that layers hold, such as the mean of a `Normalization`.

    tf2onnx takes for inputs whatever a function captures and is no variable.
    """
    from onnx import numpy_helper

    captures = network.function.get_concrete_function(*network.signature).graph.captures
    held = {inside.name: outside for outside, inside in captures}
    for value in [value for value in graph.input if value.name in held]:
        weight = numpy_helper.from_array(held[value.name].numpy(), value.name)
        graph.initializer.append(weight)
        graph.input.remove(value)


def _rename(graph: Any, inputs: list[str], outputs: list[str]) -> None:
    """Renames a graph's inputs and outputs, which tf2onnx calls `image:0` and `Identity:0`."""
    pairs = [*zip(graph.input, inputs, strict=True), *zip(graph.output, outputs, strict=True)]
    new = {value.name: name for value, name in pairs}
    for value, name in pairs:
        value.name = name
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
