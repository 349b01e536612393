"""Measures the most memory that this process holds while something runs."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SECONDS = 0.02  # seconds between two looks


class Peak:
    """Holds the most bytes that were seen resident at once.

    Attributes:
        nbytes: The number of bytes.
    """

    nbytes = 0


@contextmanager
def watched() -> Iterator[Peak]:
    """Yields a `Peak`, and raises it to what is resident, looking every 20 ms in a thread."""
    peak, done = Peak(), threading.Event()

    def look() -> None:
        while True:
            peak.nbytes = max(peak.nbytes, _resident())
            if done.wait(_SECONDS):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        peak.nbytes = max(peak.nbytes, _resident())


def _resident() -> int:
    """Returns the bytes that are resident now; outside of Linux, the most there ever were."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text("utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    import resource  # not there on Windows

    # macOS counts in bytes, other systems in kilobytes.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
