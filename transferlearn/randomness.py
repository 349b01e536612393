"""Puts global random states back after work that must not change them, such as an estimate."""

import contextlib
import random
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def random_states_kept(seed: int | None = None) -> Iterator[None]:
    """Puts Python's and NumPy's global random states back at the end of a `with` block.

    Keras draws the seeds of new layers and weights from Python's state, and users' data may use
    NumPy's. The backend's own state cannot be put back, so nothing inside may set it.

    Args:
        seed: The seed of both states at the beginning; `None`: they go on from where they are.
    """
    python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    if seed is not None:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(of_numpy)  # noqa: NPY002
