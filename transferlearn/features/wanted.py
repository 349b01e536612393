"""Says of which items features are needed, and names each view of each item by a key."""

import hashlib
from dataclasses import dataclass

import keras

from transferlearn.data.contents import Contents
from transferlearn.features.fingerprints import digest, of_operation


@dataclass(frozen=True, kw_only=True, eq=False)
class Wanted:
    """Says of which items features are needed, and in how many random views.

    Attributes:
        contents: The items.
        augmentation: A layer that makes a random view of a raw image, or `None`.
        views: How many random views of each item are needed.
    """

    contents: Contents
    augmentation: keras.Layer | None = None
    views: int = 1

    def keys(self) -> list[list[bytes]]:
        """Gives the keys of all items, as one list for each view."""
        hashes = [bytes.fromhex(text) for text in self.contents.hashes]
        if self.augmentation is None:
            return [hashes]
        return [[_view_key(key, view) for key in hashes] for view in range(self.views)]

    def kind(self) -> str:
        """Gives a hash of what is done to the items first: how they are read and augmented."""
        return digest(self.contents.reading, self.augmentation and of_operation(self.augmentation))


def _view_key(key: bytes, view: int) -> bytes:
    """Gives the key of one random view of the item `key`."""
    return hashlib.blake2b(key + view.to_bytes(4, "little"), digest_size=len(key)).digest()
