"""Whether a SQLite file is sound, by SQLite's own check, which reads all of it (N04).

A start waits for that where it takes no time. A file of a million logins is looked through once the server
runs: until then, whoever comes upon damage is refused (``StoreUnavailable``), as where it comes later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from .database import in_words
from .errors import StoreUnavailable

WHOLE_AT_START = 8 * 2**20
"""Bytes: 10,000 people, in about 20 ms."""

_BUSY_TIMEOUT_S = 5


_READ_AT_START = ("alembic_version", "instance")

_BUSY_TIMEOUT_S = 5


def is_small(path: Path) -> bool:
    """Whether a start looks through all of the file."""
    return path.stat().st_size <= WHOLE_AT_START


def is_sound_at_start(path: Path) -> bool:
    """All of a small file; of another its head, its list of tables, and those that a start reads.

    Raises StoreUnavailable where it cannot be looked at.
    """
    return is_sound(path) if is_small(path) else _passes(path, _small_tables)


def is_sound(path: Path) -> bool:
    """All of it, whatever that takes: 4 s for a million logins. Raises StoreUnavailable."""
    return _passes(path, lambda _: ["quick_check"])


def _small_tables(connection: sqlite3.Connection) -> list[str]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [f"quick_check({name})" for (name,) in names if name in _READ_AT_START]


def _passes(path: Path, checks: Callable[[sqlite3.Connection], list[str]]) -> bool:
    # mode=rw: where the file is gone meanwhile, none is made in its place.
    url = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(url, uri=True, timeout=_BUSY_TIMEOUT_S)) as connection:
            verdicts = [connection.execute(f"PRAGMA {check}").fetchone()[0] for check in checks(connection)]
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(in_words(error)) from None
    except sqlite3.DatabaseError:  # no database at all
        return False
    return all(verdict == "ok" for verdict in verdicts)
