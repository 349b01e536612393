"""Measure each thing in a process of its own, and say on which machine."""

import argparse
import contextlib
import datetime
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

_MOST_BY_OTHERS = 0.05
_LONGEST_WAIT = 900  # seconds


def call(
    job: Callable[..., dict[str, Any]], *args: Any, tries: int = 5, **settings: Any
) -> dict[str, Any]:
    """Runs a job in a new process, which nothing computed before can help.

    It waits for other processes to leave the cores alone. Where they took more than a twentieth of
    the cores all the same, it is run again, at most `tries` times in all.

    Returns:
        What the job gives; with `peak` added, the most memory in bytes that was resident at once.
    """
    said = ", ".join([*map(str, args), *(f"{k}={v}" for k, v in settings.items())])
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    spawn = multiprocessing.get_context("spawn")
    for left in reversed(range(tries)):
        if tries > 1:
            _wait_for_quiet()
        begun = _Usage()
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            result = pool.submit(_with_peak, job, args, settings).result()
        seconds, others = begun.since()
        print(
            f"{job.__name__}({said}): {seconds:.0f} s, others took {others:.0%} of the cores",
            file=sys.stderr,
            flush=True,
        )
        if others <= _MOST_BY_OTHERS or not left:
            return result
    raise ValueError(f"tries is 1 or more. Received: {tries}")


def _wait_for_quiet() -> None:
    for _ in range(_LONGEST_WAIT // 2):
        begun = _Usage()
        time.sleep(2)
        if begun.since()[1] <= _MOST_BY_OTHERS:
            return


class _Usage:
    """What the cores have done since now."""

    def __init__(self) -> None:
        self._time, (self._busy, self._own) = time.monotonic(), _cpu_seconds()

    def since(self) -> tuple[float, float]:
        """Seconds that have passed, and the share of the cores that other processes took."""
        seconds, (busy, own) = time.monotonic() - self._time, _cpu_seconds()
        others = busy - self._busy - own + self._own
        return seconds, max(0.0, others / seconds / (os.cpu_count() or 1))


def _cpu_seconds() -> tuple[float, float]:
    """Spent by all processes, and by this one and its children that have ended."""
    user, nice, system, _, _, irq, softirq, *_ = (
        float(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    busy = (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
    return busy, sum(os.times()[:4])


def _with_peak(job: Callable[..., dict[str, Any]], args: Any, settings: Any) -> dict[str, Any]:
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(sys.stderr):
        result = job(*args, **settings)
    return {"peak": peak_memory(), **result}


def peak_memory() -> int:
    """The most bytes of this process that were resident at once.

    `getrusage` would count what the parent had before the child was started.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def machine() -> str:
    """The machine, the versions and the day, in one line."""
    cpu = Path("/proc/cpuinfo").read_text().split("model name\t: ")[1].splitlines()[0]
    used = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras"))
    return f"{os.cpu_count()} cores ({cpu}), {used}, {datetime.date.today()}"


def print_table(title: str, rows: Iterable[dict[str, Any]]) -> None:
    """Prints rows of equal keys as a Markdown table, each row as it comes."""
    print(f"\n{title}\n")
    for number, row in enumerate(rows):
        if not number:
            print("| " + " | ".join(row) + " |")
            print("|" + "---|" * len(row))
        print("| " + " | ".join(map(str, row.values())) + " |", flush=True)


def print_parts(
    description: str | None, parts: Mapping[str, Callable[[Path], Iterable[dict[str, Any]]]]
) -> None:
    """Runs the parts of a benchmark, or the one that `--only` names, and prints their tables.

    Args:
        description: What `--help` says.
        parts: Functions by name, each given the path of a folder of its own that it makes.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", choices=parts)
    only = parser.parse_args().only
    print(machine())
    with tempfile.TemporaryDirectory() as place:
        for name, run in parts.items():
            if only in (None, name):
                print_table(name, run(Path(place, name)))
