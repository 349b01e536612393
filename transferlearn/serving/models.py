"""Finds models in folders, opens their newest versions, and replaces them without a gap."""

import logging
import threading
from pathlib import Path
from typing import Any, NamedTuple

from transferlearn.edge import Runner
from transferlearn.monitoring import Reference, read_reference
from transferlearn.serving.errors import RefusalError
from transferlearn.serving.opening import named, opened, place_of

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
        models: A folder for each model, which is an export or a save, or holds some in folders that
            are named `1`, `2` and so on; or runners, fitted models, or a mapping of names to those.
        threads: The number of threads that a model computes with.
        trusted: Whether the code in a save or a SavedModel may run.
    """

    def __init__(self, models: Any, threads: int | None, trusted: bool = False) -> None:
        given = named(models)
        self._places = {n: Path(f) for n, f in given.items() if isinstance(f, (str, Path))}
        self._threads = threads
        self._trusted = trusted
        self._lock = threading.Lock()
        self._stamps: dict[tuple[str, str], float] = {}
        self._served: dict[str, dict[str, Served]] = {
            name: {"1": Served(name, "1", opened(one, threads, trusted), _reference_of(one))}
            for name, one in given.items()
            if name not in self._places
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
        stamps = {v: place.stat().st_mtime for v, place in found.items()}
        if list(found) == list(before) and all(
            self._stamps.get((name, v)) == stamp for v, stamp in stamps.items()
        ):
            return False
        now = {}
        for version, place in found.items():
            folder = place.parent
            if version in before and self._stamps.get((name, version)) == stamps[version]:
                now[version] = before[version]
            else:
                runner = opened(folder, self._threads, self._trusted)
                now[version] = Served(name, version, runner, read_reference(folder))
        self._served = {**self._served, name: now}
        self._stamps.update({(name, v): stamp for v, stamp in stamps.items()})
        return True


def _reference_of(given: Any) -> Reference | None:
    """Gives the reference of a fitted model; a runner has none."""
    reference: Reference | None = getattr(given, "reference", None)
    return reference


def _versions(place: Path) -> dict[str, Path]:
    """Lists what describes the exports and saves of a model by version, the newest last."""
    if (only := place_of(place)) is not None:
        return {"1": only}
    folders = [f for f in (place.iterdir() if place.is_dir() else ()) if f.name.isdigit()]
    found = {f.name: described for f in folders if (described := place_of(f)) is not None}
    if not found:
        raise OSError(
            f"{place} is no export or save, and holds none in folders named 1, 2 and so on. Make "
            f"one of a save: transferlearn export flowers {place.name} photos/validation"
        )
    return dict(sorted(found.items(), key=lambda version: int(version[0])))
