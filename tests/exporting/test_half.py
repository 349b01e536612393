"""float16 is that of weights whose rounding errors cancel, in each format."""

import numpy as np
import pytest

from transferlearn.exporting.formats import half

WEIGHTS = np.random.default_rng(0).normal(0, 0.2, 4096).astype("float32")


@pytest.mark.parametrize(
    ("shape", "addends", "halved"),
    [
        ((64, 64), 64, True),
        ((64, 64), 63, False),
        ((15, 17), np.inf, False),
        ((16, 16), np.inf, True),
        ((1, 4096, 1), np.inf, False),
    ],
)
def test_weights_of_few_products_stay_in_float32(shape, addends, halved):
    assert half.is_halved(WEIGHTS[: np.prod(shape)].reshape(shape), addends) is halved


def test_weights_beyond_float16_stay_in_float32():
    large = WEIGHTS.reshape(64, 64) * 1e6
    assert not half.is_halved(large)
    assert not half.is_halved(WEIGHTS.reshape(64, 64).astype("float64"))


def two_convolutions():
    """Makes an ONNX model of a depthwise convolution of 64 channels and a 1x1 convolution."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    depthwise = numpy_helper.from_array(WEIGHTS[:576].reshape(64, 1, 3, 3), "depthwise")
    pointwise = numpy_helper.from_array(WEIGHTS.reshape(64, 64, 1, 1), "pointwise")
    nodes = [
        helper.make_node("Conv", ["x", "depthwise"], ["between"], group=64),
        helper.make_node("Conv", ["between", "pointwise"], ["y"]),
    ]
    tensors = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 64, side, side])
        for name, side in (("x", 5), ("y", 3))
    ]
    graph = helper.make_graph(nodes, "g", tensors[:1], tensors[1:], [depthwise, pointwise])
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8)


def rounded():
    """Returns the model of which only the 1x1 convolution has weights that float16 can hold."""
    from onnx import numpy_helper

    model = two_convolutions()
    weight = WEIGHTS.astype(np.float16).astype(np.float32).reshape(64, 64, 1, 1)
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(weight, "pointwise"))
    return model


def run(model, x):
    session = pytest.importorskip("onnxruntime").InferenceSession(model.SerializeToString())
    return session.run(None, {"x": x})[0]


X = np.random.default_rng(1).normal(size=(3, 64, 5, 5)).astype("float32")


def test_onnx_rounds_the_1x1_convolution_alone():
    model = two_convolutions()
    half.store_half_in_onnx(model.graph)
    assert {w.name: w.data_type for w in model.graph.initializer} == {
        "depthwise": 1,
        "pointwise_float16": 10,
    }
    np.testing.assert_allclose(run(model, X), run(rounded(), X), rtol=1e-6, atol=1e-6)


def test_openvino_rounds_the_1x1_convolution_alone(tmp_path):
    openvino = pytest.importorskip("openvino")
    import onnx

    onnx.save(two_convolutions(), str(tmp_path / "model.onnx"))
    model = openvino.convert_model(tmp_path / "model.onnx")
    half.store_half_in_openvino(model)
    openvino.save_model(model, tmp_path / "model.xml", compress_to_fp16=False)
    assert 576 * 4 + 4096 * 2 <= (tmp_path / "model.bin").stat().st_size < 4096 * 4
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(tmp_path / "model.xml", "CPU", hint)
    np.testing.assert_allclose(compiled(X)[0], run(rounded(), X), rtol=1e-5, atol=1e-5)


@pytest.mark.full
def test_litert_rounds_the_1x1_convolution_alone(tmp_path):
    tf = pytest.importorskip("tensorflow")
    interpreters = pytest.importorskip("ai_edge_litert.interpreter")
    depthwise, pointwise = WEIGHTS[:576].reshape(3, 3, 64, 1), WEIGHTS.reshape(1, 1, 64, 64)

    def written(pointwise):
        @tf.function(input_signature=[tf.TensorSpec((1, 5, 5, 64))])
        def call(x):
            between = tf.nn.depthwise_conv2d(x, depthwise, (1, 1, 1, 1), "VALID")
            return tf.nn.relu(tf.nn.conv2d(tf.nn.relu(between), pointwise, 1, "VALID"))

        made = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])
        return made.convert()

    def answer(content):
        interpreter = interpreters.Interpreter(model_content=content)
        interpreter.allocate_tensors()
        place = interpreter.get_input_details()[0]["index"]
        interpreter.set_tensor(place, X[:1].transpose(0, 2, 3, 1))
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        dtypes = {d["dtype"]: np.prod(d["shape"]) for d in interpreter.get_tensor_details()}
        return found, dtypes

    plain = written(pointwise)
    small = half.store_half_in_litert(plain)
    assert len(small) < len(plain) - 4096
    found, dtypes = answer(small)
    assert dtypes[np.float16] == 4096
    expected, _ = answer(written(pointwise.astype(np.float16).astype(np.float32)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    assert not np.array_equal(answer(plain)[0], expected)
