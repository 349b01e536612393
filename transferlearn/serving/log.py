"""Writes predictions and labels that come back into a local SQLite file of a limited size."""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transferlearn.monitoring import Reference, Signals
from transferlearn.serving.log_file import make, opened, prune

_log = logging.getLogger("transferlearn.serving")
_EVERY = 0.2  # seconds between two writes
_HELD = 64 * 2**20  # bytes that wait to be written; further rows are left out
_PART = 20  # so many-th parts of the file are written at once, and its size looked at
_PHOTOS = 4  # so many-th parts of the file may the photos of one request take
_CLAIMED = 20_000  # ids of requests that are kept from others, and for each
_OF_LOG = 1000  # bytes of the file at most one
_SILENT = 60.0  # seconds after a warning in which there is no other
_LARGEST_LABEL = 4096  # characters of JSON


class Row(NamedTuple):
    """Holds what is written of one item."""

    time: float
    request: str
    item: int
    model: str
    version: str
    hash: str
    outputs: str
    signals: str
    answer: int | None
    milliseconds: float


class PredictionLog:
    """Writes rows in a thread of its own; whatever becomes of the file, predictions go on.

    The file is opened for each write: one that was moved away or deleted is begun anew, and one
    that was overwritten is left alone until it is gone.

    Args:
        path: The SQLite file, which is made.
        most_bytes: The size that it may have; the oldest rows go first.

    Attributes:
        lost: How many rows were left out, since the disk was too slow or full.
        failing: Whether the last rows could not be written.

    Raises:
        OSError: The file cannot be written.
        ValueError: The file holds something else.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.path = path
        self.lost = 0
        self.failing = False
        self._most = most_bytes
        self._warned = -_SILENT
        self._claimed = min(_CLAIMED, most_bytes // _OF_LOG)
        self._waiting: list[_Entry] = []
        self._held = 0
        self._counting = threading.Lock()  # of what waits
        self._writing = threading.Lock()  # of the file
        self._ended = threading.Event()
        make(path)
        self._thread = threading.Thread(target=self._run, daemon=True, name="prediction-log")
        self._thread.start()

    def takes(self, request: str) -> bool:
        """Whether an id is of no request so far, in any process; it is kept from others."""
        if self.failing:
            return True
        try:
            with opened(self.path, seconds=1) as file:
                claim = file.execute("insert or ignore into claimed values (?)", (request,))
                last = (claim.lastrowid or 0) - self._claimed
                file.execute("delete from claimed where rowid <= ?", (last,))
                return claim.rowcount == 1 and _request(file, request)[0] is None
        except sqlite3.Error as error:  # of another one the thread that writes warns
            return error.sqlite_errorcode != sqlite3.SQLITE_BUSY

    def predicted(self, rows: Sequence[Row]) -> None:
        """Takes rows to write; it never waits."""
        size = sum(len(row.outputs) + len(row.signals) + 200 for row in rows)
        self._put("insert or ignore into predictions values (?,?,?,?,?,?,?,?,?,?)", rows, size)

    def sent(self, request: str, items: Sequence[object], time: float) -> None:
        """Takes the photos and texts of a request to write, as they were sent; arrays it leaves.

        Like predictions, they are left out where the disk is too slow; so are those that are large
        beside the file.
        """
        rows = [(time, request, i, item) for i, item in enumerate(items) if isinstance(item, bytes)]
        size = sum(len(row[-1]) for row in rows)
        if rows and size <= self._most / _PHOTOS:
            self._put("insert or replace into photos values (?,?,?,?)", rows, size)

    def request(self, request: str) -> tuple[str | None, int]:
        """Returns the name of the model that a request asked, or `None`, and its number of items.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        if not self.failing:
            self._write()
        with opened(self.path, seconds=2) as file:
            file.execute("begin immediate")  # waits for another process that writes its rows
            return _request(file, request)

    def labelled(self, request: str, labels: Sequence[object], time: float) -> None:
        """Writes the labels of a request's items at once.

        Raises:
            ValueError: A label is too long.
            sqlite3.Error: The file cannot be written.
        """
        rows = [(request, i, json.dumps(label), time) for i, label in enumerate(labels)]
        if max(len(row[2]) for row in rows) > _LARGEST_LABEL:
            raise ValueError(f"A label has at most {_LARGEST_LABEL:,} characters of JSON.")
        with self._writing, opened(self.path, seconds=2) as file:
            file.executemany("insert or replace into feedback values (?,?,?,?)", rows)
            file.commit()
            prune(file, self._most)

    def close(self) -> None:
        """Writes what is waiting, and ends the thread."""
        self._ended.set()
        self._thread.join(timeout=10)

    def _put(self, statement: str, rows: Sequence[object], size: int) -> None:
        """Lets rows of some size in bytes wait for the thread."""
        with self._counting:
            if self._held + size > _HELD:
                self.lost += len(rows)
                return
            self._held += size
            self._waiting.append(_Entry(statement, rows, size))

    def _run(self) -> None:
        """Writes until the end."""
        while not self._ended.wait(_EVERY):
            self._write()
        self._write()

    def _write(self) -> None:
        """Writes what is waiting, part by part."""
        with self._writing:
            with self._counting:
                waiting, self._waiting, self._held = self._waiting, [], 0
            part: list[_Entry] = []
            size = 0
            for entry in waiting:
                part.append(entry)
                size += entry.size
                if size > self._most / _PART:
                    self._store(part)
                    part, size = [], 0
            if part:
                self._store(part)

    def _store(self, part: "list[_Entry]") -> None:
        """Writes a part, or notes why it was not."""
        lost = sum(len(entry.rows) for entry in part)
        try:
            if make(self.path):
                _log.warning("log begun anew", extra={"path": str(self.path)})
            with opened(self.path) as file:
                for statement, rows, _ in part:
                    file.executemany(statement, rows)
                file.commit()
                lost = 0
                prune(file, self._most)
        except Exception as error:  # whatever it is, the thread has to go on
            self.lost += lost
            if not self.failing and time.monotonic() - self._warned > _SILENT:
                self._warned = time.monotonic()
                _log.warning("not logged", extra={"path": str(self.path), "error": str(error)})
            self.failing = True
            return
        if self.failing:
            _log.info("logged again", extra={"path": str(self.path), "lost": self.lost})
        self.failing = False


