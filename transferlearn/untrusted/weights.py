"""Looks through weight files before Keras reads them."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from transferlearn.untrusted.archives import WEIGHTS, unpack
from transferlearn.untrusted.refusal import RefusalError
from transferlearn.untrusted.tensors import check_tensors


@contextlib.contextmanager
def checked_weights(path: Path) -> Iterator[Path]:
    """Returns the HDF5 file in which the weights of a `.keras`, `.weights.h5` or `.h5` file are.

    It holds tensors and nothing else. Of a `.keras` file nothing but the weights is looked at.

    Raises:
        RefusalError: The file holds what Keras never writes, or NaN or infinity.
        ValueError: It is neither a `.keras` nor an HDF5 file, or damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = path
        try:
            if path.suffix == ".keras":
                unpack(path, Path(folder))
                file = Path(folder) / WEIGHTS
            check_tensors(file)
        except RefusalError as error:
            raise RefusalError(
                f"The weight file {path} is refused: {error}. Expected what model.save_weights or "
                "model.save writes."
            ) from error
        yield file
