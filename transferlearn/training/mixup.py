"""Mixes pairs of items in each batch, be they images or stored features."""

import keras
import numpy as np

from transferlearn.training.wrapped import WrappedBatches


class MixedBatches(WrappedBatches):
    """Yields batches in which each item is mixed with one drawn from its batch, targets too.

    Reference: [mixup](https://arxiv.org/abs/1710.09412).

    Args:
        source: Batches `(x, y)` or `(x, y, sample_weight)` with targets as floats.
        alpha: The parameter of the Beta distribution that each batch draws the share of its items
            from; the items that they are mixed with have the rest.
        seed: The seed of pairs and shares, at least 0; `None` takes a random one.
    """

    def __init__(self, source: keras.utils.PyDataset, alpha: float, seed: int | None) -> None:
        super().__init__(source)
        self._alpha = alpha
        self._seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[object, ...]:
        batch = self._source[index]
        first = keras.tree.flatten(batch)[0]
        rng = np.random.default_rng((self._seed, self.epoch, index))
        order = rng.permutation(len(first))
        share = rng.beta(self._alpha, self._alpha)

        def mix(values: np.ndarray) -> np.ndarray:
            values = np.asarray(values, np.float32)
            return np.float32(share) * values + np.float32(1 - share) * values[order]

        return keras.tree.map_structure(mix, batch)
