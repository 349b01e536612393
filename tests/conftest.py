import gc
from collections import OrderedDict
from weakref import WeakSet

import keras
import pytest

from transferlearn.backbones import registry
from transferlearn.features import memory
from transferlearn.measuring import in_training


@pytest.fixture(autouse=True)
def no_weight_folder(monkeypatch):
    """The tests do not depend on the machine's own folder of weights."""
    monkeypatch.delenv("TRANSFERLEARN_WEIGHTS", raising=False)


@pytest.fixture(autouse=True)
def no_time_for_references(monkeypatch):
    """Fits of a second do not spend another one on what most tests never look at."""
    monkeypatch.setattr(in_training, "_LEAST_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch, tmp_path):
    """Each test is a process that has stored nothing yet, with its own default directory."""
    monkeypatch.setattr(memory, "_remembered", OrderedDict())
    monkeypatch.setattr(memory, "users", WeakSet())  # TensorFlow may still hold earlier ones
    monkeypatch.setenv("TRANSFERLEARN_CACHE", str(tmp_path / "default_cache"))


@pytest.fixture(autouse=True)
def memory_given_back(request):
    """Keras keeps what it compiled; the long matrix would fill the memory."""
    yield
    if request.node.get_closest_marker("full"):
        keras.utils.clear_session()
        gc.collect()


@pytest.fixture
def sources(monkeypatch):
    """The registry, put back after the test."""
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))
