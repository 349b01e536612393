"""The public names of the pictures."""

import importlib
import pkgutil

import pytest

from transferlearn import plotting

pytestmark = pytest.mark.core


def test_no_file_is_named_like_a_function_so_that_each_name_stays_what_it_is():
    for module in pkgutil.iter_modules(plotting.__path__):
        importlib.import_module(f"{plotting.__name__}.{module.name}")
    assert all(not hasattr(getattr(plotting, name), "__path__") for name in plotting.__all__)
    assert all(callable(getattr(plotting, name)) for name in plotting.__all__ if name != "INK")
