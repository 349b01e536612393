"""Writes OpenVINO's intermediate representation, for Intel's processors."""

import tempfile
from pathlib import Path
from typing import Any, ClassVar

from transferlearn.edge.runtimes import OpenVinoRuntime
from transferlearn.exporting.formats.base import Format, Samples
from transferlearn.exporting.formats.half import store_half_in_openvino
from transferlearn.exporting.formats.onnx import onnx_model
from transferlearn.exporting.network import ServedNetwork
from transferlearn.extras import FORMATS

_NEVER = 3e38  # nearly the largest float32


class OpenVino(Format):
    """Writes `.xml` and `.bin` by way of ONNX, which keeps the names of inputs and outputs."""

    name: ClassVar[str] = "openvino"
    model: ClassVar[str] = "model.xml"
    quantizations: ClassVar[tuple[str, ...]] = ("float16",)
    modules: ClassVar[tuple[str, ...]] = FORMATS["openvino"]
    usage: ClassVar[str | None] = (
        'openvino.Core().compile_model("model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})'
    )

    def write(
        self, network: ServedNetwork, folder: Path, quantize: str | None, samples: Samples
    ) -> None:
        """Writes `model.xml` and `model.bin`; float16 is that of most weights."""
        import openvino

        model = openvino_model(network)
        if quantize == "float16":
            store_half_in_openvino(model)
        _keep_float32(model)
        # Without the flag, all weights become float16 whatever was asked for.
        openvino.save_model(model, str(folder / self.model), compress_to_fp16=False)

    def by_its_settings(self, folder: Path) -> OpenVinoRuntime | None:
        """Opens the file without hints: on some processors it is computed in bfloat16 then."""
        return OpenVinoRuntime(folder / self.model, threads=None)


def _keep_float32(model: Any) -> None:
    """Marks all operations, so that OpenVINO does not compute them in bfloat16 or float16.

    OpenVINO 2026.4 reads no precision out of a file's `runtime_options`, but it obeys a mark on an
    operation. An operation that it makes of others has no mark. In networks of photos these are
    a Dense layer with its bias, which a limit that no number reaches keeps apart, and a Reshape
    in place of a Squeeze, which is written as one.
    """
    from openvino import opset13

    for operation in model.get_ordered_ops():
        readers = operation.output(0).get_target_inputs() if operation.outputs() else ()
        if operation.get_type_name() == "MatMul":
            new = opset13.clamp(operation, -_NEVER, _NEVER)
        elif (shape := _shape_of_squeezed(operation)) is not None:
            new = opset13.reshape(operation.input_value(0), opset13.constant(shape), False)
        else:
            continue
        new.output(0).set_names(operation.output(0).get_names())
        for reader in readers:
            reader.replace_source_output(new.output(0))
    for operation in model.get_ordered_ops():
        operation.get_rt_info()["precise_0"] = ""


def _shape_of_squeezed(operation: Any) -> list[int] | None:
    """Returns the shape behind a Squeeze; `None`: it is none, or sides of items are not known."""
    if operation.get_type_name() != "Squeeze":
        return None
    shape = list(operation.output(0).get_partial_shape())
    sides = shape[1:]
    known = bool(shape) and all(side.is_static for side in sides)
    return [-1, *(side.get_length() for side in sides)] if known else None


def openvino_model(network: ServedNetwork) -> Any:
    """Makes an `openvino.Model` with names for inputs and outputs, and the metadata."""
    import onnx
    import openvino

    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "model.onnx"
        onnx.save(onnx_model(network), str(file))
        model = openvino.convert_model(str(file))
    for name, text in network.metadata.items():
        model.set_rt_info(text, ["transferlearn", name])
    return model
