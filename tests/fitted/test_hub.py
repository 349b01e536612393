"""Models go to the Hugging Face Hub and come back, by a stand-in of it."""

import json
import sys

import numpy as np
import pytest

import transferlearn as tl
from tests.fitted.fake_hub import FakeHub, serving
from tests.networks import pixels, small_backbone

pytest.importorskip("huggingface_hub")


@pytest.fixture(scope="module")
def fitted():
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
    return builder.fit((pixels(18, 32), np.arange(18) % 3), schedule="probe", verbose=0)


@pytest.fixture(scope="module")
def other():
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=9)
    return builder.fit((pixels(18, 32), np.arange(18) % 2), schedule="probe", verbose=0)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of its own, whose address `huggingface_hub` already knows when it is asked."""
    from huggingface_hub import constants

    hub = FakeHub()
    with serving(hub) as address:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = (
            address
            + constants.HUGGINGFACE_CO_URL_TEMPLATE[
                constants.HUGGINGFACE_CO_URL_TEMPLATE.index("/{repo_id}") :
            ]
        )
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield hub


def outputs(model):
    return model.model.predict(pixels(3, 32, seed=4), verbose=0)


def test_a_model_goes_to_the_hub_and_comes_back(hub, fitted, other):
    fitted.push_to_hub("user/name", token="hf_right", private=True)
    assert hub.private == {"user/name": True}
    first = hub.sha("user/name")
    np.testing.assert_array_equal(outputs(tl.load("hf://user/name")), outputs(fitted))
    other.push_to_hub("user/name", token="hf_right")
    np.testing.assert_array_equal(outputs(tl.load("hf://user/name")), outputs(other))
    np.testing.assert_array_equal(outputs(tl.load(f"hf://user/name@{first}")), outputs(fitted))
    assert set(hub.commits["user/name"][-1]) == {
        ".gitattributes",
        "README.md",
        "model.keras",
        "transferlearn.json",
    }


def test_a_card_that_was_edited_on_the_hub_hinders_nothing(hub, fitted):
    fitted.push_to_hub("user/name", token="hf_right")
    hub.commit("user/name", {**hub.commits["user/name"][-1], "README.md": b"Edited"})
    np.testing.assert_array_equal(outputs(tl.load("hf://user/name")), outputs(fitted))


def test_what_is_on_the_hub_is_a_strangers(hub, fitted):
    fitted.push_to_hub("user/name", token="hf_right")
    files = hub.commits["user/name"][-1]
    hub.commit("user/name", {**files, "model.keras": files["model.keras"] + b"x"})
    with pytest.raises(ValueError, match=r"model\.keras is not what was saved"):
        tl.load("hf://user/name")
    said = json.loads(files["transferlearn.json"])
    said["files"]["../../refs/main"] = "0" * 64
    del said["sha256"]
    from transferlearn.fitted import saving

    said["sha256"] = saving._hash(saving._canonical(said))
    hub.commit("user/name", {**files, "transferlearn.json": saving._as_text(said).encode()})
    with pytest.raises(ValueError, match="names a file outside of the save"):
        tl.load("hf://user/name")


def test_a_signed_model_is_checked_on_the_way_back(hub, fitted, tmp_path):
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    key = ed25519.Ed25519PrivateKey.generate()
    fitted.push_to_hub("user/name", token="hf_right", sign=key)
    loaded = tl.load("hf://user/name", public_key=key.public_key())
    np.testing.assert_array_equal(outputs(loaded), outputs(fitted))
    hub.commit("user/name", {**hub.commits["user/name"][-1], "README.md": b"Edited"})
    with pytest.raises(ValueError, match=r"README\.md is not what was saved"):
        tl.load("hf://user/name", public_key=key.public_key())


def test_wrong_tokens_names_and_revisions_are_clear(hub, fitted):
    with pytest.raises(OSError, match="user/name could not be uploaded: "):
        fitted.push_to_hub("user/name", token="hf_wrong")
    assert not hub.commits
    for name in ("name", "a/b/c", "user/na me", "https://huggingface.co/user/name"):
        with pytest.raises(ValueError, match='is named "user/name"'):
            fitted.push_to_hub(name, token="hf_right")
    with pytest.raises(OSError, match="hf://user/nowhere could not be downloaded"):
        tl.load("hf://user/nowhere")
    fitted.push_to_hub("user/name", token="hf_right")
    with pytest.raises(OSError, match="hf://user/name@v9 could not be downloaded"):
        tl.load("hf://user/name@v9")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r'"\.\[hf\]"'):
        tl.load("hf://user/name")
