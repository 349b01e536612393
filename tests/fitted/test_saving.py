"""A save is whole or not there."""

import json
import subprocess
import sys

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.fitted import loading, saving
from transferlearn.progress import current

pytestmark = pytest.mark.core


@pytest.fixture(scope="module")
def fitted():
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
    return builder.fit((pixels(18, 32), np.arange(18) % 3), epochs=1, verbose=0)


@pytest.fixture(scope="module")
def other():
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=9)
    return builder.fit((pixels(18, 32), np.arange(18) % 3), epochs=1, verbose=0)


@pytest.fixture
def saved(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    return tmp_path / "saved"


def outputs(model):
    return model.model.predict(pixels(3, 32, seed=4), verbose=0)


def test_the_description_says_what_the_model_is(saved):
    description = json.loads((saved / "transferlearn.json").read_text())
    assert description["task"]["name"] == "classes"
    assert description["task"]["settings"]["class_names"] == ["0", "1", "2"]
    assert description["kind"]["name"] == "images"
    assert description["kind"]["settings"]["image_size"] == [32, 32]
    assert set(description["files"]) == {"README.md", "model.keras"}
    assert {"phases", "metrics", "versions"} <= set(description)
    assert {p.name for p in saved.iterdir()} == {*description["files"], "transferlearn.json"}


def test_a_save_is_replaced_as_a_whole(saved, other):
    other.save(saved)
    np.testing.assert_array_equal(outputs(tl.load(saved)), outputs(other))
    assert [p.name for p in saved.parent.iterdir()] == ["saved"]


@pytest.mark.parametrize("name", ["model.keras", "transferlearn.json"])
def test_a_changed_byte_is_found_and_the_file_named(saved, name):
    content = bytearray((saved / name).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / name).write_bytes(bytes(content))
    with pytest.raises(ValueError, match=name):
        tl.load(saved)


@pytest.mark.parametrize("name", ["model.keras", "transferlearn.json"])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(OSError, match=name):
        tl.load(saved)


def test_no_save_at_all(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        tl.load(tmp_path / "nowhere")


def test_a_failed_write_leaves_the_previous_save_whole(saved, fitted, other, monkeypatch):
    def fail(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr("transferlearn.fitted.saving._describe", fail)
    with pytest.raises(OSError, match="No space"):
        other.save(saved)
    np.testing.assert_array_equal(outputs(tl.load(saved)), outputs(fitted))
    assert [p.name for p in saved.parent.iterdir()] == ["saved"]


_KILLED = """
import os, pathlib, shutil, sys
import transferlearn as tl

fitted, left = tl.load('source'), [int(sys.argv[1])]

def killing(owner, name):
    act = getattr(owner, name)
    def killed(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0: os._exit(9)
        return act(*args, **kwargs)
    setattr(owner, name, killed)

for owner, name in (
    (pathlib.Path, 'rename'), (pathlib.Path, 'mkdir'), (pathlib.Path, 'write_text'),
    (os, 'fsync'), (os, 'unlink'), (os, 'rmdir'),
):
    killing(owner, name)
fitted.save('saved')
"""


@pytest.mark.full
def test_a_kill_before_any_operation_leaves_a_whole_save(saved, fitted, other, tmp_path):
    fitted.save(tmp_path / "source")
    other.save(saved)
    before, after = outputs(other), outputs(fitted)
    for operation in range(100):
        arguments = [sys.executable, "-c", _KILLED, str(operation)]
        done = subprocess.run(arguments, cwd=tmp_path, check=False)
        found = outputs(tl.load(saved))
        assert np.array_equal(found, before) or np.array_equal(found, after)
        if done.returncode == 0:
            break
        assert done.returncode == 9
    assert operation > 8
    other.save(saved)
    np.testing.assert_array_equal(outputs(tl.load(saved)), before)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["saved", "source"]  # nothing is left


def test_a_load_beside_a_save_gives_the_old_or_the_new_one(saved, fitted, other, monkeypatch):
    from transferlearn.fitted import loading

    fitted.save(saved)
    read, replacing = loading.read_save, [True]

    def replaced_meanwhile(*arguments):
        found = read(*arguments)
        if replacing.pop():
            replacing.append(False)
            other.save(saved)
        else:
            replacing.append(False)
        return found

    monkeypatch.setattr(loading, "read_save", replaced_meanwhile)
    np.testing.assert_array_equal(outputs(tl.load(saved)), outputs(other))
    monkeypatch.undo()
    # Between the renames of another process, the save is read where it was put aside.
    aside = saved.with_name(".saved.host.1.abc.previous")
    saved.rename(aside)
    np.testing.assert_array_equal(outputs(tl.load(saved)), outputs(other))
    assert aside.exists()


def test_a_folder_that_is_no_save_is_not_touched(fitted, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_bytes(b"precious")
    with pytest.raises(OSError, match="not a save"):
        fitted.save(tmp_path / "photos")
    assert (tmp_path / "photos" / "mine.jpg").read_bytes() == b"precious"


def test_a_save_that_holds_files_of_others_is_not_replaced(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    (tmp_path / "saved" / "NOTES.md").write_text("mine")
    with pytest.raises(OSError, match=r"no part of a save, such as NOTES\.md"):
        fitted.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "NOTES.md").read_text() == "mine"


def test_a_link_to_a_save_stays_a_link(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    (tmp_path / "link").symlink_to("saved")
    for _ in range(2):
        fitted.save(tmp_path / "link")
        tl.load(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()


def test_what_only_looks_like_a_previous_save_stays(fitted, tmp_path):
    (tmp_path / ".saved.previous").mkdir()
    (tmp_path / ".saved.previous" / "mine.txt").write_text("mine")
    fitted.save(tmp_path / "saved")
    tl.load(tmp_path / "saved")
    assert (tmp_path / ".saved.previous" / "mine.txt").exists()


@pytest.mark.parametrize(
    "edit",
    [
        lambda said: said.pop("kind"),
        lambda said: said.update(task=None),
        lambda said: said["kind"].update(name=None),
        lambda said: said["task"].update(settings=5),
        lambda said: said["outline"].update(batch_size=[1]),
        lambda said: said["outline"].update(unknown=1),
        lambda said: said["phases"][0].pop("frozen_layers"),
        lambda said: said.update(history=[]),
    ],
)
def test_a_description_that_somebody_edited_is_refused_as_a_whole(saved, edit):
    said = json.loads((saved / "transferlearn.json").read_text("utf-8"))
    del said["sha256"]
    edit(said)
    said["sha256"] = saving._hash(saving._canonical(said))
    (saved / "transferlearn.json").write_text(saving._as_text(said), "utf-8")
    with pytest.raises(ValueError, match=r"does not say what a save says|not known|batch_size"):
        tl.load(saved)


def test_a_description_without_end_is_damaged(saved):
    (saved / "transferlearn.json").write_text("[" * 200_000, "utf-8")
    with pytest.raises(ValueError, match="is damaged"):
        tl.load(saved)


def test_a_load_that_takes_long_is_shown(monkeypatch, tmp_path):
    shown = []

    def load(path, *_):
        shown.append(current().stage.words)
        raise OSError("no save")

    monkeypatch.setattr(loading, "_load", load)
    with pytest.raises(OSError, match="no save"):
        tl.load(tmp_path)
    assert shown == ["loading the model"]
