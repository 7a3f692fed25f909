"""The store's revision: a number that rises with each end and change, and whom each step of it is about.

A process asks for the number four times a second, and reads again what it remembers of those whom the steps
since then name. Not of everybody: one end among a hundred thousand open logins would have all of them read.
"""

from __future__ import annotations

from sqlalchemy import Connection, String, delete, insert, literal, select, update

from .database import Database
from .errors import StoreUnavailable
from .tables import account_change, instance

NOBODY = ""
"""Whose step it is where something changed for everybody's pages, and for nobody's logins."""

_MOST_STEPS = 10_000
"""How far a process may be behind, in steps; one that is further reads everything again."""


class Revisions:
    """The part of ``core.ports`` that keeps memory true to the store."""

    _database: Database

    def revision(self) -> int:
        """A number that rises whenever a login or token ends or an account changes, in any process."""
        with self._database.read() as connection:
            return read_revision(connection, of=self._database.instance_id)

    def changed_accounts(self, since: int, until: int) -> frozenset[str] | None:
        """The accounts of the steps behind ``since``, up to ``until``. None: it could be any.

        Any, where one step is about everybody, or where steps are missing: they are kept for a while only,
        and a restore leaves a gap.
        """
        if not 0 < until - since <= _MOST_STEPS:
            return None
        steps = select(account_change.c.account_id).where(
            account_change.c.revision > since, account_change.c.revision <= until
        )
        with self._database.read() as connection:
            found = connection.execute(steps).scalars().all()
        if len(found) != until - since or None in found:
            return None
        return frozenset(name for name in found if name is not None)


def raise_revision(connection: Connection, account_id: str | None) -> None:
    """Tell every process that a login of this account ended, or it changed. A transaction's first statement.

    First, since it locks: whatever ends or changes something goes one after the other. The order of locks
    is this row, an enrollment code, the account's row, the rest. ``account_id``: None for everybody.
    """
    connection.execute(update(instance).values(revision=instance.c.revision + 1))
    step = select(instance.c.revision, literal(account_id, String(32)))
    connection.execute(insert(account_change).from_select(["revision", "account_id"], step))


def read_revision(connection: Connection, *, of: str | None) -> int:
    """See :func:`raise_revision`. Raises StoreUnavailable where another store has come in its place."""
    row = connection.execute(select(instance.c.revision, instance.c.instance_id)).one_or_none()
    if row is None or (of is not None and row.instance_id != of):
        raise StoreUnavailable("another store stands in its place")
    return int(row.revision)


def forget_steps(connection: Connection) -> None:
    """Drop the steps that no process may ask for any more."""
    newest = connection.execute(select(instance.c.revision)).scalar_one()
    connection.execute(delete(account_change).where(account_change.c.revision <= newest - _MOST_STEPS))
