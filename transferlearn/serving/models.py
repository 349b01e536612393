"""Finds models in folders, opens their newest versions, and replaces them without a gap."""

import logging
import threading
from pathlib import Path
from typing import NamedTuple

from transferlearn.edge import Runner
from transferlearn.monitoring import Reference, read_reference
from transferlearn.serving.errors import RequestRefusedError
from transferlearn.serving.numbers import whole_number
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

    def __init__(self, models: object, threads: int | None, trusted: bool = False) -> None:
        given = named(models)
        self._places = {n: Path(f) for n, f in given.items() if isinstance(f, (str, Path))}
        self._threads = threads
        self._trusted = trusted
        self._lock = threading.Lock()
        self._tried: dict[str, dict[str, _Tried]] = {}
        self._gone: set[str] = set()  # models whose folders hold no version any more
        self._served: dict[str, dict[str, Served]] = {
            name: {"1": Served(name, "1", opened(one, threads, trusted), _reference_of(one))}
            for name, one in given.items()
            if name not in self._places
        }
        for name in self._places:
            self._open(name)

    @property
    def names(self) -> list[str]:
        """The names of all models."""
        return list(self._served)

    def versions(self, name: str) -> list[str]:
        """Returns the versions of a model that are ready, the newest last."""
        self.get(name)
        return list(self._served[name])

    def get(self, name: str | None = None, version: str | None = None) -> Served:
        """Returns a model: the only or first one by default, in its newest version.

        Raises:
            RequestRefusedError: There is no such model or version (404).
        """
        served = self._served  # replaced as a whole, never changed
        name = next(iter(served)) if name is None else name
        if name not in served:
            raise RequestRefusedError(
                404,
                f"There is no model {name!r:.80}; there are {', '.join(served)}.",
                code="model_not_found",
            )
        versions = served[name]
        if version is not None and version not in versions:
            raise RequestRefusedError(
                404, f"{name} has no version {version!r:.80}; it has {', '.join(versions)}."
            )
        return versions[version if version is not None else next(reversed(versions))]

    def broken(self, name: str) -> dict[str, str]:
        """Returns the versions of a model that cannot be opened, with the reason."""
        tried = self._tried.get(name, {})
        return {version: str(one.error) for version, one in tried.items() if one.error is not None}

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
                    self._gone.discard(name)
                except OSError as error:
                    if name not in self._gone:
                        _log.warning("not reloaded", extra={"model": name, "error": str(error)})
                    self._gone.add(name)
            return changed

    def load(self, name: str) -> None:
        """Opens what is new of a model, and tries again what could not be opened.

        Raises:
            RequestRefusedError: There is no such model (404), or a version cannot be opened (500).
        """
        self.get(name)
        if name not in self._places:
            return
        with self._lock:
            good = {v: one for v, one in self._tried[name].items() if one.error is None}
            self._tried = {**self._tried, name: good}
            try:
                self._open(name)
            except OSError as error:
                raise RequestRefusedError(500, str(error)) from error
        for version, reason in self.broken(name).items():
            raise RequestRefusedError(500, f"{name} {version} cannot be opened: {reason}")

    def _open(self, name: str) -> bool:
        """Opens the versions of a model that are new, and says whether others are served now.

        Raises:
            OSError: There is no version.
            Exception: None can be opened, and none was before; the reason of the newest.
        """
        tried = {}
        for version, place in _versions(self._places[name]).items():
            last = self._tried.get(name, {}).get(version)
            if last is None or last.stamp != _stamp(place, whole=last.error is not None):
                last = self._try(name, version, place)
            tried[version] = last
        now = {version: one.served for version, one in tried.items() if one.served is not None}
        before = self._served.get(name)
        if not now and before is None:
            raise next(one.error for one in reversed(tried.values()) if one.error is not None)
        self._tried = {**self._tried, name: tried}
        if not now or (before is not None and list(now.items()) == list(before.items())):
            return False
        self._served = {**self._served, name: now}
        return True

    def _try(self, name: str, version: str, place: Path) -> "_Tried":
        """Opens one version; where it cannot be, what was served as this version remains."""
        stamp, whole = _stamp(place, whole=False), _stamp(place, whole=True)
        try:
            runner = opened(place.parent, self._threads, self._trusted)
            served = Served(name, version, runner, read_reference(place.parent))
            return _Tried(stamp, served)
        except Exception as error:  # whatever is wrong with it, the others are served
            noted = {"model": name, "version": version, "error": str(error)}
            _log.warning("not opened", extra=noted)
            before = self._served.get(name, {}).get(version)
            return _Tried(whole, before, error.with_traceback(None))


class _Tried(NamedTuple):
    """Holds what came of opening a version: what is served, or why nothing new is."""

    stamp: object
    served: Served | None
    error: Exception | None = None


def _stamp(place: Path, *, whole: bool) -> object:
    """Returns what changes when the file that describes a version is written, or any beside it."""
    files = [file for file in place.parent.rglob("*") if file.is_file()] if whole else [place]
    noted = [(file, file.stat()) for file in files]
    return {(file, state.st_mtime_ns, state.st_size) for file, state in noted}


def _reference_of(given: object) -> Reference | None:
    """Returns the reference of a fitted model; a runner has none."""
    reference: Reference | None = getattr(given, "reference", None)
    return reference


def _versions(place: Path) -> dict[str, Path]:
    """Lists what describes the exports and saves of a model by version, the newest last."""
    if (only := place_of(place)) is not None:
        return {"1": only}
    found = {}
    for folder in place.iterdir() if place.is_dir() else ():
        number, described = whole_number(folder.name), place_of(folder)
        if number is not None and described is not None:
            found[folder.name] = (number, described)
    if not found:
        raise OSError(
            f"{place} is no export or save, and holds none in folders named 1, 2 and so on. Make "
            f"one of a save: transferlearn export flowers {place.name} photos/validation"
        )
    newest_last = sorted(found.items(), key=lambda version: version[1][0])
    return {name: described for name, (_, described) in newest_last}
