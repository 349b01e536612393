"""Opens the SQLite file of a log of predictions, and makes it where there is none."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_TABLES = """
pragma auto_vacuum = incremental;
pragma journal_mode = wal;
create table if not exists predictions (
    time real, request text, item integer, model text, version text, hash text,
    outputs text, signals text, answer integer, milliseconds real);
create unique index if not exists by_request on predictions (request, item);
create index if not exists by_time on predictions (time);
create table if not exists feedback (request text, item integer, label text, time real,
    primary key (request, item));
create table if not exists photos (
    time real, request text, item integer, content blob, primary key (request, item));
create table if not exists claimed (request text unique);
"""


@contextmanager
def opened(path: Path, seconds: float = 10.0) -> Iterator[sqlite3.Connection]:
    """Opens a log that is there, and never makes one.

    Args:
        path: The SQLite file.
        seconds: How long to wait for another process that writes.
    """
    place = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(place, timeout=seconds, uri=True)) as file:
        file.execute("pragma synchronous = normal")  # whole after a crash, and fewer waits
        yield file
        file.commit()


def make(path: Path) -> bool:
    """Makes a log where there is none, or an empty file; returns whether it did.

    Raises:
        OSError: It cannot be written.
        ValueError: The file holds something else, and is left as it is.
    """
    is_none = ValueError(f"{path} is no log of predictions: choose another file.")
    with suppress(OSError):  # SQLite says why it cannot be made
        path.touch(mode=0o600)  # for its owner only
    try:
        with opened(path) as file:
            query = "select name from sqlite_master where type = 'table'"
            names = {name for (name,) in file.execute(query)}
            if names and "predictions" not in names:
                raise is_none
            if not {"predictions", "claimed"} <= names:  # a log of an older version lacks one
                file.executescript(_TABLES)
            return not names
    except sqlite3.OperationalError as error:
        raise OSError(f"The log {path} cannot be written: {error}.") from error
    except sqlite3.DatabaseError as error:  # no database at all
        raise is_none from error


def prune(file: sqlite3.Connection, most: int) -> None:
    """Removes the oldest tenth of photos or rows while a log has more than `most` bytes."""
    while _size(file) > most:
        (photos,) = file.execute("select total(length(content)) from photos").fetchone()
        table = "photos" if photos > most / 2 else "predictions"
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
    """Returns the size of a log in bytes."""
    (pages,) = file.execute("pragma page_count").fetchone()
    (page,) = file.execute("pragma page_size").fetchone()
    return int(pages) * int(page)
