"""Finds models in folders, opens their newest versions, and replaces them without a gap."""

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from transferlearn.edge import Runner
from transferlearn.edge.description import FILE
from transferlearn.monitoring import Reference, read_reference
from transferlearn.serving.errors import RefusalError

_log = logging.getLogger("transferlearn.serving")


class Served(NamedTuple):
    """Holds one version of a model that is ready.

    Attributes:
        name: The name of the model.
        version: The version, `"1"` where the folder has no versions.
        runner: Predicts.
        reference: What items were like in training; `None` where the export does not hold it.
    """

    name: str
    version: str
    runner: Runner
    reference: Reference | None = None


class Models:
    """Holds the models of a server.

    Args:
        folders: A folder for each model, which is an export, or holds exports in folders that are
            named `1`, `2` and so on. Or a mapping of names to folders or runners.
        threads: The number of threads that a model computes with.
    """

    def __init__(
        self, folders: Sequence[str | Path] | Mapping[str, str | Path | Runner], threads: int | None
    ) -> None:
        named = (
            dict(folders)
            if isinstance(folders, Mapping)
            else {Path(folder).resolve().name: folder for folder in folders}
        )
        if not named or len(named) < len(folders):
            raise ValueError("Each model has a name of its own: that of its folder.")
        self._places = {n: Path(f) for n, f in named.items() if not isinstance(f, Runner)}
        self._threads = threads
        self._lock = threading.Lock()
        self._stamps: dict[tuple[str, str], float] = {}
        self._served: dict[str, dict[str, Served]] = {
            name: {"1": Served(name, "1", runner)}
            for name, runner in named.items()
            if isinstance(runner, Runner)
        }
        for name in self._places:
            self._open(name)

    @property
    def names(self) -> list[str]:
        """Gives the names of all models."""
        return list(self._served)

    def versions(self, name: str) -> list[str]:
        """Gives the versions of a model that are ready, the newest last."""
        self.get(name)
        return list(self._served[name])

    def get(self, name: str | None = None, version: str | None = None) -> Served:
        """Gives a model: the only or first one by default, in its newest version.

        Raises:
            RefusalError: There is no such model or version (404).
        """
        served = self._served  # replaced as a whole, never changed
        name = next(iter(served)) if name is None else name
        if name not in served:
            raise RefusalError(
                404, f"There is no model {name!r:.80}; there are {', '.join(served)}."
            )
        versions = served[name]
        if version is not None and version not in versions:
            raise RefusalError(
                404, f"{name} has no version {version!r:.80}; it has {', '.join(versions)}."
            )
        return versions[version if version is not None else next(reversed(versions))]

    def reload(self) -> list[str]:
        """Opens versions that are new or were replaced, and lets go of those that are gone.

        Requests that are being computed keep the version that they began with. A version that
        cannot be opened leaves the ones before it in their place.

        Returns:
            The models that changed.
        """
        with self._lock:
            changed = []
            for name in self._places:
                try:
                    if self._open(name):
                        changed.append(name)
                except (OSError, ValueError, ImportError) as error:
                    _log.warning("not reloaded", extra={"model": name, "error": str(error)})
            return changed

    def _open(self, name: str) -> bool:
        """Opens the versions of a model, and says whether anything is new."""
        found = _versions(self._places[name])
        before = self._served.get(name, {})
        stamps = {v: (folder / FILE).stat().st_mtime for v, folder in found.items()}
        if list(found) == list(before) and all(
            self._stamps.get((name, v)) == stamp for v, stamp in stamps.items()
        ):
            return False
        now = {}
        for version, folder in found.items():
            if version in before and self._stamps.get((name, version)) == stamps[version]:
                now[version] = before[version]
            else:
                runner = Runner(folder, threads=self._threads)
                now[version] = Served(name, version, runner, read_reference(folder))
        self._served = {**self._served, name: now}
        self._stamps.update({(name, v): stamp for v, stamp in stamps.items()})
        return True


def _versions(place: Path) -> dict[str, Path]:
    """Lists the exports of a model by version, the newest last."""
    if (place / FILE).is_file():
        return {"1": place}
    found = [
        folder
        for folder in (place.iterdir() if place.is_dir() else ())
        if folder.name.isdigit() and (folder / FILE).is_file()
    ]
    if not found:
        raise OSError(
            f"{place} is no export, and holds none in folders named 1, 2 and so on. Make one: "
            f"transferlearn export {place} {place}-onnx --data photos/validation"
        )
    return {folder.name: folder for folder in sorted(found, key=lambda folder: int(folder.name))}
