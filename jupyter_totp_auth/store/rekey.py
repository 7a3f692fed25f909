"""A new key in the keyring, and everything sealed put under it, while servers run (R40, ASVS 11.2.2).

The file first: from then on every process seals under the new key and still opens under the old ones, since
each asks its file (``LiveKeyring``). Then row by row, by compare-and-set. The key check comes last, and says
so that it is done: whoever is killed before goes on where it was, and adds no second key.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, RowMapping, select, update

from ..core.events import Event, EventKind
from ..core.sealing import Keyring, Purpose, SealBroken, Seals, key_id
from . import keyring_file, schema
from .database import Database, again_after_deadlock
from .errors import StoreRefused
from .rows import write_event
from .tables import account, enrollment, instance, new_authenticator, totp_authenticator

_BATCH = 100
_ROUNDS = 20
_SETTLE_S = 1.0
"""For what a process had sealed, and not yet written, when the keyring changed."""

_LONGEST_WRITE_S = 12.0
"""The same where a value that comes too late would be lost: a write waits 9 s for SQLite at most (N01)."""


@dataclass(frozen=True)
class Sealed:
    """A column of sealed values, and what each of them is bound to."""

    column: Column[Any]
    purpose: Purpose
    account: Column[Any]
    item: Column[Any]


SEALED = (
    Sealed(account.c.password, Purpose.PASSWORD_HASH, account.c.id, account.c.id),
    Sealed(
        totp_authenticator.c.secret,
        Purpose.TOTP_SECRET,
        totp_authenticator.c.account_id,
        totp_authenticator.c.id,
    ),
    Sealed(
        new_authenticator.c.secret,
        Purpose.TOTP_SECRET,
        new_authenticator.c.account_id,
        new_authenticator.c.id,
    ),
    Sealed(enrollment.c.password, Purpose.PASSWORD_HASH, enrollment.c.account_id, enrollment.c.account_id),
    Sealed(enrollment.c.secret, Purpose.TOTP_SECRET, enrollment.c.account_id, enrollment.c.authenticator_id),
)
"""All but the two values of the installation itself, which are last."""

_OWN = ((instance.c.key_check, Purpose.KEY_CHECK), (instance.c.mac_key, Purpose.MAC_ROOT))


@dataclass(frozen=True)
class Rekeyed:
    """What was done."""

    key: str
    """The id of the key that seals now; no secret."""
    resumed: bool
    """Whether an earlier rekey was cut short, and this one went on with its key."""
    values: int
    broken: int
    """Values that do not open under any key, and were left as they are."""


def rekey(database: Database, path: Path, *, at: int, actor: str) -> Rekeyed:
    """Seal everything under a new key. Raises StoreRefused where the keyring file cannot be changed."""
    with schema.locked(database):
        keyring_file.sweep(path)
        keyring, own = _keyring(path), _own(database)
        resumed = key_id(own[instance.c.key_check]) != keyring.primary
        if not resumed:
            keyring = keyring.rotated()
            keyring_file.replace(path, keyring)
        seals = Seals(lambda: keyring, own[instance.c.instance_id])
        values, broken = _until_nothing_is_left(database, seals, keyring.primary)
        event = Event(EventKind.STORE_REKEYED, at, actor=actor, detail=keyring.primary.hex())
        _finish(database, seals, event)
    return Rekeyed(keyring.primary.hex(), resumed, values, broken)


def drop_old(database: Database, path: Path, *, at: int, actor: str) -> int:
    """Take the old keys out of the keyring; how many. Raises StoreRefused while anything is under them."""
    with schema.locked(database):
        keyring_file.sweep(path)
        keyring = _keyring(path)
        count = len(keyring.keys) - 1
        if count == 0:
            raise StoreRefused("The keyring holds no old key.")
        _insist_on_nothing_under_others(database, keyring.primary)
        time.sleep(_LONGEST_WRITE_S)
        _insist_on_nothing_under_others(database, keyring.primary)
        with database.write() as connection:  # the file within it: without the event the keys stay
            write_event(connection, Event(EventKind.OLD_KEYS_DROPPED, at, actor=actor, detail=str(count)))
            keyring_file.replace(path, keyring.pruned())
    return count


def _keyring(path: Path) -> Keyring:
    keyring = keyring_file.read(path)
    if keyring is None:
        raise StoreRefused(f"The keyring {path} is missing.")
    return keyring


def _own(database: Database) -> RowMapping:
    query = select(instance.c.instance_id, instance.c.key_check, instance.c.mac_key)
    with database.read() as connection:
        return connection.execute(query).mappings().one()


def _until_nothing_is_left(database: Database, seals: Seals, primary: bytes) -> tuple[int, int]:
    """How many values were sealed anew, and how many do not open."""
    values, broken = _pass(database, seals, primary)
    for _ in range(_ROUNDS):
        time.sleep(_SETTLE_S)
        more, broken = _pass(database, seals, primary)
        if more == 0:
            return values, broken
        values += more
    raise StoreRefused(
        "A server goes on sealing under an old key: does it have a keyring file of its own? Give it the "
        "new keyring, and run this again."
    )


def _pass(database: Database, seals: Seals, primary: bytes) -> tuple[int, int]:
    values = broken = 0
    for place in SEALED:
        for batch in _batches(database, place):
            fresh: list[tuple[Any, bytes, bytes]] = []
            for key, sealed, account_id, item in batch:
                if key_id(sealed) == primary:
                    continue
                try:
                    plain = seals.open(sealed, place.purpose, account=account_id, item=item)
                except SealBroken:
                    broken += 1
                    continue
                again = seals.seal(plain, place.purpose, account=account_id, item=item)
                fresh.append((key, sealed, again))
            _swap(database, place.column, fresh)
            values += len(fresh)
    return values, broken


def _batches(database: Database, place: Sealed) -> Iterator[list[tuple[Any, bytes, str, str]]]:
    key = _key(place.column.table)
    query = select(key, place.column, place.account, place.item).where(place.column.is_not(None))
    query = query.order_by(key).limit(_BATCH)
    page = query
    while True:
        with database.read() as connection:
            rows = [tuple(row) for row in connection.execute(page)]
        if not rows:
            return
        yield rows
        page = query.where(key > rows[-1][0])


def _key(table: Any) -> Column[Any]:
    (key,) = table.primary_key.columns
    found: Column[Any] = key
    return found


@again_after_deadlock
def _swap(database: Database, column: Column[Any], fresh: list[tuple[Any, bytes, bytes]]) -> None:
    """Each old value by its new one, where it is still the old one; what has changed since is left."""
    if not fresh:
        return
    key = _key(column.table)
    with database.write() as connection:
        for row, old, new in fresh:
            same = update(column.table).where(key == row, column == old)
            connection.execute(same.values({column: new}))


@again_after_deadlock
def _finish(database: Database, seals: Seals, event: Event) -> None:
    own = _own(database)
    fresh: dict[Any, bytes] = {}
    for column, purpose in _OWN:
        plain = seals.open(own[column], purpose, account="", item="")
        fresh[column] = seals.seal(plain, purpose, account="", item="")
    with database.write() as connection:
        connection.execute(update(instance).values(fresh))
        write_event(connection, event)


def _insist_on_nothing_under_others(database: Database, primary: bytes) -> None:
    own = _own(database)
    left = sum(key_id(own[column]) != primary for column, _ in _OWN)
    for place in SEALED:
        for batch in _batches(database, place):
            left += sum(key_id(row[1]) != primary for row in batch)
    if left:
        raise StoreRefused(
            f"Values still sealed under an old key: {left}. Run jupyter totp rekey first; what it cannot "
            "open (see seal-broken in jupyter totp log) has to be set anew: jupyter totp passwd or reset."
        )
