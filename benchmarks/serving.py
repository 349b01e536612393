"""Measures a server of an exported model: requests a second, waiting times, processor time, memory.

    transferlearn export flowers flowers-onnx photos/test
    python benchmarks/serving.py flowers-onnx photo.jpg --requests 2000

The server is a process of its own; clients are threads of this one, each of which keeps its
connection and asks again as soon as it is answered. Processor time is the server's, which other
programs on the machine hardly change; waiting times are those of this machine as busy as it is.
"""

import argparse
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from transferlearn.edge import Runner

CLIENTS = (1, 8, 32)
WARM = 20  # requests that are not counted


class Ask(NamedTuple):
    """Holds a request: its path, body and headers."""

    path: str
    body: bytes
    headers: dict[str, str]


def asks(folder: Path, photo: Path) -> dict[str, Ask]:
    """Returns the same photo as a file, as bytes of a tensor and as JSON."""
    runner = Runner(folder, threads=1)
    ((name, array),) = runner.item_reader.read([photo]).arrays.items()
    ((_, spec),) = runner.description.inputs.items()
    array = np.asarray(array, spec.dtype)
    datatype = {"float32": "FP32", "uint8": "UINT8", "int32": "INT32"}[spec.dtype]
    told = {"name": name, "shape": array.shape, "datatype": datatype}
    parameters = {"binary_data_size": array.nbytes}
    said = {"inputs": [{**told, "parameters": parameters}]}
    head = json.dumps({**said, "parameters": {"binary_data_output": True}}).encode()
    numbers = json.dumps({"inputs": [{**told, "data": array.ravel().tolist()}]}).encode()
    place = f"/v2/models/{folder.name}/infer"
    length = {"Inference-Header-Content-Length": str(len(head))}
    png = io.BytesIO()
    Image.open(photo).convert("RGB").save(png, "PNG")
    return {
        "photo": Ask("/predict", photo.read_bytes(), {"Content-Type": "image/jpeg"}),
        "bytes": Ask(place, head + array.tobytes(), length),
        "JSON": Ask(place, numbers, {"Content-Type": "application/json"}),
        "broken": Ask("/predict", png.getvalue()[:99], {"Content-Type": "image/png"}),
    }


class Server:
    """Runs `transferlearn serve` in a process of its own.

    Args:
        folder: The export.
        options: Further options of the command.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "transferlearn.cli", "serve", str(folder), *options]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], stderr=subprocess.DEVNULL
        )
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.1)

    def processor_seconds(self) -> float:
        """Returns the processor time that the server has taken."""
        said = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Returns the memory that the server holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """Serves until the block ends."""
    server = Server(folder, *options)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait()


def waits(server: Server, ask: Ask, count: int, clients: int) -> np.ndarray:
    """Sends requests from several clients, and gives how long each waited, in seconds."""
    taken: list[float] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for _ in range(count // clients):
            begun = time.perf_counter()
            connection.request("POST", ask.path, ask.body, ask.headers)
            connection.getresponse().read()
            taken.append(time.perf_counter() - begun)

    _together(client, clients)
    return np.array(taken)


def _together(work: Callable[[], None], count: int) -> None:
    """Runs a function in several threads, and waits for all."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """Prints a table: a row for each way to ask and each number of clients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--requests", type=int, default=2000)
    options = parser.parse_args()
    print(
        "| | clients | requests a second | p50, p99 ms | CPU ms | MB |\n|---|---|---|---|---|---|"
    )
    with serving(options.folder, "--threads", "1") as server:
        for name, ask in asks(options.folder, options.photo).items():
            waits(server, ask, WARM, 1)
            for clients in CLIENTS:
                before, begun = server.processor_seconds(), time.perf_counter()
                taken = waits(server, ask, options.requests, clients)
                rate = len(taken) / (time.perf_counter() - begun)
                cpu = 1e3 * (server.processor_seconds() - before) / len(taken)
                p50, p99 = 1e3 * np.quantile(taken, (0.5, 0.99))
                row = f"| {name} | {clients} | {rate:.0f} | {p50:.0f}, {p99:.0f} | {cpu:.1f} |"
                print(f"{row} {server.megabytes():.0f} |", flush=True)


if __name__ == "__main__":
    main()
