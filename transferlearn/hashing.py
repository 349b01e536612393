"""Hashes files and items."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np


def hash_of_file(path: str | Path) -> str:
    """Gives the SHA-256 of a file's content, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_of_item(content: str, *beside: Any) -> str:
    """Hashes an item's content with its target and weights, in 16 hexadecimal digits."""
    digest = hashlib.blake2b(content.encode(), digest_size=8)
    for part in beside:
        digest.update(np.asarray(part).tobytes())
    return digest.hexdigest()
