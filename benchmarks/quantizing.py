"""Compares the tools that make int8 networks: what they lose of the score, and how fast they are.

    python benchmarks/quantizing.py --cache /tmp/quantizing

Each tool quantizes three networks, fine-tuned or trained on the demo's photos and on scikit-learn's
digits, from uint8 pixels on. The float32 and the int8 file run in turns on one thread, so that a
busy machine slows down both.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sets import stored

import transferlearn as tl
from transferlearn import backbones
from transferlearn.edge.runtimes import Runtime, open_runtime
from transferlearn.exporting.calibration import samples_of
from transferlearn.exporting.formats import Samples
from transferlearn.exporting.formats.litert import LiteRt
from transferlearn.exporting.formats.onnx import Onnx, onnx_model
from transferlearn.exporting.formats.openvino import OpenVino, openvino_model
from transferlearn.exporting.network import ServedNetwork, serve

SEED = 0
HELD_OUT = 400  # images
TRAINED_ON = 800
TURNS = 60  # of one image in float32 and in int8
SIZES = {"EfficientNetLite0": 96, "MobileNetV2": 64, "ResNet": 32}


def converter(network: ServedNetwork, samples: Samples, folder: Path) -> None:
    """Quantizes by TensorFlow's converter for LiteRT."""
    LiteRt().write(network, folder, "int8", samples)


def ai_edge_quantizer(network: ServedNetwork, samples: Samples, folder: Path) -> None:
    """Quantizes a float LiteRT file by ai-edge-quantizer."""
    from ai_edge_quantizer import quantizer, recipe

    LiteRt().write(network, folder, None, samples)
    file = folder / "model.tflite"
    made = quantizer.Quantizer(str(file), recipe.static_wi8_ai8())
    ranges = made.calibrate({"serving_default": list(samples())})
    made.quantize(ranges).export_model(str(file), overwrite=True)


def onnx_runtime(network: ServedNetwork, samples: Samples, folder: Path) -> None:
    """Quantizes by ONNX Runtime's static quantization, with weights by channel."""
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(samples())

        def get_next(self) -> Any:
            return next(self.left, None)

    quantization.quantize_static(
        onnx_model(network),
        str(folder / "model.onnx"),
        Reader(),
        quant_format=quantization.QuantFormat.QDQ,
        activation_type=quantization.QuantType.QUInt8,  # the signed ones are slower on x86
        weight_type=quantization.QuantType.QInt8,
        per_channel=True,
    )


def nncf_onnx(network: ServedNetwork, samples: Samples, folder: Path) -> None:
    """Quantizes an ONNX model by NNCF."""
    import nncf
    import onnx

    made = nncf.quantize(onnx_model(network), nncf.Dataset(list(samples())))
    onnx.save(made, str(folder / "model.onnx"))


def nncf_openvino(network: ServedNetwork, samples: Samples, folder: Path) -> None:
    """Quantizes an OpenVINO model by NNCF."""
    import nncf
    import openvino

    made = nncf.quantize(openvino_model(network), nncf.Dataset(list(samples())))
    openvino.save_model(made, str(folder / "model.xml"), compress_to_fp16=False)


TOOLS: dict[str, tuple[Callable[[ServedNetwork, Samples, Path], None], Any]] = {
    "TensorFlow's converter": (converter, LiteRt()),
    "ai-edge-quantizer": (ai_edge_quantizer, LiteRt()),
    "ONNX Runtime, static": (onnx_runtime, Onnx()),
    "NNCF, ONNX": (nncf_onnx, Onnx()),
    "NNCF, OpenVINO": (nncf_openvino, OpenVino()),
}


def fitted_on(name: str, x: np.ndarray, y: np.ndarray) -> Any:
    """Fine-tunes EfficientNetLite0, or trains another network from random weights."""
    keras.utils.set_random_seed(SEED)
    size = SIZES[name]
    if name == "EfficientNetLite0":
        return tl.ImageClassifierBuilder(name, image_size=(size, size), seed=SEED).fit(
            (x, y), schedule="probe", verbose=0
        )
    builder = tl.ImageClassifierBuilder(
        _mobile_net(size) if name == "MobileNetV2" else _res_net(size),
        learning_rate=2e-3,
        freeze="none",
        seed=SEED,
    )
    return builder.fit((x, y), epochs=8, schedule=tl.OnePhase(), verbose=0)


