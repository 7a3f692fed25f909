"""One database by URL: how it is opened, and the two kinds of transaction, ``read`` and ``write``."""

from __future__ import annotations

import functools
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from ..core.events import Event
from .errors import StoreRefused, StoreUnavailable
from .postgresql import give_up_after
from .sqlite import IMMEDIATE, sqlite_engine

_ANSWER_TIMEOUT_S = 4
"""For a statement, or a connection, of a database server: a login is refused within 5 s (N08)."""

_TURN_TIMEOUT_S = 4
"""With SQLite's own 5 s after it: a login is refused within 10 s where the store stays locked (N01)."""

_PATIENCE_S = {"file": 9.5, "server": 4.5}
"""Whatever waits for what: longer than any one wait of the above, so that most end by themselves."""

_SLACK_S = 0.3
"""A server that answers says itself that a statement takes too long; that comes first."""

_LONGEST_WORDS = 200

_DEADLOCKS = frozenset({"40P01", "40001", 1213})
"""SQLSTATEs of PostgreSQL, and an error number of MariaDB."""

_TURNS = 5

_QUIET = "totp"
# SQLAlchemy writes a trace of each connection that it cannot give back whole. That the server is gone is told
# in one line, by whoever asked it; and only of our own pools, not of those of other extensions.
logging.getLogger(f"{QueuePool.__module__}.{QueuePool.__qualname__}.{_QUIET}").setLevel(logging.CRITICAL)

P = ParamSpec("P")
T = TypeVar("T")

EVENTS = "totp_events"
"""Where a connection keeps the events of its transaction until that is durable."""


class Deadlock(StoreUnavailable):
    """The database rolled this transaction back, since two waited for each other."""


def again_after_deadlock(method: Callable[P, T]) -> Callable[P, T]:
    """Run a method that is one whole transaction again where it lost to another in a deadlock.

    Nothing of it happened, and PostgreSQL and MariaDB both ask for just this. The order of locks (``rows``)
    makes it rare, but not impossible: where a table is small, MariaDB locks rows it only passes.
    """

    @functools.wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        for turn in range(1, _TURNS):
            try:
                return method(*args, **kwargs)
            except Deadlock:
                time.sleep(0.01 * turn)
        return method(*args, **kwargs)

    return run


class Database:
    """A SQLite file, a PostgreSQL or a MariaDB database.

    ``write`` takes SQLite's write lock at its beginning (BEGIN IMMEDIATE): a deferred transaction that
    reads and then writes fails with "database is locked" under load. Every failure of the database
    itself comes out as StoreUnavailable.
    """

    def __init__(self, url: str | URL) -> None:
        self.url = _parse(url)
        self.engine = _engine(self.url)
        self.instance_id: str | None = None
        """Of the store that was found here at the opening."""
        self._listeners: list[Callable[[Event], None]] = []
        self._writer = None if self.path is None else threading.Lock()

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Be told of each audit event once it is durable."""
        self._listeners.append(listener)

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database, else None."""
        return _file_of(self.url)

    @property
    def patience(self) -> float:
        """Seconds after which nobody should wait for it any more: several waits can follow each other."""
        return _PATIENCE_S["server" if self.path is None else "file"]

    @property
    def place(self) -> str:
        """Where it is, for a person: the file, or the URL without its password."""
        # Without the query: a driver takes passwords there, too.
        return str(self.path or self.url.set(query={}).render_as_string(hide_password=True))

    @staticmethod
    def path_of(url: str) -> Path | None:
        """The file that a SQLite URL names, else None. Raises StoreRefused for what is no URL."""
        return _file_of(_parse(url))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads; in SQLite's WAL it waits for nobody."""
        with translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """The same, and it sees the store as it was at the beginning, however long it takes."""
        with translated(), self.engine.connect() as connection:
            if self.path is None:  # SQLite's own way is this anyway
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is durable when the block is left, or did not happen."""
        with self._turn(), translated(), self.engine.connect() as connection:
            events: list[Event] = []
            connection.info[EVENTS] = events
            with connection.execution_options(**{IMMEDIATE: True}).begin() as transaction:
                yield connection
                told = transaction.is_active
        for entry in events if told else ():
            for listener in self._listeners:
                listener(entry)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One writer of this process at a time, on SQLite.

        Not left to SQLite, which waits by asking again, ever more rarely, down to every 0.1 s: with 4 threads
        in each of 4 processes half of the time went into waiting for a lock that was free, and a thread was
        passed over for 2.9 s of the 5 after which it gives up ("database is locked").
        """
        if self._writer is None:
            yield
            return
        if not self._writer.acquire(timeout=_TURN_TIMEOUT_S):
            raise StoreUnavailable("busy")
        try:
            yield
        finally:
            self._writer.release()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Failures of the database itself come out as StoreUnavailable, without SQL."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeout, OSError) as error:
        # The driver's own words, not SQLAlchemy's: those carry the statement and its parameters.
        cause = getattr(error, "orig", None) or error
        code = getattr(cause, "sqlstate", None) or next(iter(cause.args), None)
        kind = Deadlock if code in _DEADLOCKS else StoreUnavailable
        raise kind(in_words(cause)) from None


