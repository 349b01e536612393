"""Figures as files."""

import sys
from pathlib import Path

import pytest

from transferlearn.plotting import write_figure

pytestmark = pytest.mark.core


def line(figure):
    figure.add_subplot().plot([1, 2])


@pytest.mark.parametrize(
    ("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("plain", b"\x89PNG")]
)
def test_the_ending_says_what_is_written(tmp_path, name, begins):
    write_figure(tmp_path / name, line)
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_failure_leaves_the_old_figure_whole(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("No space left on device")

    (tmp_path / "a.png").write_text("old")
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_figure(tmp_path / "a.png", line)
    assert (tmp_path / "a.png").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_ending_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nothing"):
        write_figure(tmp_path / "a.nothing", line)


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install .*\[plot\]"):
        write_figure(tmp_path / "a.png", line)


def test_every_public_name_is_a_function_whatever_was_imported_before():
    import transferlearn as tl

    for _ in range(2):
        for name in tl.plotting.__all__:
            assert callable(getattr(tl.plotting, name)) or name == "INK", name
    assert set(tl.plotting.__all__) <= set(dir(tl.plotting))
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        _ = tl.plotting.unknown


def test_pictures_without_matplotlib_name_the_extra(monkeypatch):
    import transferlearn as tl

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install .*\[plot\]"):
        _ = tl.plotting.roc
