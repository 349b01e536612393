"""Imports Keras for a command, without the lines that TensorFlow writes when it is imported."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from transferlearn.cli.output import say


def import_keras() -> None:
    """Imports Keras and its backend quietly; afterwards standard error works again."""
    if "keras" not in sys.modules:
        say("Starting Keras, which takes some seconds.")
    with _quiet_start():
        import keras  # noqa: F401


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Sends standard error to nowhere while TensorFlow is imported, since C++ writes to it.

    TensorFlow's logs below fatal (C++) and below error (Python) stay off afterwards.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    kept = os.dup(2)  # C++ writes to the descriptor, and not to `sys.stderr`
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
