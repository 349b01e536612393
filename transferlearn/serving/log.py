"""Writes predictions and labels that come back into a local SQLite file of a limited size."""

import json
import logging
import queue
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transferlearn.monitoring import Reference, Signals

_log = logging.getLogger("transferlearn.serving")
_WAITING = 10_000  # rows; further ones are left out, since predictions must not wait for a disk
_HELD = 64 * 2**20  # bytes of photos that wait; further ones are left out
_EVERY = 500  # rows, after which the size is looked at
_PART = 20  # and after so many-th parts of the size that the file may have
_TABLES = """
create table if not exists predictions (
    time real, request text, item integer, model text, version text, hash text,
    outputs text, signals text, answer integer, milliseconds real);
create index if not exists by_request on predictions (request);
create index if not exists by_time on predictions (time);
create table if not exists feedback (request text, item integer, label text, time real,
    primary key (request, item));
create table if not exists photos (
    time real, request text, item integer, content blob, primary key (request, item));
"""


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
    """Writes rows in a thread of its own.

    Args:
        path: The SQLite file, which is made.
        most_bytes: The size that it may have; the oldest rows go first.

    Attributes:
        lost: How many rows were left out, since the disk was too slow or full.

    Raises:
        OSError: The file cannot be written.
        ValueError: The file holds something else.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.path = path
        self.lost = 0
        self._most = most_bytes
        self._held = 0
        self._counting = threading.Lock()
        self._taken: dict[str, None] = {}  # the newest ids of requests, which may wait yet
        self._waiting: queue.Queue[tuple[str, Sequence[Any], int] | None] = queue.Queue(_WAITING)
        _make(path)
        self._thread = threading.Thread(target=self._write, daemon=True, name="prediction-log")
        self._thread.start()

    def takes(self, request: str) -> bool:
        """Says whether an id is of no request so far, and keeps it from others."""
        with self._counting:
            new = request not in self._taken
            self._taken[request] = None
            while len(self._taken) > 2 * _WAITING:
                del self._taken[next(iter(self._taken))]
        return new and not self.request(request)[1]

    def predicted(self, rows: Sequence[Row]) -> None:
        """Takes rows to write; it never waits."""
        self._put("insert into predictions values (?,?,?,?,?,?,?,?,?,?)", rows)

    def sent(self, request: str, items: Sequence[Any], time: float) -> None:
        """Takes the photos and texts of a request to write, as they were sent; arrays it leaves.

        Like predictions, they are left out where the disk is too slow.
        """
        rows = [(time, request, i, item) for i, item in enumerate(items) if isinstance(item, bytes)]
        size = sum(len(row[-1]) for row in rows)
        if rows and self._held + size <= _HELD:
            self._put("insert or replace into photos values (?,?,?,?)", rows, size)

    def request(self, request: str) -> tuple[str | None, int]:
        """Gives the name of the model that a request asked, or `None`, and its number of items."""
        query = "select max(model), count(*) from predictions where request = ?"
        with opened(self.path) as file:
            model, count = file.execute(query, (request,)).fetchone()
        return model, int(count)

    def labelled(self, request: str, labels: Sequence[Any], time: float) -> None:
        """Takes the labels of the items of a request to write."""
        rows = [(request, i, json.dumps(label), time) for i, label in enumerate(labels)]
        self._put("insert or replace into feedback values (?,?,?,?)", rows)

    def close(self) -> None:
        """Writes what is waiting, and ends the thread."""
        self._waiting.put(None)
        self._thread.join(timeout=10)

    def _put(self, statement: str, rows: Sequence[Any], size: int = 0) -> None:
        """Hands rows to the thread, of which photos have some size in bytes."""
        try:
            self._waiting.put_nowait((statement, rows, size))
            self._hold(size)
        except queue.Full:
            self.lost += len(rows)

    def _hold(self, size: int) -> None:
        """Counts the bytes of photos that wait."""
        with self._counting:
            self._held += size

    def _write(self) -> None:
        """Writes until the end."""
        since = 0.0  # 1: the size has to be looked at
        with opened(self.path) as file:
            while (taken := self._waiting.get()) is not None:
                statement, rows, size = taken
                try:
                    file.executemany(statement, rows)
                    file.commit()
                    since += len(rows) / _EVERY + size * _PART / self._most
                    if since >= 1:
                        since = 0.0
                        self._prune(file)
                except sqlite3.Error as error:
                    with suppress(sqlite3.Error):
                        file.rollback()
                    self.lost += len(rows)
                    _log.warning("not logged", extra={"error": str(error)})
                self._hold(-size)

    def _prune(self, file: sqlite3.Connection) -> None:
        """Removes the oldest tenth of the photos or of the rows while the file is too large."""
        while _size(file) > self._most:
            (photos,) = file.execute("select total(length(content)) from photos").fetchone()
            table = "photos" if photos > self._most / 2 else "predictions"
            gone = file.execute(
                f"delete from {table} where rowid in (select rowid from {table} order by time "
                f"limit (select count(*) / 10 + 1 from {table}))"
            )
            for other in ("feedback", "photos"):
                file.execute(
                    f"delete from {other} where request not in (select request from predictions)"
                )
            file.commit()
            # `execute` would take one step of it, which gives back a single page.
            file.executescript("pragma incremental_vacuum; pragma wal_checkpoint(truncate);")
            if not gone.rowcount:  # it is empty, and no smaller
                return


def _size(file: sqlite3.Connection) -> int:
    """Gives the size of a log in bytes."""
    (pages,) = file.execute("pragma page_count").fetchone()
    (size,) = file.execute("pragma page_size").fetchone()
    return int(pages) * int(size)


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
    told = [json.loads(row[3]) for row in rows]
    names = [n for n in reference.signals.names if all(n in one for one in told)]
    table = np.array([[one[n] for n in names] for one in told], np.float32)
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
    """Gives how wrong each labelled answer is, and NaN for those without a label."""
    errors = np.full(len(rows), np.nan)
    for i, row in enumerate(rows):
        if row[6] is None:
            continue
        target = reference.outputs.target(json.loads(row[6]))
        if target is not None:
            values = np.array([json.loads(row[4])], float)
            errors[i] = reference.outputs.errors(values, np.asarray([target]))[0]
    return errors if np.isfinite(errors).any() else None


def _make(path: Path) -> None:
    """Makes the tables, if they are not there yet; a file that holds others is left as it is."""
    is_none = ValueError(f"{path} is no log of predictions: choose another file.")
    with suppress(OSError):  # SQLite says why it cannot be made
        path.touch(mode=0o600)  # for its owner only
    try:
        with opened(path) as file:
            query = "select name from sqlite_master where type = 'table'"
            names = {name for (name,) in file.execute(query)}
            if names and "predictions" not in names:
                raise is_none
            file.executescript("pragma auto_vacuum = incremental; pragma journal_mode = wal;")
            file.executescript(_TABLES)
    except sqlite3.OperationalError as error:
        raise OSError(f"The log {path} cannot be written: {error}.") from error
    except sqlite3.DatabaseError as error:  # no database at all
        raise is_none from error


def photos_of(path: Path, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Gives the photos and texts that a log has kept of these items, `"request/item"`, by name.

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


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens a log."""
    with closing(sqlite3.connect(path, timeout=10)) as file:
        yield file
        file.commit()
