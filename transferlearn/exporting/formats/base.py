"""Defines what a format must have."""

import abc
import importlib.util
from pathlib import Path
from typing import ClassVar

from transferlearn.exporting.network import ServedNetwork
from transferlearn.extras import install_line


class Format(abc.ABC):
    """Writes a network in the format of another runtime.

    Attributes:
        name: The name of the format, such as `"onnx"`.
        model: The name of the file or folder that it writes.
        modules: The modules that must be installed to write and to check it.
    """

    name: ClassVar[str]
    model: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def write(self, network: ServedNetwork, folder: Path) -> None:
        """Writes the network as `model` into a folder."""

    def check_installed(self) -> None:
        """Raises `ImportError`, with the line to paste, unless all modules are installed."""
        missing = [name for name in self.modules if importlib.util.find_spec(name) is None]
        if missing:
            raise ImportError(
                f"To export to {self.name!r}, install {', '.join(missing)}: "
                f"{install_line('export')}"
            )
