"""A copy of a SQLite store, taken while it is in use: consistent, 0600, on disk before this returns (R41)."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime, timezone
from pathlib import Path

from .database import Database
from .errors import StoreRefused
from .files import sync_directory


def backup(database: Database, target: Path) -> None:
    """Copy the store into a new file. Raises StoreRefused where that cannot be."""
    if database.path is None:
        raise StoreRefused("This store is a database server's: back it up with pg_dump or mariadb-dump.")
    try:
        copy(database.path, target)
    except sqlite3.Error as error:
        raise StoreRefused(f"The backup {target} could not be written: {error}.") from None


def copy(source: Path, target: Path) -> None:
    """``source``'s pages as one transaction sees them, in a new file that needs no -wal beside it.

    Raises sqlite3.Error, and StoreRefused where ``target`` exists or cannot be made.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(target, flags, 0o600)
    except FileExistsError:
        raise StoreRefused(f"{target} exists already.") from None
    except OSError as error:
        raise StoreRefused(f"{target} cannot be written: {error.strerror}.") from None
    try:
        os.fchmod(descriptor, 0o600)
        _copy_pages(source, target)
        os.fsync(descriptor)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    sync_directory(target.parent)


def _copy_pages(source: Path, target: Path) -> None:
    origin, fresh = sqlite3.connect(source), sqlite3.connect(target)
    try:
        origin.backup(fresh)
        fresh.execute("PRAGMA journal_mode=DELETE")
    finally:
        fresh.close()
        origin.close()


def stamp() -> str:
    """The time, for a file's name; to the microsecond, so that no two are the same."""
    now = datetime.now(timezone.utc)  # noqa: TID251 - a file name for people, nothing is decided by it
    return now.strftime("%Y%m%dT%H%M%S.%fZ")