def _mobile_net(size: int) -> backbones.Backbone:
    """Builds MobileNetV2 of half the width, with random weights."""
    model = keras.applications.MobileNetV2(
        (size, size, 3), alpha=0.5, include_top=False, weights=None
    )
    return backbones.from_model(_quick(model), preprocessing=keras.layers.Rescaling(1 / 127.5, -1))


def _res_net(size: int) -> backbones.Backbone:
    """Builds a residual network of 7 convolutions."""
    image = x = keras.Input((size, size, 3))
    for width in (16, 32, 64):
        x = _unit(x, width, 2, "relu")
        y = _unit(x, width, 1, "linear")
        x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    model = keras.Model(image, x, name="resnet")
    return backbones.from_model(_quick(model), preprocessing=keras.layers.Rescaling(1 / 127.5, -1))


def _unit(x: Any, width: int, strides: int, activation: str) -> Any:
    """Adds a convolution with BatchNorm."""
    x = keras.layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(x)
    return keras.layers.Activation(activation)(keras.layers.BatchNormalization()(x))


def _quick(model: keras.Model) -> keras.Model:
    """Lets BatchNorm forget random weights within a few epochs."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    return model


def accuracy(runtime: Runtime, x: np.ndarray, y: np.ndarray, dtype: str) -> float:
    """Returns the share of images whose likeliest class is right."""
    found = [
        runtime.run({"image": x[i : i + 20].astype(dtype)})["probabilities"].argmax(1)
        for i in range(0, len(x), 20)
    ]
    return float(np.mean(np.concatenate(found) == y))


def times(runtimes: Iterable[tuple[Runtime, np.ndarray]]) -> list[float]:
    """Returns the median milliseconds of one image in each runtime, which take turns."""
    pairs = list(runtimes)
    taken: list[list[float]] = [[] for _ in pairs]
    for turn in range(TURNS):
        for of_one, (runtime, image) in zip(taken, pairs, strict=True):
            begun = time.perf_counter()
            runtime.run({"image": image})
            if turn > 4:
                of_one.append(time.perf_counter() - begun)
    return [float(np.median(of_one)) * 1e3 for of_one in taken]


def row(
    fitted: Any,
    tool: str,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> str:
    """Quantizes a network by one tool, and gives a line of the table."""
    quantize, format = TOOLS[tool]
    x, y = test
    with tempfile.TemporaryDirectory() as place:
        plain, small = Path(place) / "plain", Path(place) / "small"
        for folder in (plain, small):
            folder.mkdir()
        format.write(serve(fitted), plain, None, tuple)
        network = serve(fitted, whole=True)
        try:
            quantize(network, samples_of(fitted, network, train), small)
            runs = [
                open_runtime(format.name, made / format.model, 1, trusted=False)
                for made in (plain, small)
            ]
            before, after = (
                accuracy(run, x, y, dtype)
                for run, dtype in zip(runs, ("float32", "uint8"), strict=True)
            )
            slow, fast = times(
                [(runs[0], x[:1].astype("float32")), (runs[1], x[:1].astype("uint8"))]
            )
        except Exception as error:  # a tool may fail in any way
            return f"| {tool} | fails: {type(error).__name__}: {str(error)[:60]!r} | | | |"
    return (
        f"| {tool} | {before:.1%} | {after:.1%} | {slow:.2f} / {fast:.2f} ms | {slow / fast:.2f} |"
    )


def main() -> None:
    """Prints a table for each network and set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="where sets are stored")
    parser.add_argument("--networks", default=",".join(SIZES))
    parser.add_argument("--sets", default="solar,digits")
    parser.add_argument("--tools", default="|".join(TOOLS))
    options = parser.parse_args()
    options.cache.mkdir(exist_ok=True, parents=True)
    for name in options.networks.split(","):
        for chosen in options.sets.split(","):
            labelled = np.load(stored(chosen, SIZES[name], options.cache, None))
            order = np.random.default_rng(SEED).permutation(len(labelled["x"]))
            x, y = labelled["x"][order], labelled["y"][order]
            x, y = x[: HELD_OUT + TRAINED_ON], y[: HELD_OUT + TRAINED_ON]
            train, test = (x[HELD_OUT:], y[HELD_OUT:]), (x[:HELD_OUT], y[:HELD_OUT])
            fitted = fitted_on(name, *train)
            print(f"\n{name}, {SIZES[name]} px, {chosen}: float32, int8, time, faster", flush=True)
            for tool in options.tools.split("|"):
                print(row(fitted, tool, train, test), flush=True)


if __name__ == "__main__":
    main()
