"""Marks stores as open, so that no other process removes what this one still reads.

The mark is a shared lock on the store's description. The system drops it when the process ends,
however it ends, so nothing is left behind. Where there are no such locks (Windows, some network
disks), there is no mark, and a store that is removed while it is read is computed again.
"""

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakSet

if os.name == "posix":
    import fcntl


class Lease:
    """Keeps other processes from removing a store while this object exists.

    Args:
        file: The store's description; where it is missing, there is nothing to keep.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._descriptor: int | None = None
        if os.name == "posix":
            with _lock, suppress(OSError):
                self._descriptor = os.open(file, os.O_RDONLY)
                weakref.finalize(self, os.close, self._descriptor)
                self.take()
                _leases.add(self)

    def take(self) -> None:
        """Locks the description; waits while another process removes the store."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def drop(self) -> None:
        """Unlocks the description, until `take` is called."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


_leases: "WeakSet[Lease]" = WeakSet()
_lock = threading.RLock()


@contextmanager
def removing(file: Path) -> Iterator[bool]:
    """Returns whether no other process has the store of this description open, and keeps it so.

    What this process itself has open does not count: it knows, and decides.
    """
    with _lock:
        own = [lease for lease in _leases if lease.file == file]
        for lease in own:
            lease.drop()
        descriptor = None
        try:
            free = True
            if os.name == "posix":
                with suppress(OSError):  # it is gone, or cannot be locked
                    descriptor = os.open(file, os.O_RDONLY)
                    free = _try_to_lock(descriptor)
            yield free
        finally:
            if descriptor is not None:
                os.close(descriptor)
            for lease in own:
                lease.take()


def is_open_elsewhere(file: Path) -> bool:
    """Returns whether another process has the store of this description open."""
    with removing(file) as free:
        return not free


def _try_to_lock(descriptor: int) -> bool:
    """Locks a file for this process alone, and says whether nobody else had locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
