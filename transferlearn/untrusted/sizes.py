"""Computes how large the weights are that a config describes, before any of them is made."""

import contextlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

from transferlearn.keras_internals import put_off_variables
from transferlearn.untrusted.refusal import RefusalError


def check_size(make: Callable[[], object], size: int) -> None:
    """Raises `RefusalError` if a config describes more bytes of weights than its files have.

    Use it where weights cannot be compared with the file one by one.

    Args:
        make: A function that makes the model of the config; it is called once.
        size: The bytes of the files that hold its weights.
    """
    # Keras keeps a list for each thread of variables that are to be made later: this one ends.
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(_bytes, make).result()
    if found > size:
        raise RefusalError(
            f"its config describes {found:,} bytes of weights, and its files hold {size:,}"
        )


def _bytes(make: Callable[[], object]) -> int:
    """Counts the bytes of the weights that a function describes, and makes none of them."""
    # What fails has described weights before, and fails again when it is read. Or else it is a
    # layer of the user's own that needs values, and is read all the same.
    with keras.StatelessScope(initialize_variables=False), contextlib.suppress(Exception):
        make()
    described = put_off_variables()
    return sum(math.prod(x.shape) * np.dtype(x.dtype).itemsize for x in described)
