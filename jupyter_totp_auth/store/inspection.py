"""A look at a store without opening it: nothing is made, migrated or written, and a broken one is told of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from ..core.events import EventKind
from ..core.model import Role
from ..core.sealing import Keyring, Seals
from . import schema
from .database import file_of, translated
from .errors import StoreRefused
from .opening import Places, open_database, open_own
from .tables import access_token, account, enrollment_code, event, instance, login, recovery_code

__all__ = ["Person", "Sight", "Token", "file_of", "fits", "inspect"]

_SURE = (EventKind.LOGIN.value, EventKind.UNLOCKED.value)


@dataclass(frozen=True)
class Person:
    """An account, as far as the operator can do something about it."""

    username: str
    is_admin: bool
    enrolled: bool
    disabled: bool
    expires_at: int | None
    recovery_codes: int
    last_seen_at: int | None


@dataclass(frozen=True)
class Token:
    """An access token that is good."""

    username: str
    created_at: int
    expires_at: int
    last_used_at: int | None


@dataclass(frozen=True)
class Sight:
    """What a store says of itself. With a schema that is not this version's: the schema alone."""

    schema: str | None
    damaged: bool = False
    instance_id: str = ""
    created_at: int = 0
    key_check: bytes | None = field(default=None, repr=False)
    mac_key: bytes | None = field(default=None, repr=False)
    newest: int | None = None
    """When somebody logged in, or the operator unlocked an account, most recently."""
    backed_up_at: int | None = None
    people: tuple[Person, ...] = ()
    links: tuple[int, ...] = ()
    """Until when each enrollment link is good."""
    tokens: tuple[Token, ...] = ()

    @property
    def is_current(self) -> bool:
        """Whether there is more to be seen than the schema."""
        return self.schema == schema.HEAD and not self.damaged


def inspect(places: Places) -> Sight:
    """Look. Raises StoreRefused and StoreUnavailable where it cannot be looked at."""
    with translated(), _reading(places) as connection:
        if not _is_sound(connection):
            return Sight(None, damaged=True)
        found = schema.version_on(connection)
        return _seen(connection) if found == schema.HEAD else Sight(found)


def fits(keyring: Keyring, sight: Sight) -> bool:
    """Whether a keyring opens what the store keeps to try it on. True before there is such a thing."""
    if sight.key_check is None:
        return True
    try:
        open_own(Seals(lambda: keyring, sight.instance_id), sight.key_check, sight.mac_key)
    except StoreRefused:
        return False
    return True


@contextmanager
def _reading(places: Places) -> Iterator[Connection]:
    path = file_of(places.database_url)
    if path is None:
        database = open_database(places)
        try:
            with database.snapshot() as connection:
                yield connection
        finally:
            database.close()
        return
    if not path.is_file():
        raise StoreRefused(f"there is no file {path}")
    engine = create_engine("sqlite://", creator=lambda: _open(path), poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        yield connection


def _open(path: Path) -> sqlite3.Connection:
    # Without its -wal nobody has it open. Read as immutable then: to read, SQLite would make that file.
    is_open = path.with_name(f"{path.name}-wal").exists()
    how = "mode=ro" if is_open else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=5)


def _is_sound(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return True
    try:
        return bool(connection.exec_driver_sql("PRAGMA quick_check").scalar() == "ok")
    except OperationalError:
        raise
    except DatabaseError:  # no database at all
        return False


def _seen(connection: Connection) -> Sight:
    own = connection.execute(select(instance)).one_or_none()
    sure = select(func.max(event.c.id)).where(event.c.event.in_(_SURE)).scalar_subquery()
    backed_up = select(func.max(event.c.at)).where(event.c.event == EventKind.STORE_BACKED_UP.value)
    fresh: dict[str, Any] = {}
    if own is not None:
        fresh = {name: getattr(own, name) for name in ("instance_id", "created_at", "key_check", "mac_key")}
    return Sight(
        schema.HEAD,
        **fresh,
        newest=connection.execute(select(event.c.at).where(event.c.id == sure)).scalar(),
        backed_up_at=connection.execute(backed_up).scalar(),
        people=tuple(_people(connection)),
        links=tuple(connection.execute(select(enrollment_code.c.expires_at)).scalars()),
        tokens=tuple(_tokens(connection)),
    )


def _people(connection: Connection) -> Iterator[Person]:
    left = (
        select(func.count())
        .where(recovery_code.c.account_id == account.c.id, recovery_code.c.used_at.is_(None))
        .scalar_subquery()
    )
    seen = select(func.max(login.c.last_seen_at)).where(login.c.account_id == account.c.id).scalar_subquery()
    rows = connection.execute(select(account, left.label("left"), seen.label("seen")))
    for row in rows.mappings():
        yield Person(
            row["username"],
            row["role"] == Role.ADMIN.value,
            row["enrolled"],
            row["disabled"],
            row["expires_at"],
            row["left"],
            row["seen"],
        )


def _tokens(connection: Connection) -> Iterator[Token]:
    columns = (account.c.username, access_token.c.created_at, access_token.c.expires_at)
    query = select(*columns, access_token.c.last_used_at).join_from(access_token, account)
    for row in connection.execute(query):
        yield Token(*row)
