"""Measure each thing in a process of its own, and say on which machine."""

import datetime
import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any


def call(job: Callable[..., dict[str, Any]], *args: Any, **settings: Any) -> dict[str, Any]:
    """Runs a job in a new process, which nothing computed before can help.

    Returns:
        What the job gives; with `peak` added, the most memory in bytes that was resident at once.
    """
    said = ", ".join([*map(str, args), *(f"{k}={v}" for k, v in settings.items())])
    print(f"{datetime.datetime.now():%H:%M:%S} {job.__name__}({said})", file=sys.stderr, flush=True)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_with_peak, job, args, settings).result()


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
