"""The schema's version: refuse a newer one, bring an older one up to date. Alembic is imported on need."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from .backup import backup, stamp
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


def bring_up_to_date(database: Database, *, backup_first: bool = True) -> None:
    """Migrate where the schema is behind, after a backup. Raises StoreRefused where it is ahead of us."""
    if version(database) == HEAD:
        return
    with locked(database):
        found = version(database)  # another process may have migrated while we waited
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise StoreRefused(
                f"The store's schema ({found}) is newer than this jupyter-totp-auth ({HEAD}). "
                "Install the newer version again, or restore a backup."
            )
        if found is not None and database.path is not None and backup_first:
            backup(database, database.path.with_name(f"{database.path.name}.before-{HEAD}-{stamp()}"))
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
def locked(database: Database) -> Iterator[None]:
    """One migration or restore at a time, over all processes."""
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
