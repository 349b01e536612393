"""Decodes, hashes and computes image files on a worker, and commits what comes out of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from transferlearn.data.images import Images
from transferlearn.data.images.checking import Check, check_files
from transferlearn.edge.pictures import resize
from transferlearn.features.passing import FeaturePass

_AT_ONCE = 256  # images that are decoded before they go through the network


@dataclass(frozen=True, kw_only=True)
class ImagePass:
    """Describes the pass of image files through frozen layers; it can be pickled.

    Attributes:
        images: How images are read.
        features: The frozen layers, and the store of their output.
    """

    images: Images
    features: FeaturePass


class ImageWorker:
    """Holds the frozen layers ready to run, for as many files as come."""

    def __init__(self, described: ImagePass) -> None:
        self._images = described.images
        self._opened = described.features.opened()

    def checks(self, paths: Sequence[str]) -> list[Check]:
        """Stores the features of files, and returns a check for each once they are committed."""
        checks: list[Check] = []
        store = self._opened.store()
        for start in range(0, len(paths), _AT_ONCE):
            pixels: dict[str, np.ndarray] = {}

            def keep(path: str, image: Image.Image, pixels: dict[str, np.ndarray] = pixels) -> None:
                pixels[path] = np.array(resize(image, self._images.size, self._images.resizing))

            some = paths[start : start + _AT_ONCE]
            found = check_files(some, look=keep)
            good = [(p, c.fingerprint) for p, c in zip(some, found, strict=True) if not c.reason]
            if good:
                keys = [bytes.fromhex(known.content_hash) for _, known in good]
                self._opened.add(store, keys, np.stack([pixels[path] for path, _ in good]))
            checks += found
        return checks
