"""Defines what a format must have."""

import abc
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from transferlearn.edge.runtimes import Runtime
from transferlearn.exporting.network import ServedNetwork
from transferlearn.extras import require

Samples = Callable[[], Iterable[Mapping[str, np.ndarray]]]
"""Returns inputs by name, a batch of one item at a time."""


class Format(abc.ABC):
    """Writes a network in the format of another runtime.

    Attributes:
        name: The name of the format, such as `"onnx"`.
        model: The name of the file or folder that it writes.
        quantizations: What `quantize` may be, besides `None`.
        modules: The modules that must be installed to write and to check it.
        usage: The line by which the runtime itself opens the file as `tl.edge.Runner` does, where
            that is not its default.
    """

    name: ClassVar[str]
    model: ClassVar[str]
    quantizations: ClassVar[tuple[str, ...]] = ()
    modules: ClassVar[tuple[str, ...]]
    usage: ClassVar[str | None] = None

    @abc.abstractmethod
    def write(
        self, network: ServedNetwork, folder: Path, quantize: str | None, samples: Samples
    ) -> None:
        """Writes the network as `model` into a folder.

        Args:
            network: The network.
            folder: The folder, which exists.
            quantize: One of `quantizations`, or `None` for float32.
            samples: Gives batches of inputs by name to calibrate int8 on; it is called for that.
        """

    def by_its_settings(self, folder: Path) -> Runtime | None:
        """Opens the file as the runtime itself does by default.

        Returns:
            The runtime; `None` where that is how `tl.edge.Runner` opens it.
        """
        return None

    def check_installed(self) -> None:
        """Raises `ImportError`, with the line to paste, unless all modules are installed."""
        require(f"The format {self.name!r}", "export", *self.modules)

    def check_quantize(self, quantize: str | None) -> None:
        """Raises `ValueError` unless the format is offered with this quantization."""
        if quantize is not None and quantize not in self.quantizations:
            offered = ", ".join(map(repr, self.quantizations)) or "none"
            raise ValueError(
                f"{self.name!r} is offered with quantize={offered}, or without. "
                f"Received: quantize={quantize!r}"
            )
