"""Mixes pairs of items in each batch, be they images or stored features."""

from typing import Any

import keras
import numpy as np


class MixedBatches(keras.utils.PyDataset):
    """Gives batches in which each item is mixed with one drawn from its batch, targets too.

    Reference: [mixup](https://arxiv.org/abs/1710.09412).

    Args:
        source: Batches `(x, y)` or `(x, y, sample_weight)` with targets as floats.
        alpha: The parameter of the Beta distribution that each batch draws the share of its items
            from; the items that they are mixed with have the rest.
        seed: The seed of pairs and shares, at least 0; `None` takes a random one.
    """

    def __init__(self, source: keras.utils.PyDataset, alpha: float, seed: int | None) -> None:
        super().__init__()
        self._source = source
        self._alpha = alpha
        self._seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        self._ended = 0  # epochs

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        batch = self._source[index]
        first = keras.tree.flatten(batch)[0]
        rng = np.random.default_rng((self._seed, self.epoch, index))
        order = rng.permutation(len(first))
        share = rng.beta(self._alpha, self._alpha)

        def mix(values: np.ndarray) -> np.ndarray:
            values = np.asarray(values, np.float32)
            return np.float32(share) * values + np.float32(1 - share) * values[order]

        return keras.tree.map_structure(mix, batch)

    @property
    def by_epoch(self) -> bool:
        """Says whether `epoch` alone decides the order of the source."""
        return getattr(self._source, "by_epoch", False)

    @property
    def epoch(self) -> int:
        """Gives the source's epoch if that decides its order, else the number of ended epochs."""
        return self._source.epoch if self.by_epoch else self._ended

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._source.epoch = epoch

    @property
    def failure(self) -> Exception | None:
        """Gives what went wrong while the source loaded a batch, or `None`."""
        return getattr(self._source, "failure", None)

    def on_epoch_begin(self) -> None:
        """Tells the source that an epoch begins."""
        self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tells the source that an epoch ends, and counts it."""
        self._ended += 1
        self._source.on_epoch_end()
