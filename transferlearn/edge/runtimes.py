"""Opens the file of an export in its own runtime, and runs it."""

import abc
import importlib
import os
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from transferlearn.edge.onnx_files import external_files
from transferlearn.hashing import names_of_files


class Runtime(abc.ABC):
    """Runs a model's file on arrays. Several threads may call it at the same time.

    Attributes:
        is_program: Whether the file is a program that could do more than compute.
    """

    is_program: ClassVar[bool] = False

    @abc.abstractmethod
    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs by name for inputs by name, `(batch, ...)`."""

    @classmethod
    def files_beside(cls, file: Path) -> set[Path]:
        """Returns the files that the runtime reads besides `file`; by default none.

        Raises:
            ValueError: The file has another format.
        """
        return set()


class OnnxRuntime(Runtime):
    """Runs an ONNX file in ONNX Runtime: on a GPU of NVIDIA where it can, else on the CPU."""

    def __init__(self, file: Path, threads: int) -> None:
        onnxruntime = _imported("onnxruntime", "onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors only
        # In TF32, as is its default on a GPU, answers would not be those that were checked.
        known = {"CUDAExecutionProvider": {"use_tf32": "0"}, "CPUExecutionProvider": {}}
        there = onnxruntime.get_available_providers()
        providers = [(name, settings) for name, settings in known.items() if name in there]
        self._session = onnxruntime.InferenceSession(str(file), options, providers=providers)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the session, which is safe for threads."""
        return dict(zip(self._outputs, self._session.run(None, dict(inputs)), strict=True))

    @classmethod
    def files_beside(cls, file: Path) -> set[Path]:
        """Returns the files that the file says hold its weights."""
        return {file.parent / name for name in external_files(file)}


class LiteRtRuntime(Runtime):
    """Runs a `.tflite` file in LiteRT, on the CPU with XNNPACK."""

    def __init__(self, file: Path, threads: int) -> None:
        interpreter = _imported("ai_edge_litert.interpreter", "ai-edge-litert")
        self._interpreter = interpreter.Interpreter(str(file), num_threads=threads)
        (name,) = self._interpreter.get_signature_list()
        self._run = self._interpreter.get_signature_runner(name)
        self._lock = threading.Lock()  # an interpreter has one set of buffers

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the interpreter, which takes a new batch size by itself."""
        with self._lock:
            return dict(self._run(**inputs))


class OpenVinoRuntime(Runtime):
    """Runs OpenVINO's files on the CPU.

    Args:
        file: The `.xml` file.
        threads: The number of threads to compute with; `None`: all that OpenVINO decides itself, as
            for somebody who only calls `compile_model(file, "CPU")`.
    """

    def __init__(self, file: Path, threads: int | None) -> None:
        openvino = _imported("openvino", "openvino")
        # Where a CPU can, OpenVINO computes in bfloat16 by default: probabilities moved by 0.84.
        hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
        hints = {} if threads is None else hints
        core = openvino.Core()
        self._compiled = core.compile_model(core.read_model(str(file)), "CPU", hints)
        self._lock = threading.Lock()  # it has one request

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the compiled model."""
        with self._lock:
            found = self._compiled(dict(inputs))
            return {output.any_name: np.array(found[output]) for output in self._compiled.outputs}

    @classmethod
    def files_beside(cls, file: Path) -> set[Path]:
        """Returns the file of weights; OpenVINO would read other formats, too, and their files."""
        with file.open("rb") as stream:
            is_xml = stream.read(64).lstrip().startswith(b"<")
        if file.suffix != ".xml" or not is_xml:
            raise ValueError("it is no file of OpenVINO's, which end in .xml and hold XML")
        return {file.with_suffix(".bin")}


class SavedModelRuntime(Runtime):
    """Runs a SavedModel, for which TensorFlow is needed after all."""

    is_program: ClassVar[bool] = True

    def __init__(self, file: Path, threads: int) -> None:
        tensorflow = _imported("tensorflow", "tensorflow")
        self._loaded = tensorflow.saved_model.load(str(file))
        self._run = self._loaded.signatures["serving_default"]
        self._as_tensor = tensorflow.constant

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the signature that is served by default."""
        tensors = {name: self._as_tensor(array) for name, array in inputs.items()}
        return {name: tensor.numpy() for name, tensor in self._run(**tensors).items()}

    @classmethod
    def files_beside(cls, file: Path) -> set[Path]:
        """Returns all files in the folder."""
        return {file / name for name in names_of_files(file)}


_RUNTIMES: dict[str, type[Any]] = {
    "onnx": OnnxRuntime,
    "litert": LiteRtRuntime,
    "openvino": OpenVinoRuntime,
    "saved_model": SavedModelRuntime,
}


def check_listed(format: str, file: Path, listed: Collection[Path]) -> None:
    """Refuses a model that its runtime would read from files whose hashes are not known.

    Args:
        format: The format, such as `"onnx"`.
        file: The file or folder.
        listed: The files that were compared with their hashes.

    Raises:
        ValueError: There is such a file, there is no such format, or the file is of another.
    """
    try:
        unlisted = _runtime(format).files_beside(file) - set(listed)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be opened: {error}.") from error
    if unlisted:
        raise ValueError(
            f"{file} is read together with {min(unlisted).name}, whose hash is not known."
        )


def _runtime(format: str) -> type[Any]:
    """Returns the runtime of a format."""
    if format not in _RUNTIMES:
        raise ValueError(f"A format is one of {', '.join(_RUNTIMES)}. Received: {format!r:.99}")
    return _RUNTIMES[format]


def open_runtime(format: str, file: Path, threads: int | None, trusted: bool) -> Runtime:
    """Opens a model's file in the runtime of its format.

    Args:
        format: The format, such as `"onnx"`.
        file: The file or folder.
        threads: The number of threads to compute with; `None`: one for each core.
        trusted: Whether a file may run that is a program, and could do more than compute.

    Raises:
        ImportError: The runtime is not installed.
        ValueError: There is no such format, the file is damaged, or it is not trusted.
    """
    runtime = _runtime(format)
    if runtime.is_program and not trusted:
        raise ValueError(
            f"{file} is a program, which could also write files. If you made it or trust whoever "
            "did, pass trusted=True."
        )
    try:
        opened: Runtime = runtime(file, threads or os.cpu_count() or 1)
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # each runtime has errors of its own
        raise ValueError(f"{file} cannot be opened: {error!s:.300}") from error
    return opened


def _imported(module: str, package: str) -> Any:
    """Imports a runtime, or says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"This export runs in another package: pip install {package} ({error})"
        ) from error
