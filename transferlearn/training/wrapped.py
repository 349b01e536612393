"""Defines batches that are made of other batches, and pass everything else on."""

import keras

from transferlearn.types import Logs


class WrappedBatches(keras.utils.PyDataset):
    """Passes number of the epoch, hooks and failures on to the batches that it is made of.

    Args:
        source: The batches `(x, y)` or `(x, y, sample_weight)` that these are made of.
    """

    def __init__(self, source: keras.utils.PyDataset) -> None:
        super().__init__()
        self._source = source
        self._ended = 0  # epochs

    @property
    def by_epoch(self) -> bool:
        """Returns whether `epoch` alone decides the order of the source."""
        return getattr(self._source, "by_epoch", False)

    @property
    def epoch(self) -> int:
        """The source's epoch if that decides its order, else the number of ended epochs."""
        return self._source.epoch if self.by_epoch else self._ended

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._source.epoch = epoch

    @property
    def varies(self) -> tuple[bool, ...]:
        """Returns whether the second axis of each array of x differs from batch to batch."""
        return getattr(self._source, "varies", ())

    @property
    def aligned(self) -> bool:
        """Returns whether the second axis of the targets is the length of the items."""
        return getattr(self._source, "aligned", False)

    @property
    def failure(self) -> Exception | None:
        """Returns what went wrong while the source loaded a batch, or `None`."""
        return getattr(self._source, "failure", None)

    def on_epoch_begin(self) -> None:
        """Tells the source that an epoch begins."""
        self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tells the source that an epoch ends, and counts it."""
        self._ended += 1
        self._source.on_epoch_end()


class SetsEpoch(keras.callbacks.Callback):
    """Sets `epoch` of the training batches, counted within the phase, when an epoch begins."""

    def __init__(self, batches: keras.utils.PyDataset, first: int) -> None:
        super().__init__()
        self._batches, self._first = batches, first

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Sets the number of the epoch."""
        self._batches.epoch = epoch - self._first


class RestOfEpoch(WrappedBatches):
    """Yields the batches of an epoch that come after the first `done`.

    Args:
        source: Batches whose order the number of the epoch decides.
        done: How many batches of the epoch are left out.
    """

    def __init__(self, source: keras.utils.PyDataset, done: int) -> None:
        super().__init__(source)
        self._done = done

    def __len__(self) -> int:
        return len(self._source) - self._done

    def __getitem__(self, index: int) -> tuple[object, ...]:
        return tuple(self._source[index + self._done])


class ChangedBatches(WrappedBatches):
    """Yields batches whose items went through a layer.

    Args:
        source: The batches of raw items.
        layer: The layer.
    """

    def __init__(self, source: keras.utils.PyDataset, layer: keras.Layer) -> None:
        super().__init__(source)
        self._layer = layer

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[object, ...]:
        items, *beside = self._source[index]
        return keras.ops.convert_to_numpy(self._layer(items)), *beside
