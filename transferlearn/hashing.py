"""Hashes files; all of the package uses this one hash."""

import hashlib
from pathlib import Path


def hash_of_file(path: str | Path) -> str:
    """Gives the SHA-256 of a file's content, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
