"""ONNX Runtime computes on a GPU where it has a provider for one, and in full float32."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from transferlearn.edge.runtimes import OnnxRuntime

pytestmark = pytest.mark.core


@pytest.mark.parametrize("gpu", [False, True])
def test_a_gpu_is_used_where_there_is_one(gpu, monkeypatch):
    asked = []

    class Session:
        def __init__(self, file, options, providers):
            asked.extend(providers)

        def get_outputs(self):
            return []

    there = ["TensorrtExecutionProvider", "CUDAExecutionProvider"] if gpu else []
    fake = SimpleNamespace(
        InferenceSession=Session,
        SessionOptions=SimpleNamespace,
        get_available_providers=lambda: [*there, "CPUExecutionProvider"],
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    OnnxRuntime(Path("model.onnx"), 1)
    cuda = [("CUDAExecutionProvider", {"use_tf32": "0"})] if gpu else []
    assert asked == [*cuda, ("CPUExecutionProvider", {})]
