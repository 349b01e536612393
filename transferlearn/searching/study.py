"""Opens the Optuna study behind a search, which several processes may share."""

import contextlib
import itertools
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from transferlearn.extras import install_line
from transferlearn.features.fingerprints import digest

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial, TrialState

Location: TypeAlias = "str | os.PathLike[str] | BaseStorage | None"
"""The place of a study: path of an SQLite file, an Optuna URL or storage, `None` for memory."""

OptunaCallback: TypeAlias = "Callable[[Study, FrozenTrial], None]"
"""What `study.optimize` of Optuna takes as a callback."""

_PREFIX = "transferlearn-"  # begins the names of our studies: a database may hold others too
_BEAT = 5.0  # seconds between two signs of life of a running trial
PATIENCE = 60.0  # seconds without such a sign, after which its process is taken for dead
_ATTEMPTS = 10  # attempts to make the tables of a new database, 0.2 seconds apart
_LOCKED = 60.0  # seconds to wait for another process that writes to an SQLite file


def optuna() -> Any:
    """Imports Optuna, or raises an `ImportError` that says how to install it."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError(f"A search needs Optuna: {install_line('tune')}") from error
    return optuna


@contextlib.contextmanager
def opened(
    storage: Location, description: Mapping[str, str], *, minimise: bool
) -> Iterator["Study"]:
    """Opens or makes the study of a search, and closes its database in the end.

    It is named by a hash of the description, so searches share it only if they are the same.

    Args:
        storage: The path of an SQLite file, an Optuna URL or storage, or `None` for memory.
        description: All that a score depends on, by name.
        minimise: Whether smaller scores are better.

    Raises:
        TypeError: The storage is none of these.
        ValueError: The storage holds the results of another search.
    """
    place = _place(storage)
    name = _PREFIX + digest(*sorted(description.items()))[:12]
    try:
        if name not in optuna().get_all_study_names(place):
            _refuse_another(place, storage, description)
        study = _study(place, name, minimise)
        study.set_user_attr("search", dict(description))
        yield study
    finally:
        place.remove_session()
        if isinstance(storage, str | os.PathLike):  # a storage of the user's stays as it is
            place.engine.dispose()


def _place(storage: Location) -> Any:
    """Opens the storage that was passed, unless it is open already."""
    if storage is None:
        return optuna().storages.InMemoryStorage()
    if isinstance(storage, str | os.PathLike):
        return _database(storage)
    if not isinstance(storage, optuna().storages.BaseStorage):
        raise TypeError(
            "storage is the path of an SQLite file, an Optuna URL such as "
            "postgresql+psycopg2://user@host/name, a storage of optuna.storages, or None. "
            f"Received: storage={storage!r:.80}"
        )
    return storage


def _study(place: object, name: str, minimise: bool) -> "Study":
    """Opens or makes the study of this name, without the message that Optuna would print."""
    logging = optuna().logging
    loudness = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        return optuna().create_study(
            storage=place,
            study_name=name,
            direction="minimize" if minimise else "maximize",
            # With one warm-up step, no trial is stopped after its first epoch.
            pruner=optuna().pruners.MedianPruner(n_warmup_steps=1),
            load_if_exists=True,
        )
    finally:
        logging.set_verbosity(loudness)


def _database(storage: str | os.PathLike[str]) -> "RDBStorage":
    """Opens the database at a path or URL; a new SQLite file is made with its folder."""
    from sqlalchemy.exc import DatabaseError

    url = os.fspath(storage)
    if "://" not in url:
        path = Path(url).expanduser().absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{path}"
    options = {"connect_args": {"timeout": _LOCKED}} if url.startswith("sqlite") else None
    try:
        return _patiently(lambda: optuna().storages.RDBStorage(url, engine_kwargs=options))
    except DatabaseError as error:
        raise OSError(
            f"Expected the path of an SQLite file, new or of an earlier search, or an Optuna URL. "
            f"Received: storage={_public(storage)!r} ({error.orig})"
        ) from error


def _public(storage: Location) -> str:
    """Writes a storage for messages, which end up in logs: a URL without its password."""
    if not isinstance(storage, str | os.PathLike):
        return type(storage).__name__
    return re.sub(r"(://[^/@]*?):[^/]*@", r"\1:***@", str(storage))


def _patiently(connect: Callable[[], "RDBStorage"]) -> "RDBStorage":
    """Connects, and tries again where another process makes the same tables at the same time."""
    from sqlalchemy.exc import DatabaseError

    for _ in range(_ATTEMPTS):
        with contextlib.suppress(DatabaseError):
            return connect()
        time.sleep(0.2)
    return connect()


def _refuse_another(place: object, storage: Location, description: Mapping[str, str]) -> None:
    """Refuses a database with the results of another search, and says what differs."""
    for other in optuna().get_all_study_summaries(place):
        if other.study_name.startswith(_PREFIX) and other.best_trial is not None:
            then = other.user_attrs.get("search", {})
            differing = [
                f"{name} was {then.get(name, 'not there')} and is {description.get(name, 'gone')}"
                for name in {**then, **description}
                if then.get(name) != description.get(name)
            ]
            raise ValueError(
                f"{_public(storage)} holds the results of another search: {'; '.join(differing)}. "
                "Take another storage for this search, or pass what was passed then."
            )


@contextlib.contextmanager
def alive(trial: "Trial") -> Iterator[None]:
    """Lets a trial give other processes signs of life: an attribute that changes every 5 s."""
    # Optuna's own heartbeat never gives up a trial that was killed before its first beat, and goes
    # by the wall clock, which jumps where a machine has slept.
    ended = threading.Event()

    def beat() -> None:
        for count in itertools.count():
            if ended.wait(_BEAT):
                return
            with contextlib.suppress(optuna().exceptions.OptunaError):  # the next beat may succeed
                trial.set_user_attr("beat", count)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def end(
    study: "Study", trial: "Trial | int", state: "TrialState", score: float | None = None
) -> None:
    """Ends a trial, or the trial of this number, unless another process has done so."""
    with contextlib.suppress(optuna().exceptions.UpdateFinishedTrialError):
        study.tell(trial, score, state, skip_if_finished=True)


class Abandoned:
    """Finds trials whose process ended without reporting it, and marks them as failed.

    It goes by this process's own clock, since the clocks of machines may differ, and the time that
    this machine slept must not count.
    """

    def __init__(self, study: "Study") -> None:
        self._study = study
        self._seen: dict[int, tuple[int | None, float]] = {}  # the last beat, and since when

    def fail(self, running: list["FrozenTrial"]) -> None:
        """Marks those running trials as failed that have given no sign of life for too long."""
        now = time.monotonic()
        for trial in running:
            beat = trial.user_attrs.get("beat")
            last, since = self._seen.get(trial.number, (None, now))
            self._seen[trial.number] = (beat, since if beat == last else now)
            if beat == last and now - since > PATIENCE:
                end(self._study, trial.number, optuna().trial.TrialState.FAIL)
