"""Makes batches of which each process reads its share only."""

from typing import Any, Protocol

import keras
import numpy as np

from transferlearn.distributing.processes import Processes


class ByEpoch(Protocol):
    """Describes batches whose items are decided by the number of the epoch."""

    epoch: int

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Any, ...]: ...


class SharedBatches(keras.utils.PyDataset):
    """Yields batches as arrays on the devices of all processes, of which each reads its share.

    A batch that cannot be divided evenly, as the last one of an epoch, is read by each process and
    computed by each device as a whole. (Padding of weight 0 would count in BatchNorm's statistics,
    and in metrics that know of no weights.)

    Args:
        source: The batches; mixed items and texts are read whole by each process.
        processes: All processes, computing together.
    """

    def __init__(self, source: ByEpoch, processes: Processes) -> None:
        super().__init__()
        self._source, self._processes = source, processes
        share = getattr(source, "share", None)
        self._own: Any = share(processes.number, processes.count) if share else None

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        distribution = keras.distribution.distribution()
        devices = distribution.device_mesh.devices.size
        if self._own is not None and self._own.size(index) % devices == 0:
            self._own.epoch = self._source.epoch
            return _laid_out(self._own[index], distribution, divided=True)
        batch = self._source[index]
        size = len(keras.tree.flatten(batch)[0])
        if size % devices == 0:
            rows = np.array_split(np.arange(size), self._processes.count)[self._processes.number]
            batch = keras.tree.map_structure(lambda part: np.asarray(part)[rows], batch)
        return _laid_out(batch, distribution, divided=size % devices == 0)


def _laid_out(batch: Any, distribution: keras.distribution.DataParallel, *, divided: bool) -> Any:
    """Puts arrays on all devices: their rows divided among them, or all rows on each."""
    import jax

    def put(part: np.ndarray) -> Any:
        axes = [distribution.batch_dim_name if divided else None, *[None] * (part.ndim - 1)]
        layout = keras.distribution.TensorLayout(axes, distribution.device_mesh)
        return jax.make_array_from_process_local_data(layout.backend_layout, part)

    return keras.tree.map_structure(lambda part: put(np.asarray(part)), batch)
