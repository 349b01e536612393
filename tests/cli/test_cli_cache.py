"""`transferlearn cache`: what is stored, and that only that is removed."""

import json

import pytest

from tests.features.storing import add, forget, opened, storage
from transferlearn.cli import main

pytestmark = pytest.mark.core


@pytest.fixture
def directory(tmp_path):
    forget()
    for name, count in (("ab" * 32, 30), ("cd" * 32, 10)):
        add(opened(storage(directory=tmp_path, memory=0), name), range(count))
    (tmp_path / "mine.txt").write_text("mine")
    return tmp_path


def output(capsys, *arguments):
    assert main(["cache", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_list_shows_every_store(directory, capsys):
    found = json.loads(output(capsys, "list", "--directory", directory, "--json"))
    assert found["directory"] == str(directory)
    assert {store["key"]: store["items"] for store in found["stores"]} == {
        "ab" * 32: 30,
        "cd" * 32: 10,
    }
    assert found["bytes"] == sum(store["bytes"] for store in found["stores"]) > 40 * 62
    text = output(capsys, "list", "--directory", directory)
    assert "abababababab  " in text
    assert "a network up to a layer" in text
    assert "2 stores, 0.0 MB" in text


def test_clear_removes_the_stores_and_nothing_else(directory, capsys):
    found = json.loads(output(capsys, "clear", "--directory", directory, "--json"))
    assert (found["removed"], found["kept"]) == (2, 0)
    assert found["bytes"] > 40 * 62
    assert [path.name for path in directory.iterdir()] == ["mine.txt"]
    assert "0 stores removed" in output(capsys, "clear", "--directory", directory)


def test_clear_keeps_what_a_process_is_writing(directory, capsys):
    store = opened(storage(directory=directory, memory=0), "ab" * 32)
    draft = store.home.folder / ".elsewhere.1.x.tmp"
    draft.mkdir()
    assert "1 kept" in output(capsys, "clear", "--directory", directory)
    assert store.home.folder.exists()


def test_an_empty_default_directory_is_no_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRANSFERLEARN_CACHE", str(tmp_path / "none"))
    assert f"0 stores, 0.0 MB in {tmp_path / 'none'}" in output(capsys, "list")
