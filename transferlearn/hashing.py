"""Hashes files and items."""

import hashlib
import json
from pathlib import Path

import numpy as np

from transferlearn.json_fields import Json


def hash_of_file(path: str | Path) -> str:
    """Returns the SHA-256 of a file's content, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def names_of_files(folder: Path) -> list[str]:
    """Lists the files in a folder and in those within it, by their paths from there on."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file.relative_to(folder).as_posix() for file in files)


def hashes_of_files(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of each file in a folder by its name."""
    return {name: hash_of_file(folder / name) for name in names_of_files(folder)}


def hash_of_json(described: Json) -> str:
    """Returns the SHA-256 of what a JSON file says, whatever the order and the spaces."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def hash_of_item(content: str, *beside: object) -> str:
    """Hashes an item's content with its target and weights, in 16 hexadecimal digits."""
    digest = hashlib.blake2b(content.encode(), digest_size=8)
    for part in beside:
        digest.update(np.asarray(part).tobytes())
    return digest.hexdigest()
