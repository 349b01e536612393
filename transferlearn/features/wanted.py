"""Describes of which items features are needed, and names each view of each item by a key."""

import hashlib
from dataclasses import dataclass

import keras

from transferlearn.data.contents import Contents
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.features.fingerprints import digest, of_operation
from transferlearn.wording import counted


@dataclass(frozen=True, kw_only=True, eq=False)
class WantedFeatures:
    """Describes of which items features are needed, and in how many random views.

    Attributes:
        contents: The items.
        augmentation: A layer that makes a random view of a raw image, or `None`.
        views: How many random views of each item are needed.
    """

    contents: Contents
    augmentation: keras.Layer | None = None
    views: int = 1

    def keys(self) -> list[list[bytes]]:
        """Returns the keys of all items, as one list for each view."""
        hashes = [bytes.fromhex(text) for text in self.contents.hashes]
        if self.augmentation is None:
            return [hashes]
        return [[_view_key(key, view) for key in hashes] for view in range(self.views)]

    def kind(self) -> str:
        """Returns a hash of what is done to the items first: how they are read and augmented."""
        return digest(self.contents.reading, self.augmentation and of_operation(self.augmentation))


def _view_key(key: bytes, view: int) -> bytes:
    """Returns the key of one random view of the item `key`."""
    return hashlib.blake2b(key + view.to_bytes(4, "little"), digest_size=len(key)).digest()


def described(
    train: Dataset, held_out: Dataset | None, views: int, mirrored: ItemDataset | None
) -> str:
    """Writes what is stored of which items, such as "200 images, two views each".

    Args:
        train: The items to train on.
        held_out: The items to validate on, or `None`.
        views: How many views of each item to train on are stored.
        mirrored: Items to train on that are stored mirrored, too, or `None`.
    """
    each = "" if views == 1 else f", {'two' if views == 2 else views} views each"
    parts = [
        f"{counted(train.count, train.noun)}{each}" if train.count else "",
        f"{held_out.count:,} held out" if held_out and held_out.count else "",
        f"{len(mirrored.items):,} of them mirrored" if mirrored else "",
    ]
    return " and ".join(filter(None, parts))
