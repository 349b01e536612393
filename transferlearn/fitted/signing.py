"""Signs saves with Ed25519, and checks their signatures.

The signature is of the description, which holds the SHA-256 of every other file. So it says that
the holder of the key wrote this very save, while the hashes alone say only that nothing broke.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from transferlearn.extras import install_line

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PrivateKey: TypeAlias = "str | os.PathLike[str] | Ed25519PrivateKey"
PublicKey: TypeAlias = "str | os.PathLike[str] | Ed25519PublicKey"
"""A key of `cryptography`, or the path of a PEM file that holds it."""

SIGNATURE = "signature.ed25519"
# Keeps what else was signed with the key from being taken for a save.
_BEGINNING = b"A save of transferlearn\n"


def private_key(key: PrivateKey) -> "Ed25519PrivateKey":
    """Returns the key to sign with, read from its PEM file if `key` is a path.

    Raises:
        ImportError: The package `cryptography` is not installed.
        OSError: There is no such file.
        ValueError: The file holds no such key, or one that a password protects.
    """
    ed25519, serialization = _cryptography()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    found = _from_file(
        key, lambda content: serialization.load_pem_private_key(content, password=None)
    )
    return _checked(found, ed25519.Ed25519PrivateKey, "sign", key)


def public_key(key: PublicKey) -> "Ed25519PublicKey":
    """The key to check with, read from its PEM file if `key` is a path; see `private_key`."""
    ed25519, serialization = _cryptography()
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    found = _from_file(key, serialization.load_pem_public_key)
    return _checked(found, ed25519.Ed25519PublicKey, "public_key", key)


def sign(description: bytes, key: "Ed25519PrivateKey") -> bytes:
    """Returns the signature of a save's description."""
    return key.sign(_BEGINNING + description)


def check_signature(folder: Path, description: bytes, key: "Ed25519PublicKey") -> None:
    """Raises `ValueError` unless the save in `folder` has the signature of its description."""
    from cryptography.exceptions import InvalidSignature

    file = folder / SIGNATURE
    if not file.is_file():
        raise ValueError(
            f"{folder} is not signed, and a public_key was passed. Save it with sign=key, or load "
            "it without public_key if you know where it comes from."
        )
    try:
        key.verify(file.read_bytes(), _BEGINNING + description)
    except InvalidSignature:
        raise ValueError(
            f"{folder} was not written by the holder of this key, or was changed since: its "
            "signature does not fit. Do not use it; fetch it anew from where it was saved."
        ) from None


def check_nothing_added(folder: Path, signed: set[str]) -> None:
    """Raises `ValueError` where the save in `folder` holds a file that is not `signed`."""
    inside = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    found = {path.relative_to(folder).as_posix() for path in inside}
    if added := sorted(found - signed - {SIGNATURE}):
        raise ValueError(f"{folder / added[0]} is not covered by the signature. Remove it.")


def _cryptography() -> tuple[Any, Any]:
    """Imports what is needed of `cryptography`, or says how to install it."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise ImportError(f"Signatures need another package: {install_line('sign')}") from error
    return ed25519, serialization


def _from_file(key: Any, parse: Any) -> Any:
    """Reads a key from its PEM file; gives `None` where there is none in it."""
    if not isinstance(key, str | os.PathLike):
        return None
    try:
        return parse(Path(key).expanduser().read_bytes())
    except (ValueError, TypeError):  # `TypeError`: a password is needed
        return None


def _checked(found: object, wanted: type, argument: str, key: object) -> Any:
    """Returns the key that was found, or says what was expected in its place."""
    if isinstance(found, wanted):
        return found
    # A key that was passed may not be printed: only where it is a path, or its class.
    received = repr(str(key)) if isinstance(key, str | os.PathLike) else type(key).__name__
    raise ValueError(
        f"{argument} is the path of a PEM file with an {wanted.__name__} that no password "
        "protects, or that key itself. Make a pair: openssl genpkey -algorithm ed25519 -out "
        f"key.pem; openssl pkey -in key.pem -pubout -out public.pem. Received: {received}"
    )
