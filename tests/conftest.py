import pytest

from transferlearn.backbones import registry


@pytest.fixture(autouse=True)
def no_weight_folder(monkeypatch):
    """The tests do not depend on the machine's own folder of weights."""
    monkeypatch.delenv("TRANSFERLEARN_WEIGHTS", raising=False)


@pytest.fixture
def sources(monkeypatch):
    """The registry, put back after the test."""
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))
