"""Opening the store: which of its two halves, database and keyring, are there, and what that means.

====================  ==============================  ==========================================
                      keyring there                   no keyring
====================  ==============================  ==========================================
no database           refused: the store is lost      first start: both are made
database, no seal     (a start was cut short) go on   (a start was cut short) the keyring is made
database with seals   must fit                        refused: the keyring is lost
====================  ==============================  ==========================================
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from ..core.sealing import Keyring, Purpose, SealBroken, Sealer
from . import keyring_file, schema
from .accounts import SqlAccounts
from .database import Database, make_private_file
from .enrollments import SqlEnrollments
from .errors import StoreRefused, StoreUnavailable
from .events import SqlEvents
from .factors import SqlFactors
from .logins import SqlLogins
from .tables import instance
from .throttles import SqlThrottles

_CHECK = b"jupyter-totp-auth"


@dataclass(frozen=True)
class Places:
    """Where the two halves of the store are."""

    database_url: str
    keyring: Path


@dataclass(frozen=True)
class Store:
    """An open store: its narrow parts, and the sealer that goes with it."""

    database: Database
    sealer: Sealer
    accounts: SqlAccounts
    logins: SqlLogins
    enrollments: SqlEnrollments
    factors: SqlFactors
    throttles: SqlThrottles
    events: SqlEvents
    found_schema: str | None
    """The revision that was there at the opening; None where the store has just been made."""

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()


def open_store(places: Places, *, at: int, new: bool = False) -> Store:
    """Open the store, making both halves where neither exists. Raises StoreRefused, saying what to do.

    ``new``: make a database although there is a keyring (``init --new-store``).
    """
    database = Database(places.database_url)
    try:
        return _open(database, places, at, new=new)
    except StoreUnavailable as error:
        database.close()
        raise StoreRefused(
            f"The account store cannot be opened ({error}). Check TotpAuth.database_url and that the "
            "database answers."
        ) from None
    except BaseException:
        database.close()
        raise


def _open(database: Database, places: Places, at: int, *, new: bool) -> Store:
    keyring = keyring_file.read(places.keyring)
    found_schema = _make_or_migrate(database, keyring, places, new=new)
    instance_id, sealed_check = _instance(database, at)
    # Again: a process that starts at the same time may have made it since.
    keyring = keyring or keyring_file.read(places.keyring)
    if keyring is None and sealed_check is not None:
        raise StoreRefused(
            f"The keyring {places.keyring} is missing, and without it no password and no code can be "
            "checked. Restore it from a backup, or set TotpAuth.key_file to where it is."
        )
    keyring = keyring or _create_keyring(places.keyring)
    sealer = Sealer(keyring, instance_id)
    check_key(database, sealer, sealed_check)
    return Store(
        database,
        sealer,
        SqlAccounts(database),
        SqlLogins(database),
        SqlEnrollments(database),
        SqlFactors(database),
        SqlThrottles(database),
        SqlEvents(database),
        found_schema,
    )


def _make_or_migrate(database: Database, keyring: Keyring | None, places: Places, *, new: bool) -> str | None:
    """The schema's revision as it was; None: there was no store."""
    found = None
    if database.path is None:
        found = schema.version(database)
    elif database.path.exists():
        _check_file(database.path)
        found = schema.version(database)
    is_empty = found is None
    if is_empty and keyring is not None and not new:
        raise StoreRefused(
            f"There is a keyring ({places.keyring}) but no account store beside it: the store is lost or "
            "TotpAuth.database_url is wrong. Restore a backup, or begin anew with: "
            "jupyter totp init --new-store"
        )
    if new and not is_empty:
        raise StoreRefused("There is an account store already; move it away first.")
    if database.path is not None and not database.path.exists():
        _make_file(database.path)
    schema.bring_up_to_date(database)
    return found


def _make_file(path: Path) -> None:
    try:
        make_private_file(path)
    except FileExistsError:  # another process was faster: its file is as good
        return
    except OSError as error:
        raise StoreRefused(f"The account store {path} cannot be made: {error.strerror}.") from None
    keyring_file.sync_directory(path.parent)


def _check_file(path: Path) -> None:
    """Refuse a database file that others can reach, or that is damaged (R41, N04)."""
    if not (path.is_file() and os.access(path, os.R_OK | os.W_OK)):
        raise StoreRefused(f"The account store {path} is no file that this user can read and write.")
    if path.stat().st_mode & 0o077:
        raise StoreRefused(f"The account store {path} can be read by other users. Run: chmod 600 {path}")
    if path.stat().st_size == 0:
        return
    try:
        connection = sqlite3.connect(path, timeout=5)
        try:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(type(error).__name__) from None
    except sqlite3.DatabaseError:
        verdict = "not a database"
    if verdict != "ok":
        raise StoreRefused(
            f"The account store {path} is damaged. Restore a backup: jupyter totp restore PATH"
        )


def _instance(database: Database, at: int) -> tuple[str, bytes | None]:
    """The installation's id and its key check; made with the first start."""
    query = select(instance.c.instance_id, instance.c.key_check)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        fresh = insert(instance).values(id=1, instance_id=secrets.token_hex(16), revision=0, created_at=at)
        # Another process may be faster: its row is as good.
        with suppress(IntegrityError), database.write() as connection:
            connection.execute(fresh)
        with database.read() as connection:
            row = connection.execute(query).one()
    return row.instance_id, row.key_check


def _create_keyring(path: Path) -> Keyring:
    try:
        return keyring_file.create(path)
    except FileExistsError:
        made_meanwhile = keyring_file.read(path)
        if made_meanwhile is None:
            raise StoreRefused(f"The keyring {path} appears and disappears.") from None
        return made_meanwhile
    except OSError as error:
        raise StoreRefused(f"The keyring {path} cannot be made: {error.strerror}.") from None


def check_key(database: Database, sealer: Sealer, sealed: bytes | None) -> None:
    """Open the key-check row, or write it: a wrong keyring is found at the start, not at a login."""
    if sealed is None:
        check = sealer.seal(_CHECK, Purpose.KEY_CHECK, account="", item="")
        with database.write() as connection:
            first = instance.c.key_check.is_(None)
            connection.execute(update(instance).where(first).values(key_check=check))
        with database.read() as connection:
            sealed = connection.execute(select(instance.c.key_check)).scalar_one()
    try:
        sealer.open(sealed, Purpose.KEY_CHECK, account="", item="")
    except SealBroken:
        raise StoreRefused(
            "The keyring does not fit this account store. Restore the one that belongs to it, or set "
            "TotpAuth.key_file to where it is."
        ) from None
