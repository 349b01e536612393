"""Writes LiteRT (TensorFlow Lite), for phones and small machines."""

import tempfile
import zipfile
from pathlib import Path
from typing import Any, ClassVar

from transferlearn.data.messages import quiet
from transferlearn.exporting.formats.base import Format, Samples
from transferlearn.exporting.formats.half import store_half_in_litert
from transferlearn.exporting.formats.phone_metadata import with_metadata
from transferlearn.exporting.formats.saved_model import write_saved_model
from transferlearn.exporting.network import ServedNetwork
from transferlearn.extras import FORMATS


class LiteRt(Format):
    """Writes `.tflite` by TensorFlow's converter."""

    name: ClassVar[str] = "litert"
    model: ClassVar[str] = "model.tflite"
    quantizations: ClassVar[tuple[str, ...]] = ("float16", "int8")
    modules: ClassVar[tuple[str, ...]] = FORMATS["litert"]

    def write(
        self, network: ServedNetwork, folder: Path, quantize: str | None, samples: Samples
    ) -> None:
        """Writes `model.tflite`; float16 is that of most weights, see `half.is_halved`.

        int8 is TensorFlow's static quantization, weights by channel: docs/exporting.md has what it
        and others were measured to lose.
        """
        import tensorflow as tf

        with tempfile.TemporaryDirectory() as place:
            write_saved_model(network, Path(place) / "saved_model")
            converter = tf.lite.TFLiteConverter.from_saved_model(f"{place}/saved_model")
            if quantize == "int8":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = samples
            content = _converted(converter)
        if quantize == "float16":
            content = store_half_in_litert(content)
        if network.classifies_photos:
            content = with_metadata(content)
        file = folder / self.model
        file.write_bytes(content)
        # LiteRT reads the file from its beginning, and zip from its end: both find their part.
        with zipfile.ZipFile(file, "a") as archive:
            for name, text in network.texts().items():
                archive.writestr(name, text)


def _converted(converter: Any) -> bytes:
    """Runs the converter; refuses networks with operations that LiteRT does not have."""
    try:
        with quiet():  # TensorFlow warns of its own interpreter, which measures the ranges
            content: bytes = converter.convert()
    except Exception as error:  # of many classes, TensorFlow's own and others
        raise ValueError(
            "LiteRT cannot run this network; export it as 'onnx' or 'saved_model'. The converter "
            f"says: {error!s:.500}"
        ) from error
    return content