def in_words(cause: BaseException) -> str:
    """What a driver says of the database ("database or disk is full"), for the operator.

    Of operational errors alone, and their first line: others, and what follows, can quote rows. Nor what
    SQLite says behind a colon, which is a name out of the statement.
    """
    name = type(cause).__name__
    operational = any(kind.__name__ == "OperationalError" for kind in type(cause).__mro__)
    lines = str(cause.args[-1]).splitlines() if operational and cause.args else []
    if not lines or (isinstance(cause, sqlite3.Error) and ":" in lines[0]):
        return name
    return f"{name}: {lines[0][:_LONGEST_WORDS]}"


def _parse(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreRefused("TotpAuth.database_url is not a database URL.") from None
    drivers = {
        "sqlite": "sqlite",
        "postgresql": "postgresql+psycopg",
        "postgres": "postgresql+psycopg",
        "mariadb": "mariadb+pymysql",
        "mysql": "mariadb+pymysql",
    }
    backend = parsed.drivername.partition("+")[0]
    if backend not in drivers:
        raise StoreRefused(f"TotpAuth.database_url names {backend}; it can be sqlite, postgresql or mariadb.")
    ours = drivers[backend]
    if parsed.drivername.partition("+")[2] not in {"", ours.partition("+")[2]}:
        raise StoreRefused(
            f"TotpAuth.database_url names a driver, {parsed.drivername}; write {backend}:// for ours."
        )
    return parsed.set(drivername=ours)


def file_of(url: str) -> Path | None:
    """The file that a URL names, there or not; None for a database server. Raises StoreRefused."""
    return _file_of(_parse(url))


def _file_of(url: URL) -> Path | None:
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    try:
        if backend == "sqlite":
            return sqlite_engine(url, patience=_ANSWER_TIMEOUT_S)
        engine = create_engine(
            url,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_timeout=_ANSWER_TIMEOUT_S,
            pool_recycle=1800,
            pool_logging_name=_QUIET,
            hide_parameters=True,
            connect_args=_postgresql_options() if backend == "postgresql" else _mariadb_options(),
        )
        if backend == "postgresql":
            give_up_after(engine, _ANSWER_TIMEOUT_S + _SLACK_S)
        return engine
    except ImportError:
        raise StoreRefused(
            f"The driver for {backend} is missing: pip install 'jupyter-totp-auth[{backend}]'."
        ) from None


def _postgresql_options() -> dict[str, Any]:
    milliseconds = int(_ANSWER_TIMEOUT_S * 1000)
    return {
        "connect_timeout": _ANSWER_TIMEOUT_S,
        # The server's own limits do not help where its answers are lost on the way.
        "tcp_user_timeout": milliseconds,
        "keepalives_idle": 5,
        "keepalives_interval": 1,
        "keepalives_count": 3,
        "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
    }


def _mariadb_options() -> dict[str, Any]:
    return {
        "connect_timeout": _ANSWER_TIMEOUT_S,
        "read_timeout": _ANSWER_TIMEOUT_S,
        "write_timeout": _ANSWER_TIMEOUT_S,
        "charset": "utf8mb4",
        # SIMULTANEOUS_ASSIGNMENT, not MariaDB's own way: there the second column of an UPDATE is computed
        # from the first one's new value, and a refund let everybody's delay go.
        "init_command": "SET SESSION sql_mode='STRICT_ALL_TABLES,SIMULTANEOUS_ASSIGNMENT', "
        f"innodb_lock_wait_timeout={max(int(_ANSWER_TIMEOUT_S), 1)}",
    }
