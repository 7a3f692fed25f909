"""SQLite: one file, opened as it has to be, and never another one in its place (R42, N02)."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from .errors import StoreRefused

IMMEDIATE = "totp_immediate"
"""The execution option of a transaction that takes the write lock at its beginning."""

_BUSY_TIMEOUT_MS = 5_000


class FileReplaced(sqlite3.OperationalError):
    """Another file stands where the store was: an older copy would bring ended logins and used codes back."""


def sqlite_engine(url: URL, *, patience: float) -> Engine:
    """An engine on the file, and on no other that comes into its place. Raises StoreRefused for no file."""
    if not url.database or url.database == ":memory:":
        raise StoreRefused("TotpAuth.database_url must name a file: accounts have to outlive the server.")
    path = Path(url.database).absolute()
    first: list[tuple[int, int] | None] = []

    def connect() -> sqlite3.Connection:
        identity = _identity(path)
        # mode=rw: a file that is gone stays gone (N02), not made anew, empty and readable by all.
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, timeout=_BUSY_TIMEOUT_MS / 1000, check_same_thread=False
        )
        if _identity(path) != identity or first not in ([], [identity]):
            connection.close()
            raise FileReplaced
        first[:] = [identity]
        return connection

    engine = create_engine(url, hide_parameters=True, creator=connect, pool_timeout=patience)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)

    @event.listens_for(engine, "checkout")
    def _on_checkout(_connection: Any, _record: Any, _proxy: Any) -> None:
        # Not the path alone: an open connection goes on in a file that was deleted or replaced (N02).
        if _identity(path) not in first:
            raise DisconnectionError

    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin does
    _switch_to_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Wait for others, as SQLite itself does not here: of several first starts at once, one would fail."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
