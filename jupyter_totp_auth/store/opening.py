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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from ..core.sealing import Keyring, Purpose, SealBroken, Sealer, Seals, key_id, new_mac_root
from . import keyring_file, schema
from .access_tokens import SqlAccessTokens
from .accounts import SqlAccounts
from .damage import is_sound_at_start
from .database import Database
from .enrollments import SqlEnrollments
from .errors import StoreRefused, StoreUnavailable
from .events import SqlEvents
from .factors import SqlFactors
from .files import insist_on_local_disk, insist_on_privacy, make_private_file, sync_directory
from .logins import SqlLogins
from .notices import SqlNotices
from .probes import SqlProbes
from .remote import insist_on_tls
from .tables import instance
from .throttles import SqlThrottles

DAMAGED = "The account store {} is damaged. Restore a backup: jupyter totp restore PATH"

_CHECK = b"jupyter-totp-auth"


@dataclass(frozen=True)
class Places:
    """Where the two halves of the store are."""

    database_url: str
    keyring: Path
    allow_plain_database: bool = False
    """A database server on another machine without TLS that checks whom it talks to."""


@dataclass(frozen=True)
class Store:
    """An open store: its narrow parts, and the sealer that goes with it."""

    database: Database
    sealer: Sealer
    accounts: SqlAccounts
    logins: SqlLogins
    access_tokens: SqlAccessTokens
    enrollments: SqlEnrollments
    factors: SqlFactors
    throttles: SqlThrottles
    events: SqlEvents
    probes: SqlProbes
    notices: SqlNotices
    found_schema: str | None
    """The revision that was there at the opening; None where the store has just been made."""

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()


def open_store(places: Places, *, at: int, new: bool = False) -> Store:
    """Open the store, making both halves where neither exists. Raises StoreRefused, saying what to do.

    ``new``: make a database although there is a keyring (``init --new-store``).
    """
    database = open_database(places)
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


def open_database(places: Places) -> Database:
    """The database, not connected yet. Raises StoreRefused for a place where it would not be safe."""
    database = Database(places.database_url)
    if database.path is not None:
        insist_on_local_disk(database.path)
    elif not places.allow_plain_database:
        insist_on_tls(database.engine)
    return database


def _open(database: Database, places: Places, at: int, *, new: bool) -> Store:
    keyring = keyring_file.read(places.keyring)
    found_schema = _make_or_migrate(database, keyring, places, new=new)
    instance_id, sealed_check = _instance(database, at)
    database.instance_id = instance_id
    # Again: a process that starts at the same time may have made it since.
    keyring = keyring or keyring_file.read(places.keyring)
    if keyring is None and sealed_check is not None:
        raise StoreRefused(
            f"The keyring {places.keyring} is missing, and without it no password and no code can be "
            "checked. Restore it from a backup, or set TotpAuth.key_file to where it is."
        )
    keyring = keyring or _create_keyring(places.keyring)
    ring = keyring_file.LiveKeyring(places.keyring, keyring)
    mac_root = open_root(database, ring, instance_id)
    return Store(
        database,
        Sealer(ring, instance_id, mac_root=mac_root),
        SqlAccounts(database),
        SqlLogins(database),
        SqlAccessTokens(database),
        SqlEnrollments(database),
        SqlFactors(database),
        SqlThrottles(database),
        SqlEvents(database),
        SqlProbes(database),
        SqlNotices(database),
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
    if found != schema.HEAD:
        schema.bring_up_to_date(database)
    return found


def _make_file(path: Path) -> None:
    try:
        make_private_file(path)
    except FileExistsError:  # another process was faster: its file is as good
        return
    except OSError as error:
        raise StoreRefused(f"The account store {path} cannot be made: {error.strerror}.") from None
    sync_directory(path.parent)


def _check_file(path: Path) -> None:
    """Refuse a database file that others can reach, or that is damaged (R41, N04)."""
    if not (path.is_file() and os.access(path, os.R_OK | os.W_OK)):
        raise StoreRefused(f"The account store {path} is no file that this user can read and write.")
    for place in {path, path.resolve()}:
        insist_on_privacy("account store", place, place.stat())
    if path.stat().st_size == 0:
        return
    if not is_sound_at_start(path):
        raise StoreRefused(DAMAGED.format(path))


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


def open_root(database: Database, ring: Callable[[], Keyring], instance_id: str) -> bytes:
    """The root of the keyed digests; with it the key check is opened, or both are written first.

    A wrong keyring is found at the start so, not at a login. Raises StoreRefused.
    """
    seals = Seals(ring, instance_id)
    key_check, mac_key = _sealed(database)
    if key_check is None:
        check = seals.seal(_CHECK, Purpose.KEY_CHECK, account="", item="")
        root = seals.seal(new_mac_root(), Purpose.MAC_ROOT, account="", item="")
        first = update(instance).where(instance.c.key_check.is_(None))
        with database.write() as connection:  # another process may be faster: what it wrote is as good
            connection.execute(first.values(key_check=check, mac_key=root))
        key_check, mac_key = _sealed(database)
    if key_check is not None and mac_key is None:
        _adopt_root(database, seals, ring, key_check)
        key_check, mac_key = _sealed(database)
    return open_own(seals, key_check, mac_key)


def open_own(seals: Seals, key_check: bytes | None, mac_key: bytes | None) -> bytes:
    """The root of the keyed digests; the key check has to open, too. Raises StoreRefused."""
    with _must_fit():
        seals.open(key_check or b"", Purpose.KEY_CHECK, account="", item="")
        return seals.open(mac_key or b"", Purpose.MAC_ROOT, account="", item="")


def _adopt_root(database: Database, seals: Seals, ring: Callable[[], Keyring], key_check: bytes) -> None:
    """A store of schema 0001 has its digests under its first key, the one that its key check is under."""
    with _must_fit():
        seals.open(key_check, Purpose.KEY_CHECK, account="", item="")
    root = seals.seal(ring().keys[key_id(key_check)], Purpose.MAC_ROOT, account="", item="")
    unset = update(instance).where(instance.c.mac_key.is_(None))
    with database.write() as connection:
        connection.execute(unset.values(mac_key=root))


@contextmanager
def _must_fit() -> Iterator[None]:
    try:
        yield
    except SealBroken:
        raise StoreRefused(
            "The keyring does not fit this account store. Restore the one that belongs to it, or set "
            "TotpAuth.key_file to where it is."
        ) from None


def _sealed(database: Database) -> tuple[bytes | None, bytes | None]:
    with database.read() as connection:
        row = connection.execute(select(instance.c.key_check, instance.c.mac_key)).one()
    return row.key_check, row.mac_key
