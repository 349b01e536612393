"""Runs `transferlearn launch`, which starts a program several times, to train together."""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.cli.command import CommandResult
from transferlearn.cli.types import at_least_1

NAME = "launch"
HELP = "Start a Python program in several processes, which train together (tl.distribute())."
_EXAMPLES = """\
examples:
  transferlearn launch --processes 2 train.py
  transferlearn launch --processes 2 train.py --epochs 5
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `launch`."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "--processes",
        type=at_least_1,
        required=True,
        metavar="N",
        help="how many to start",
    )
    parser.add_argument("program", type=Path, help="a Python file that calls tl.distribute()")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the program")


def run(options: Namespace) -> CommandResult:
    """Starts the processes, and waits for all; where one fails, it ends the others."""
    if not options.program.is_file():
        raise OSError(f"There is no file {options.program}.")
    common = {
        "KERAS_BACKEND": "jax",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(options.processes),
        "LOCAL_WORLD_SIZE": str(options.processes),
    }
    started: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(options.processes):
            own = {"RANK": str(number), "LOCAL_RANK": str(number)}
            words = [sys.executable, str(options.program), *options.arguments]
            started.append(subprocess.Popen(words, env=os.environ | common | own))
        failed = _first_failure(started)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()  # JAX takes SIGTERM for a warning
            process.wait()
    if failed is None:
        return CommandResult({"processes": options.processes}, "All processes are done.")
    code = started[failed].returncode
    ended = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    raise OSError(f"Process {failed} ended {ended}, so the others were ended, too.")


def _first_failure(started: list["subprocess.Popen[bytes]"]) -> int | None:
    """Waits for all processes, or until one fails, and returns the number of that one."""
    while True:
        codes = [process.poll() for process in started]
        if failed := [number for number, code in enumerate(codes) if code]:
            return failed[0]
        if None not in codes:
            return None
        time.sleep(0.1)


def _free_port() -> int:
    """Returns a port of this machine that nobody listens on."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])
