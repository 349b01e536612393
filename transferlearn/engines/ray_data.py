"""Makes the pass over frozen layers on a Ray cluster, by Ray Data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transferlearn.checks import whole
from transferlearn.data.images.checking import Check
from transferlearn.data.images.items import Print
from transferlearn.engines.worker import ImagePass, ImageWorker
from transferlearn.extras import require
from transferlearn.json_fields import Json


@dataclass(frozen=True, kw_only=True)
class Ray:
    """Describes a Ray cluster whose workers decode, hash, compute and store images.

    When to use it: one machine takes too long for the pass over the frozen layers. Each worker
    holds the network, and commits what it computed before it takes further files. All machines see
    the images and the cache's directory under the same paths, as on a network disk, and have this
    package and the same Keras. Ray starts killed workers again, so no image is lost.

    Args:
        address: The cluster: `"auto"` for the one that this machine belongs to, an address such as
            `"ray://head:10001"`, or `None` for one of this machine alone, which ends afterwards.
        workers: How many workers there are.
        gpus: The GPUs of each worker, such as 1 or 0.5.
        files: The files that a worker takes at a time, and commits together.

    Example:
        ```python
        engine = tl.engines.Ray(address="auto", workers=8, gpus=1)
        tl.extract(builder, "photos", cache=tl.Cache(directory="/shared/features"), engine=engine)
        ```
    """

    address: str | None = None
    workers: int = 1
    gpus: float = 0
    files: int = 2048

    def __post_init__(self) -> None:
        for name in ("workers", "files"):
            whole(name, getattr(self, name), least=1)
        if not isinstance(self.gpus, int | float) or self.gpus < 0:
            raise ValueError(f"gpus is a number from 0 on. Received: gpus={self.gpus!r}")
        require("An engine of Ray", "ray", "ray", "pyarrow")

    def checks(self, paths: Sequence[str], described: ImagePass) -> list[Check]:
        """Stores the features of files on the workers, and returns a check for each file."""
        if not paths:
            return []
        import pyarrow
        import ray
        from ray import data

        own = not ray.is_initialized()
        if own:
            ray.init(address=self.address or "local", log_to_driver=False)
        try:
            data.DataContext.get_current().enable_progress_bars = False
            starts = range(0, len(paths), self.files)
            # Blocks of their own: to cut one up takes a processor, and the workers hold all.
            blocks = [pyarrow.table({"path": paths[i : i + self.files]}) for i in starts]
            # What a worker computes never travels: it returns hashes and reasons. Ray Data starts
            # killed workers again, and hands their files out anew, as often as it takes.
            done = data.from_arrow(blocks).map_batches(
                RayWorker,
                batch_size=self.files,
                compute=data.ActorPoolStrategy(size=self.workers),
                fn_constructor_args=(ray.put(described),),
                num_gpus=self.gpus,
            )
            found = {row["path"]: _check(row) for row in done.iter_rows()}
        finally:
            if own:
                ray.shutdown()
        return [found[path] for path in paths]


class RayWorker:
    """Is what Ray Data calls with batches of paths, in a process of its own."""

    def __init__(self, described: Any) -> None:
        import ray

        if isinstance(described, ray.ObjectRef):
            described = ray.get(described)
        self._worker = ImageWorker(described)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[Any]]:
        """Stores the features of a batch of files, and returns what a manifest holds of them."""
        paths = [str(path) for path in batch["path"]]
        checks = self._worker.checks(paths)
        prints = [check.fingerprint for check in checks]
        return {
            "path": paths,
            "hash": [found.content_hash for found in prints],
            # As text, since 64 bits without a sign become floats where one of them lacks.
            "likeness": ["" if found.likeness is None else str(found.likeness) for found in prints],
            "height": [found.size[0] for found in prints],
            "width": [found.size[1] for found in prints],
            "reason": [check.reason for check in checks],
        }


def _check(row: Json) -> Check:
    """Returns the check in a row that a worker returned."""
    likeness = int(row["likeness"]) if row["likeness"] else None
    size = int(row["height"]), int(row["width"])
    return Check(Print(str(row["hash"]), likeness, size), str(row["reason"]))
