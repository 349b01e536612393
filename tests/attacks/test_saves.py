"""Saves that were changed at random: reading them says which file it is, and nothing else."""

import base64
import json
import resource
import shutil
import time

import numpy as np
import pytest

import transferlearn as tl
from tests.attacks.files import hash_anew
from tests.networks import pixels, small_backbone
from transferlearn.fitted import saving
from transferlearn.measuring import in_training
from transferlearn.monitoring.reference import FILE


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
    if b"\r" in content and file.suffix == ".json":
        content = content[: len(content) // 2]  # a line break for another means the same
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


def settings(**changes):
    return lambda said: said["task"]["settings"].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (settings(class_names=["a", "b"]), r"2 names for probabilities of shape \(None, 3\)"),
        (settings(class_names=[]), "0 names for probabilities"),
        (settings(class_names=["a", 2, "c"]), "task.class_names is a list of a text, and not"),
        (settings(class_names="abc"), "task.class_names is a list of a text, and not 'abc'"),
        (settings(units="3"), "task.units is a whole number, and not '3'"),
        (
            lambda said: said["kind"]["settings"].update(image_size=[100_000, 100_000]),
            "An image_size has at most",
        ),
        (
            lambda said: said["kind"]["settings"].update(image_size=[31, 32]),
            r"image of the shape \(None, 31, 32, 3\), and the model takes \(None, 32, 32, 3\)",
        ),
        (
            lambda said: said["kind"]["settings"].update(image_size=[31.5, 32]),
            "kind.image_size is a list of 2 times a whole number or null, and not",
        ),
        (lambda said: said["kind"].update(name="texts"), "tokenizer"),
        (lambda said: said["history"].update(epoch="0"), "history is no list of numbers"),
        (lambda said: said["history"]["metrics"].update(loss=["x"]), "history is no list"),
        (lambda said: said["phases"][0].update(epochs="3"), "phases.epochs is a whole number"),
        (lambda said: said.update(temperature=float("nan")), "temperature is a number"),
        (lambda said: said.update(calibration={"temperature": float("nan")}), "temperature is a"),
        (lambda said: said["task"].update(name="masks"), "does not say what a save says"),
    ],
)
def test_parts_that_do_not_fit_together(saved, tmp_path, change, message):
    rewritten(saved, tmp_path / "saved", change)
    with pytest.raises((ValueError, OSError), match=message) as refused:
        tl.load(tmp_path / "saved")
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A save with the reference of items that were held out."""
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
    data = pixels(160, 32), np.arange(160) % 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_training, "_LEAST_SECONDS", 60.0)
        patch.setattr(in_training, "_ENOUGH", 80)
        fitted = builder.fit(data, validation_split=0.5, schedule="probe", verbose=0)
    fitted.save(path := tmp_path_factory.mktemp("saves") / "watched")
    return path


def changed_reference(saved, path, change):
    """Copies a save, and changes its reference as one could who knows how hashes are made."""
    shutil.copytree(saved, path)
    told = json.loads((path / FILE).read_text("utf-8"))
    change(told)
    (path / FILE).write_text(json.dumps(told), "utf-8")
    return hash_anew(path)


def with_array(name, values, shape):
    """An edit of a reference that puts an array in the place of another."""
    array = np.asarray(values, "int32" if name == "answers" else "float32")
    data = base64.b64encode(array.tobytes()).decode()
    told = {"dtype": array.dtype.name, "shape": shape, "data": data}
    return lambda reference: reference["arrays"].update({name: told})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: told.update(kind="texts"), "the reference is of texts, the model of images"),
        (
            lambda told: told["outputs"].update(names=["x", "y", "z"]),
            "the reference is of x, y, z, the model of",
        ),
        (with_array("table", [np.nan] * 4, [1, 4]), "numbers that are not finite"),
        (with_array("table", [], [0, 4]), "a table of shape"),
        (with_array("answers", [7], [1]), "answers or errors that are not those of 79 items"),
        (with_array("answers", [3] * 79, [79]), "answers beyond 3 classes"),
        (with_array("mean", [0.0], [1]), "axes of shape"),
        (lambda told: told.update(rest=float("nan")), "nan as what the axes leave"),
        (lambda told: told.update(width=1), "axes of shape"),
        (lambda told: told.update(names=["a"]), "a table of shape"),
    ],
)
def test_a_reference_of_another_model(watched, tmp_path, change, message):
    path = changed_reference(watched, tmp_path / "saved", change)
    with pytest.raises(ValueError, match=message) as refused:
        tl.load(path)
    assert "\n" not in str(refused.value)


def test_a_tokenizer_and_a_length_that_are_not_the_networks(tmp_path):
    pytest.importorskip("keras_hub")
    from tests import texts
    from transferlearn.backbones.keras_hub import HubTokenizer
    from transferlearn.data.texts.kind import Texts

    tokenizer, network = HubTokenizer(texts.tokenizer()), texts.encoder(layers=1)
    Texts(tokenizer, texts.LENGTH).check_network(network)
    with pytest.raises(ValueError, match="texts have up to 65 tokens, the network 64"):
        Texts(tokenizer, texts.LENGTH + 1).check_network(network)
    tokenizer.size = 10_000
    with pytest.raises(ValueError, match=r"the tokenizer has 10,000 tokens, the network \d+\."):
        Texts(tokenizer, texts.LENGTH).check_network(network)
