"""Storages of searches that somebody else wrote to."""

import pytest

import transferlearn as tl
from tests.networks import small_backbone
from transferlearn.searching.space import Space
from transferlearn.searching.study import _public, opened

pytest.importorskip("optuna")


def test_trials_that_this_search_does_not_try():
    builder = tl.ImageClassifierBuilder(small_backbone())
    space = Space({"learning_rate": [0.1, 0.2], "epochs": tl.Range(1, 5)}, builder)
    assert space.chosen({"learning_rate": 0.1, "epochs": 3}) == (
        {"learning_rate": 0.1},
        {"epochs": 3},
    )
    for planted in ({"learning_rate": 9.0}, {"seed": 3}, {"on_error": "os.system"}):
        with pytest.raises(ValueError, match=r"somebody else wrote it\. Take another storage"):
            space.chosen(planted)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "study.db").write_bytes(b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR." * 99)
    with (
        pytest.raises(OSError, match="Expected the path of an SQLite file"),
        opened(tmp_path / "study.db", {"a": "b"}, minimise=True),
    ):
        pass


@pytest.mark.parametrize(
    ("storage", "shown"),
    [
        ("postgresql://user:secret@host/db", "postgresql://user:***@host/db"),
        ("mysql+pymysql://u:p@ss@host:3306/db", "mysql+pymysql://u:***@host:3306/db"),
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("study.db", "study.db"),
    ],
)
def test_messages_hold_no_password(storage, shown):
    assert _public(storage) == shown
