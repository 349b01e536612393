"""Opens the file of an export in its own runtime, and runs it."""

import abc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.extras import install_line


class Runtime(abc.ABC):
    """Runs a model's file on arrays. Several threads may call it at the same time."""

    @abc.abstractmethod
    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Gives the outputs by name for inputs by name, `(batch, ...)`."""


class OnnxRuntime(Runtime):
    """Runs an ONNX file in ONNX Runtime, on the CPU."""

    def __init__(self, file: Path, threads: int) -> None:
        onnxruntime = _imported("onnxruntime", "onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors only
        self._session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the session, which is safe for threads."""
        return dict(zip(self._outputs, self._session.run(None, dict(inputs)), strict=True))


_RUNTIMES: dict[str, type[Any]] = {"onnx": OnnxRuntime}


def open_runtime(format: str, file: Path, threads: int | None) -> Runtime:
    """Opens a model's file in the runtime of its format.

    Args:
        format: The format, such as `"onnx"`.
        file: The file or folder.
        threads: The number of threads to compute with; `None`: one for each core.

    Raises:
        ImportError: The runtime is not installed.
        ValueError: There is no such format, or the file is damaged.
    """
    if format not in _RUNTIMES:
        raise ValueError(f"A format is one of {', '.join(_RUNTIMES)}. Received: {format!r:.99}")
    runtime: Runtime = _RUNTIMES[format](file, threads or os.cpu_count() or 1)
    return runtime


def _imported(module: str, package: str) -> Any:
    """Imports a runtime, or says how to install it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"This export runs in another package: pip install {package} (or "
            f"{install_line('edge')}). ({error})"
        ) from error
