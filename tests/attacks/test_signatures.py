"""Saves that somebody tampered with: whoever has the public key finds it."""

import json
import shutil
import sys

import numpy as np
import pytest

pytest.importorskip("cryptography")

from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.fitted import saving

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()


def trained(seed):
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=seed)
    return builder.fit((pixels(18, 32), np.arange(18) % 3), epochs=1, verbose=0)


@pytest.fixture(scope="module")
def fitted():
    return trained(0)


@pytest.fixture
def saved(fitted, tmp_path):
    fitted.save(tmp_path / "saved", sign=KEY)
    return tmp_path / "saved"


def refused(path, message, key=PUBLIC):
    with pytest.raises(ValueError, match=message):
        tl.load(path, public_key=key)


def rewrite(path, change):
    """What a tamperer can do who knows how the hashes are made."""
    file = path / saving.DESCRIPTION
    described = json.loads(file.read_text("utf-8"))
    del described["sha256"]
    change(described)
    described["sha256"] = saving._hash(saving._canonical(described))
    file.write_text(saving._as_text(described), "utf-8")


def test_what_was_signed_is_loaded_with_the_key_and_without(saved, fitted):
    images = pixels(3, 32, seed=1)
    for loaded in (tl.load(saved, public_key=PUBLIC), tl.load(saved)):
        assert loaded.predict(images) == fitted.predict(images)
    fitted.save(saved, sign=KEY)  # a signed save may be replaced


def test_another_key_and_no_signature(saved, fitted, tmp_path):
    refused(saved, "not written by the holder", Ed25519PrivateKey.generate().public_key())
    (saved / "signature.ed25519").unlink()
    refused(saved, "is not signed, and a public_key was passed. Save it with sign=key")
    fitted.save(saved)
    refused(saved, "is not signed")


def test_a_description_with_new_hashes_loads_but_not_with_the_key(saved):
    rewrite(saved, lambda x: x["task"]["settings"].update(class_names=["benign", "b", "c"]))
    assert tl.load(saved).class_names[0] == "benign", "hashes find damage, not malice"
    refused(saved, "not written by the holder")


def test_a_changed_model_is_found(saved):
    (saved / "model.keras").write_bytes(b"other weights")
    refused(saved, "SHA-256 differs")


def test_a_signature_of_another_save_does_not_fit(saved, tmp_path):
    trained(1).save(tmp_path / "other", sign=KEY)
    shutil.copy(tmp_path / "other" / "signature.ed25519", saved)
    refused(saved, "not written by the holder")
    shutil.copy(tmp_path / "other" / "transferlearn.json", saved)
    refused(saved, r"README\.md is not what was saved")


@pytest.mark.parametrize("way", ["file", "link"])
def test_a_file_that_was_added_is_found(saved, tmp_path, way):
    added = saved / "tokenizer"
    if way == "file":
        added.mkdir()
        (added / "class.json").write_text("{}")
    else:
        (tmp_path / "elsewhere").mkdir()
        added.symlink_to(tmp_path / "elsewhere")
    refused(saved, "tokenizer.* is not covered by the signature. Remove it")


def test_a_description_that_names_files_elsewhere(saved, tmp_path):
    (tmp_path / "secret").write_text("1234")
    rewrite(saved, lambda x: x["files"].update({"../secret": "0" * 64}))
    with pytest.raises(ValueError, match=r"outside of the save, '\.\./secret'"):
        tl.load(saved)


def test_keys_in_files(fitted, tmp_path):
    secret, public = tmp_path / "key.pem", tmp_path / "public.pem"
    plain = pem.NoEncryption()
    secret.write_bytes(KEY.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, plain))
    public.write_bytes(PUBLIC.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo))
    fitted.save(tmp_path / "saved", sign=secret)
    tl.load(tmp_path / "saved", public_key=str(public))
    refused(
        tmp_path / "saved", "public_key is the path of a PEM file.*Received: '.*key.pem'", secret
    )
    locked = pem.BestAvailableEncryption(b"password")
    secret.write_bytes(KEY.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, locked))
    for wrong, received in ((secret, "key.pem"), (public, "public.pem"), (b"1234", "bytes")):
        with pytest.raises(ValueError, match=f"sign is the path.*openssl genpkey.*{received}"):
            fitted.save(tmp_path / "other", sign=wrong)
    assert not (tmp_path / "other").exists()
    with pytest.raises(FileNotFoundError):
        fitted.save(tmp_path / "other", sign=tmp_path / "missing.pem")


def test_without_the_extra_the_line_to_install_it_is_said(saved, fitted, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(ImportError, match=r'pip install -e "\.\[sign\]"'):
        tl.load(saved, public_key="public.pem")
    with pytest.raises(ImportError, match=r'pip install -e "\.\[sign\]"'):
        fitted.save(tmp_path / "other", sign="key.pem")
