"""Measure each thing in a process of its own, and say on which machine."""

import datetime
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

_MOST_BY_OTHERS = 0.05


def call(
    job: Callable[..., dict[str, Any]], *args: Any, tries: int = 5, **settings: Any
) -> dict[str, Any]:
    """Runs a job in a new process, which nothing computed before can help.

    Where other processes took more than a twentieth of the cores meanwhile, it is run again, at
    most `tries` times in all.

    Returns:
        What the job gives; with `peak` added, the most memory in bytes that was resident at once.
    """
    said = ", ".join([*map(str, args), *(f"{k}={v}" for k, v in settings.items())])
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    spawn = multiprocessing.get_context("spawn")
    for _ in range(tries):
        begun, (busy, own) = time.monotonic(), _cpu_seconds()
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            result = pool.submit(_with_peak, job, args, settings).result()
        seconds, (busy_then, own_then) = time.monotonic() - begun, _cpu_seconds()
        others = (busy_then - busy - own_then + own) / seconds / (os.cpu_count() or 1)
        print(
            f"{job.__name__}({said}): {seconds:.0f} s, others took {others:.0%} of the cores",
            file=sys.stderr,
            flush=True,
        )
        if others <= _MOST_BY_OTHERS:
            break
    return result


def _cpu_seconds() -> tuple[float, float]:
    """Spent by all processes, and by this one and its children that have ended."""
    user, nice, system, _, _, irq, softirq, *_ = (
        float(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    busy = (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
    return busy, sum(os.times()[:4])


def _with_peak(job: Callable[..., dict[str, Any]], args: Any, settings: Any) -> dict[str, Any]:
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
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


def print_table(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Prints rows of equal keys as a Markdown table."""
    print(f"\n{title}\n")
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(map(str, row.values())) + " |", flush=True)
