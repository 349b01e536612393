"""Saves that were changed at random: reading them says which file it is, and nothing else."""

import json
import resource
import shutil
import time

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.fitted import saving


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
    fitted = builder.fit((pixels(18, 32), np.arange(18) % 3), epochs=1, verbose=0)
    path = tmp_path_factory.mktemp("saves") / "saved"
    fitted.save(path)
    return path


def mutate(saved, path, random):
    """Copies a save, and changes, cuts or removes one of its files, but not the card."""
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(saved, path)
    file = random.choice([path / saving.DESCRIPTION, path / saving.MODEL])  # the card is not read
    content = bytearray(file.read_bytes())
    way = random.integers(3)
    if way == 0:
        file.unlink()
        return
    if way == 1:
        del content[random.integers(len(content)) :]
    for _ in range(random.integers(1, 9) if content else 0):
        content[random.integers(len(content))] ^= random.integers(1, 256)
    file.write_bytes(content)


def assert_refused(saved, path, count):
    random = np.random.default_rng(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        mutate(saved, path, random)
        begun = time.monotonic()
        with pytest.raises((ValueError, OSError), match="saved") as told:
            tl.load(path)
        assert time.monotonic() - begun < 5
        assert any(name in str(told.value) for name in (saving.DESCRIPTION, saving.MODEL))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kilobytes


def test_a_hundred_mutations(saved, tmp_path):
    assert_refused(saved, tmp_path / "saved", 100)


@pytest.mark.full
def test_ten_thousand_mutations(saved, tmp_path):
    assert_refused(saved, tmp_path / "saved", 10_000)


@pytest.mark.parametrize("content", ["[" * 200_000, '{"files": {"model.keras": NaN}}', "9" * 5000])
def test_descriptions_that_are_none(saved, tmp_path, content):
    shutil.copytree(saved, tmp_path / "saved")
    (tmp_path / "saved" / saving.DESCRIPTION).write_text(content)
    with pytest.raises(ValueError, match=r"transferlearn\.json is damaged"):
        tl.load(tmp_path / "saved")


@pytest.mark.parametrize("temperature", [10**400, 0, -1, "abc", None, [1]])
def test_a_temperature_that_is_none(saved, tmp_path, temperature):
    rewritten(saved, tmp_path / "saved", lambda said: said.update(temperature=temperature))
    with pytest.raises(ValueError, match=r"temperature is|does not say what a save says"):
        tl.load(tmp_path / "saved")


@pytest.mark.parametrize("name", ["a\0b", "../other", "parts/../model.keras"])
def test_names_that_lead_elsewhere(saved, tmp_path, name):
    rewritten(saved, tmp_path / "saved", lambda said: said["files"].update({name: "hash"}))
    with pytest.raises(ValueError, match="names a file outside of the save"):
        tl.load(tmp_path / "saved")


def test_a_circle_of_links(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "saved")
    (tmp_path / "saved" / saving.MODEL).unlink()
    (tmp_path / "saved" / saving.MODEL).symlink_to(saving.MODEL)
    with pytest.raises(ValueError, match="names a file outside of the save"):
        tl.load(tmp_path / "saved")


def rewritten(saved, path, change):
    """Copies a save, and changes its description as one could who knows how its hash is made."""
    shutil.copytree(saved, path)
    said = json.loads((path / saving.DESCRIPTION).read_text("utf-8"))
    change(said)
    del said["sha256"]
    said["sha256"] = saving._hash(saving._canonical(said))
    (path / saving.DESCRIPTION).write_text(saving._as_text(said), "utf-8")
