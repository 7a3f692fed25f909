"""The audit log: only ever added to."""

from __future__ import annotations

from sqlalchemy import select

from ..core.events import Event
from .database import Database
from .rows import to_event, write_event
from .tables import event


class SqlEvents:
    """Implements ``core.ports.EventStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, value: Event) -> None:
        """Write one event on its own."""
        with self._database.write() as connection:
            write_event(connection, value)

    def list(
        self,
        *,
        account_id: str | None = None,
        username: str | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[tuple[int, Event]]:
        """Events with their numbers, oldest first; with ``limit`` the newest so many (below ``before``).

        ``username`` also finds those of deleted accounts of that name.
        """
        query = select(event).where(event.c.id > after)
        if account_id is not None:
            query = query.where(event.c.account_id == account_id)
        if username is not None:
            query = query.where(event.c.account == username)
        if before is not None:
            query = query.where(event.c.id < before)
        newest_first = query.order_by(event.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(newest_first).all()
        return [(row.id, to_event(row)) for row in reversed(rows)]
