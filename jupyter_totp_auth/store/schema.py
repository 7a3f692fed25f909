"""The schema's version: refuse a newer one, bring an older one up to date. Alembic is imported on need."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from .backup import backup, stamp
from .database import Database
from .errors import StoreRefused
from .tables import metadata

HEAD = "0006"
"""The newest revision in ``migrations/versions``; a test holds the two together."""

# Both answer at once: a wait on the server would run into the connection's own time limit.
_TRY_LOCK = {
    "postgresql": f"SELECT pg_try_advisory_xact_lock({0x746F7470})",  # "totp"
    "mariadb": "SELECT GET_LOCK(CONCAT('jupyter-totp-auth ', DATABASE()), 0)",
}
_PATIENCE_S = 60.0


def version(database: Database) -> str | None:
    """The schema's revision, or None for an empty database. Raises StoreRefused for somebody else's."""
    with database.read() as connection:
        return version_on(connection)


def version_on(connection: Connection) -> str | None:
    """The same, on a connection that is open."""
    tables = set(inspect(connection).get_table_names())
    found = None
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    # An empty alembic_version beside tables is our own first migration, cut short on MariaDB.
    strange = metadata.tables.keys() & tables if "alembic_version" not in tables else ()
    if strange or (found is not None and "instance" not in tables):
        raise StoreRefused(
            "This database holds tables that are not jupyter-totp-auth's. Give it a database of its own: "
            "TotpAuth.database_url"
        )
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
    with database.read() as connection:
        _take_lock(connection)
        try:
            yield
        finally:
            if connection.dialect.name == "mariadb":  # there it would stay with the pooled connection
                connection.execute(text("DO RELEASE_ALL_LOCKS()"))


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreRefused(f"The lock {path} cannot be made: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _take_lock(connection: Connection) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not connection.execute(text(_TRY_LOCK[connection.dialect.name])).scalar():
        if time.monotonic() > deadline:
            raise StoreRefused(
                "Another process has been migrating the store for a minute. Start again later."
            )
        time.sleep(0.1)
