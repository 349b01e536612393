"""Keeps the folder of a run, and says in what another run differs from it."""

import contextlib
import json
import os
import platform
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from transferlearn.data.messages import notice
from transferlearn.json_fields import Json
from transferlearn.resuming.state import State, read_state, write_state
from transferlearn.wording import counted

_DESCRIPTION = "run.json"
_LOCK = "lock"
_KEPT = 2  # states of each sort; if the newest is damaged, the one before it serves


class Position(NamedTuple):
    """Holds where a run is: the state in which its newest phase began, and one within that phase.

    Attributes:
        phase: The number of phases that have ended.
        start: The state between the phases.
        within: The state after an epoch of the next phase, or `None`.
    """

    phase: int
    start: State
    within: State | None

    def __str__(self) -> str:
        epochs = self.within["epochs"] if self.within else 0
        return f"{counted(self.phase, 'phase')} and {counted(epochs, 'epoch')} of the next"


class RunFolder:
    """Writes the states of a run into a folder, and finds the newest that is whole.

    Args:
        path: The folder; it is made where it does not exist.

    Attributes:
        seed: A seed for what has none of its own, the same in each process; known once opened.
    """

    seed: int

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()
        self._failed = False

    @contextlib.contextmanager
    def opened(self, description: Json) -> Iterator[None]:
        """Holds the folder for this process, and checks that it is the folder of this same run.

        Args:
            description: What the weights depend on, as JSON holds it.

        Raises:
            OSError: The folder cannot be written to, holds something else, or is in use.
            ValueError: The run that the folder holds is another one; each difference is named.
        """
        file = self.path / _DESCRIPTION
        if self.path.exists() and not file.is_file() and _others(self.path):
            raise OSError(
                f"{self.path} is not the folder of a run: it holds {_others(self.path)[0]}. "
                "Nothing was written; choose a new name for resume."
            )
        with contextlib.ExitStack() as held:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                held.enter_context(_locked(self.path / _LOCK))
                self._begin(file, description)
            except OSError as error:
                reason = error.strerror or error
                raise OSError(f"{self.path} cannot hold this run: {reason}") from error
            yield

    def _begin(self, file: Path, description: Json) -> None:
        """Writes down which run this is, or checks that it is the one that the folder holds."""
        for draft in self.path.glob(".*.tmp"):  # of a process that was killed
            draft.unlink()
        if file.is_file():
            self.seed = self._check(file, description)
        else:
            self.seed = secrets.randbelow(2**31)
            begun = {"machine": platform.node(), "seed": self.seed, "run": description}
            _write_text(file, json.dumps(begun))

    def _check(self, file: Path, description: Json) -> int:
        """Refuses to go on with a run that is another one; else gives the seed of the run."""
        try:
            known = json.loads(file.read_text("utf-8"))
            then, machine, seed = known["run"], known["machine"], int(known["seed"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{file} is damaged: {error!r}. Choose a new folder.") from error
        # As JSON gives it back: tuples are lists there.
        now = json.loads(json.dumps(description))
        if found := differences(then, now):
            lines = "".join(f"\n  {line}" for line in found)
            raise ValueError(
                f"{self.path} holds a run that differs from this one:{lines}\n"
                "Put that back to go on with it, or choose a new folder for a new run."
            )
        if machine != platform.node():
            notice(
                f"The run in {self.path} began on the machine {machine}. It goes on with the same "
                "data and at the same place, but other processors round otherwise."
            )
        return seed

    def position(self) -> Position | None:
        """Finds the newest place that is whole; `None` where the run has not begun."""
        for phase in sorted(self._phases(), reverse=True):
            start = self._read(self._of_phase(phase))
            if start is None:
                continue
            for file in sorted(self.path.glob(f"epoch-{phase:03}-*.npz"), reverse=True):
                if (within := self._read(file)) is not None:
                    return Position(phase, start, within)
            return Position(phase, start, None)
        return None

    def save_start(self, phase: int, state: State) -> None:
        """Writes the state in which phase number `phase`, counted from 0, begins."""
        if self._write(self._of_phase(phase), state):
            for old in sorted(self._phases())[:-_KEPT]:
                self._of_phase(old).unlink(missing_ok=True)
                for file in self.path.glob(f"epoch-{old:03}-*.npz"):
                    file.unlink(missing_ok=True)

    def save_within(self, phase: int, epoch: int, batch: int, state: State) -> None:
        """Writes the state after `epoch` epochs of a phase and `batch` batches of the next."""
        if self._write(self.path / f"epoch-{phase:03}-{epoch:06}-{batch:09}.npz", state):
            for old in sorted(self.path.glob(f"epoch-{phase:03}-*.npz"))[:-_KEPT]:
                old.unlink(missing_ok=True)

    def cut(self, phase: int) -> str | None:
        """Returns the name of the cut that a phase stores features at, empty if it stores none.

        It is `None` where the phase has not begun.
        """
        file = self._of_cut(phase)
        return file.read_text("utf-8") if file.exists() else None

    def save_cut(self, phase: int, name: str) -> None:
        """Writes down the name of the cut that a phase stores features at."""
        # The room for features may be another one by then, and other cuts round otherwise.
        with contextlib.suppress(OSError):  # on a full disk, as for states
            _write_text(self._of_cut(phase), name)

    def _of_cut(self, phase: int) -> Path:
        """Returns the file of the name of a phase's cut."""
        return self.path / f"cut-{phase:03}.txt"

    def _of_phase(self, phase: int) -> Path:
        """Returns the file of the state in which a phase begins."""
        return self.path / f"phase-{phase:03}.npz"

    def _phases(self) -> list[int]:
        """Lists the numbers of the phases whose beginning is written."""
        return [int(file.stem.partition("-")[2]) for file in self.path.glob("phase-*.npz")]

    def _read(self, file: Path) -> State | None:
        """Reads a state; says so and gives `None` where it is damaged."""
        try:
            return read_state(file)
        except ValueError as error:
            notice(f"{error}. The run goes on from the state before it.")
            return None

    def _write(self, file: Path, state: State) -> bool:
        """Writes a state; a full disk does not stop the training, but is said once."""
        try:
            write_state(file, state)
        except OSError as error:
            if not self._failed:
                notice(
                    f"No state can be written to {file}: {error.strerror or error}. Training goes "
                    "on; if it is stopped, it begins again at the last state that was written."
                )
            self._failed = True
            return False
        self._failed = False
        return True


def _others(folder: Path) -> list[str]:
    """Lists what a folder holds, apart from the lock."""
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if name != _LOCK and not name.endswith(".tmp"))


def _write_text(file: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    draft = file.with_name(f".{file.name}.tmp")
    draft.write_text(text, "utf-8")
    draft.replace(file)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Holds a lock file, which the system lets go of when the process ends, however it ends.

    Raises:
        OSError: Another process holds it.
    """
    with file.open("a+b") as stream:
        if not _try_lock(stream.fileno()):
            raise OSError("it is in use by another process, which trains this run")
        yield


def _try_lock(descriptor: int) -> bool:
    """Locks an open file for this process; says whether nobody else holds it."""
    try:
        if os.name == "nt":
            import msvcrt  # only Windows has it

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl  # Windows does not have it

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


ITEMS = "items"  # the key of a list of `[name, hash]`, one for each item of a dataset
_MOST = 10  # items that are named one by one


def differences(then: Json, now: Json) -> list[str]:
    """Lists in words what differs between two descriptions; empty if they are equal."""
    return list(_differing(then, now, ""))


def _differing(then: object, now: object, name: str) -> Iterator[str]:
    """Yields a line for each part that differs; parts are named as in `data.train.count`."""
    if then == now:
        return
    if name.endswith(f".{ITEMS}") and isinstance(then, list) and isinstance(now, list):
        yield from _differing_items(then, now, name.removesuffix(f".{ITEMS}"))
    elif isinstance(then, dict) and isinstance(now, dict):
        for key in {**then, **now}:
            inner = f"{name}.{key}" if name else key
            yield from _differing(then.get(key), now.get(key), inner)
    else:
        yield f"{name}: it was {_short(then)}, and now it is {_short(now)}"


def _differing_items(
    then: list[tuple[str, str]], now: list[tuple[str, str]], name: str
) -> Iterator[str]:
    """Yields a line for each item that is new, gone or changed, or one if the order is another."""
    before, after = {str(n): h for n, h in then}, {str(n): h for n, h in now}
    lines = [f"{name}: {item} is gone" for item in before if item not in after]
    lines += [f"{name}: {item} is new" for item in after if item not in before]
    lines += [
        f"{name}: {item} has changed, or its target or weight has"
        for item in before
        if item in after and before[item] != after[item]
    ]
    yield from lines[:_MOST]
    if len(lines) > _MOST:
        yield f"{name}: and {len(lines) - _MOST:,} more items"
    if not lines:
        yield f"{name}: the items come in another order"


def _short(value: object) -> str:
    """Writes a value in at most some 80 characters."""
    text = "not set" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