class _Entry(NamedTuple):
    """Holds rows that wait to be written, and their size in bytes."""

    statement: str
    rows: Sequence[Any]
    size: int


def _request(file: sqlite3.Connection, request: str) -> tuple[str | None, int]:
    """Returns the name of the model that a request asked, or `None`, and its number of items."""
    query = "select max(model), count(*) from predictions where request = ?"
    model, count = file.execute(query, (request,)).fetchone()
    return model, int(count)


class Logged(NamedTuple):
    """Holds what a log says of items.

    Attributes:
        signals: Their signals.
        names: What each is called: its request and its number there.
        times: When each was predicted, in seconds since 1970.
    """

    signals: Signals
    names: list[str]
    times: np.ndarray


def read_log(
    path: Path, reference: Reference, *, since: float = 0.0, most: int = 10_000, hash: str = ""
) -> Logged:
    """Reads the newest items of a log.

    Args:
        path: The SQLite file.
        reference: The reference of the model.
        since: The time from which on, in seconds since 1970.
        most: The number of items, the newest.
        hash: The hash of the model; empty: of any.

    Raises:
        OSError: There is no such file.
        ValueError: The file is no such log, or holds no item.
    """
    if not path.is_file():
        raise OSError(f"{path} is no file.")
    query = (
        "select p.time, p.request, p.item, p.signals, p.outputs, p.answer, f.label "
        "from predictions p left join feedback f on f.request = p.request and f.item = p.item "
        "where p.time >= ? and (? = '' or p.hash = ?) order by p.time desc limit ?"
    )
    try:
        with opened(path) as file:
            rows = file.execute(query, (since, hash, hash, most)).fetchall()[::-1]
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{path} is no log of predictions: {error}.") from error
    if not rows:
        raise ValueError(f"{path} holds no predictions of this time.")
    signal_rows = [json.loads(row[3]) for row in rows]
    names = [n for n in reference.signals.names if all(n in one for one in signal_rows)]
    table = np.array([[one[n] for n in names] for one in signal_rows], np.float32)
    answers = [row[5] for row in rows]
    return Logged(
        signals=Signals(
            names=tuple(names),
            table=table.reshape(len(rows), len(names)),
            answers=None if None in answers else np.array(answers, int),
            errors=_errors(reference, rows),
        ),
        names=[f"{row[1]}/{row[2]}" for row in rows],
        times=np.array([row[0] for row in rows]),
    )


def _errors(reference: Reference, rows: Sequence[Any]) -> np.ndarray | None:
    """Returns how wrong each labelled answer is, and NaN for those without a label."""
    errors = np.full(len(rows), np.nan)
    for i, row in enumerate(rows):
        if row[6] is None:
            continue
        target = reference.outputs.target(json.loads(row[6]))
        if target is not None:
            values = np.array([json.loads(row[4])], float)
            errors[i] = reference.outputs.errors(values, np.asarray([target]))[0]
    return errors if np.isfinite(errors).any() else None


def photos_of(path: Path, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yields the photos and texts that a log has kept of these items, `"request/item"`, by name.

    Raises:
        ValueError: It has kept none.
    """
    query = "select content from photos where request = ? and item = ?"
    count = 0
    with opened(path) as file:
        for name in names:
            request, _, item = name.rpartition("/")
            found = file.execute(query, (request, int(item))).fetchone()
            if found is not None:
                count += 1
                yield name, found[0]
    if not count:
        raise ValueError(
            f"{path} has kept none of these items: start the server with --keep-photos."
        )
