"""Writes OpenVINO's intermediate representation, for Intel's processors."""

import tempfile
from pathlib import Path
from typing import Any, ClassVar

from transferlearn.exporting.formats.base import Format, Samples
from transferlearn.exporting.formats.half import store_half_in_openvino
from transferlearn.exporting.formats.onnx import onnx_model
from transferlearn.exporting.network import ServedNetwork


class OpenVino(Format):
    """Writes `.xml` and `.bin` by way of ONNX, which keeps the names of inputs and outputs."""

    name: ClassVar[str] = "openvino"
    model: ClassVar[str] = "model.xml"
    quantizations: ClassVar[tuple[str, ...]] = ("float16",)
    modules: ClassVar[tuple[str, ...]] = ("openvino", "onnx", "tf2onnx")

    def write(
        self, network: ServedNetwork, folder: Path, quantize: str | None, samples: Samples
    ) -> None:
        """Writes `model.xml` and `model.bin`; float16 is that of most weights."""
        import openvino

        model = openvino_model(network)
        if quantize == "float16":
            store_half_in_openvino(model)
        # Without the flag, all weights become float16 whatever was asked for.
        openvino.save_model(model, str(folder / self.model), compress_to_fp16=False)


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
