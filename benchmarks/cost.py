"""Prints what a million answers of an export cost on three clouds: `cost.py EXPORT PHOTO`.

Prices change: replace `PRICES` and `DATE`, run this again, and paste the table into docs/cost.md.
"""

import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transferlearn.edge import Runner
from transferlearn.tables import as_table

DATE = "2026-12-02"
GIGABYTES = 1.0  # of a container with one vCPU
RUNS = 40


class Price(NamedTuple):
    """Holds what a container costs in US dollars, on demand, in the cheapest regions.

    Attributes:
        vcpu_second: Of one vCPU for a second.
        gigabyte_second: Of one gigabyte of memory for a second.
        million_requests: Of a million requests, besides.
    """

    vcpu_second: float
    gigabyte_second: float
    million_requests: float


PRICES = {
    "AWS Fargate, Linux on x86, us-east-1": Price(0.04048 / 3600, 0.004445 / 3600, 0.0),
    "Google Cloud Run, by request, tier 1": Price(0.000024, 0.0000025, 0.40),
    "Azure Container Apps, consumption, active": Price(0.000024, 0.000003, 0.40),
}


def milliseconds(export: Path, photo: Path) -> float:
    """Measures the median processor time of an answer to the content of a file, on one thread."""
    runner, content = Runner(export, threads=1), photo.read_bytes()
    times = []
    for _ in range(RUNS):
        begun = time.process_time()
        runner.predict(content)
        times.append(time.process_time() - begun)
    return float(np.median(times[RUNS // 4 :])) * 1e3


def dollars(price: Price, taken: float, busy: float) -> float:
    """Computes the price of a million answers of `taken` milliseconds each.

    `busy` is the share of the paid time in which the vCPU computes.
    """
    seconds = 1e6 * taken / 1e3 / busy
    by_second = price.vcpu_second + GIGABYTES * price.gigabyte_second
    return seconds * by_second + price.million_requests


def main() -> None:
    """Measures, and prints the table."""
    taken = milliseconds(Path(sys.argv[1]), Path(sys.argv[2]))
    rows = [["US dollars for a million answers", "busy", "a tenth of the time busy"]]
    for name, price in PRICES.items():
        rows.append([name, *(f"{dollars(price, taken, busy):.2f}" for busy in (1.0, 0.1))])
    print(f"{taken:.1f} ms of processor time an answer; prices as known on {DATE}.")
    print(as_table(rows, right=(1, 2)))


if __name__ == "__main__":
    main()
