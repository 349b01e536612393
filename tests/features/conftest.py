from collections import OrderedDict

import pytest

from transferlearn.features import memory


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch, tmp_path):
    """Each test is a process that has stored nothing yet, with its own default directory."""
    monkeypatch.setattr(memory, "_remembered", OrderedDict())
    monkeypatch.setenv("TRANSFERLEARN_CACHE", str(tmp_path / "default"))
