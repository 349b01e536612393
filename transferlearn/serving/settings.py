"""Holds the limits and switches of a server."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Holds the limits and switches of a server.

    Attributes:
        api_key: What requests must bring as `X-API-Key`, or as `Authorization: Bearer`; `None`
            lets everybody in.
        largest_request: The bytes that a request may have.
        largest_requests: The bytes that the bodies of all requests inside may have together;
            further ones get a 503 with `Retry-After`.
        largest_head: The bytes that headers may have.
        header_seconds: The seconds after which a connection without whole headers is closed.
        most_connections: The connections that are open at the same time; of more, the one that
            waits longest for a request is closed. This and the two above hold where `serve` runs
            the application, and not in a server of one's own.
        most_rows: The items that a request may have.
        most_pixels: The pixels that a photo may have; decoded, it takes three bytes for each. A
            recording may have a quarter as many samples at the network's rate.
        most_tokens: The tokens that a prompt and what is written behind it may have together.
        workers: The requests that are computed at the same time.
        waiting: The requests that may wait; further ones get a 503 with `Retry-After`.
        timeout: The seconds after which a request is given up, with a 504; of a text that is
            written, those after which the next token is.
        log: The SQLite file that predictions are written to; `None` writes none.
        log_bytes: The size that this file may have; the oldest rows go first.
        keep_photos: Whether the log keeps photos and texts, too, as they were sent; at most half of
            the file is theirs.
        watch_drift: Whether this process looks at drift in the log; of several that write one log,
            one does.
        reload_seconds: How often folders are looked at for a new version; 0: only on `SIGHUP`.
    """

    api_key: str | None = None
    largest_request: int = 20 * 2**20
    largest_requests: int = 128 * 2**20
    largest_head: int = 2**16
    header_seconds: float = 10.0
    most_connections: int = 500
    most_rows: int = 256
    most_pixels: int = 50_000_000
    most_tokens: int = 4096
    workers: int = 2
    waiting: int = 32
    timeout: float = 30.0
    log: Path | None = None
    log_bytes: int = 256 * 2**20
    keep_photos: bool = False
    watch_drift: bool = True
    reload_seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.keep_photos and self.log is None:
            raise ValueError("Photos are kept in the log: pass log='predictions.sqlite', too.")
