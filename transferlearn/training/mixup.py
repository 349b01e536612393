"""Mixes pairs of items, be they images or stored features."""

from typing import Any

import keras
import numpy as np


class MixedBatches(keras.utils.PyDataset):
    """Batches in which each item is mixed with another of its batch.

    Reference: [mixup](https://arxiv.org/abs/1710.09412).

    Args:
        source: Batches `(x, y)` or `(x, y, sample_weight)` with targets as floats.
        alpha: Of the Beta distribution that the share of the first item is drawn from.
        seed: Not negative, or `None`.
    """

    def __init__(self, source: keras.utils.PyDataset, alpha: float, seed: int | None) -> None:
        super().__init__()
        self._source = source
        self._alpha = alpha
        self._seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        self._ended = 0

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
        """Of the source."""
        return getattr(self._source, "by_epoch", False)

    @property
    def epoch(self) -> int:
        """Of the source, or else how many have ended."""
        return self._source.epoch if self.by_epoch else self._ended

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._source.epoch = epoch

    @property
    def failure(self) -> Exception | None:
        """Of the source."""
        return getattr(self._source, "failure", None)

    def on_epoch_begin(self) -> None:
        """Keras's hook, handed on."""
        self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Keras's hook, handed on."""
        self._ended += 1
        self._source.on_epoch_end()
