"""The schema's version: refuse a newer one, bring an older one up to date. Alembic is imported on need."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from .database import Database
from .errors import StoreRefused

HEAD = "0001"
"""The newest revision in ``migrations/versions``; a test holds the two together."""

_LOCK = 0x746F7470  # "totp", for the databases' advisory locks
_LOCK_NAME = "jupyter-totp-auth"


def version(database: Database) -> str | None:
    """The schema's revision, or None for an empty database. Raises StoreRefused for somebody else's."""
    with database.read() as connection:
        tables = set(inspect(connection).get_table_names())
        if "alembic_version" not in tables:
            if "account" in tables or "instance" in tables:
                raise StoreRefused("This database holds tables that are not jupyter-totp-auth's.")
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def bring_up_to_date(database: Database) -> None:
    """Migrate where the schema is behind, after a backup. Raises StoreRefused where it is ahead of us."""
    if version(database) == HEAD:
        return
    with _locked(database):
        found = version(database)  # another process may have migrated while we waited
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise StoreRefused(
                f"The store's schema ({found}) is newer than this jupyter-totp-auth ({HEAD}). "
                "Install the newer version again, or restore a backup."
            )
        if found is not None and database.path is not None:
            backup(database, database.path.with_name(f"{database.path.name}.before-{HEAD}-{_stamp()}"))
        _upgrade(database)


def _upgrade(database: Database) -> None:
    # On need: alembic costs 240 ms of every start, and there is rarely anything to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


@contextmanager
def _locked(database: Database) -> Iterator[None]:
    """One migration at a time, over all processes."""
    if database.path is not None:
        with _file_lock(database.path.with_name(database.path.name + ".lock")):
            yield
        return
    with database.engine.connect() as connection:
        _take_lock(connection)
        yield  # the lock goes with the connection


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _take_lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    else:
        connection.execute(text(f"SELECT GET_LOCK('{_LOCK_NAME}', 60)"))


def backup(database: Database, target: Path) -> None:
    """A consistent copy of a SQLite store while it is in use, 0600, on disk before this returns."""
    if database.path is None:
        raise StoreRefused("This store is a database server's: back it up with pg_dump or mariadb-dump.")
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(target, flags, 0o600))
    except FileExistsError:
        raise StoreRefused(f"{target} exists already.") from None
    except OSError as error:
        raise StoreRefused(f"{target} cannot be written: {error.strerror}.") from None
    source, copy = sqlite3.connect(database.path), sqlite3.connect(target)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()
        source.close()
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp() -> str:
    now = datetime.now(timezone.utc)  # noqa: TID251 - a file name for people, nothing is decided by it
    return now.strftime("%Y%m%dT%H%M%SZ")
