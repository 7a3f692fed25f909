"""The audit log: only ever added to, and dropped from by age."""

from __future__ import annotations

from sqlalchemy import and_, func, select

from ..core.events import BEHIND_A_WRONG_PASSWORD, FAILED, MOST_CLIENTS, STRANGERS, Event, EventKind, Notice
from .database import Database
from .rows import drop_all, to_event, write_event
from .tables import event

_SURE = (EventKind.LOGIN.value, EventKind.UNLOCKED.value)


class SqlEvents:
    """Implements ``core.ports.EventStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, value: Event) -> None:
        """Write one event on its own."""
        with self._database.write() as connection:
            write_event(connection, value)

    def last_sure_time(self) -> int:
        """When somebody logged in, or the operator unlocked an account, most recently; 0 before the first."""
        newest = select(func.max(event.c.id)).where(event.c.event.in_(_SURE)).scalar_subquery()
        with self._database.read() as connection:
            return connection.execute(select(event.c.at).where(event.c.id == newest)).scalar() or 0

    def notice(self, account_id: str, login_id: str) -> Notice:
        """The login before this one, and what failed since."""
        mine = event.c.account_id == account_id
        logins = select(event).where(mine, event.c.event == EventKind.LOGIN.value)
        this = select(event.c.id).where(event.c.account_id == account_id, event.c.login == login_id)
        with self._database.read() as connection:
            opened = connection.execute(this.order_by(event.c.id).limit(1)).scalar()
            before = logins if opened is None else logins.where(event.c.id < opened)
            last = connection.execute(before.order_by(event.c.id.desc()).limit(1)).one_or_none()
            failed = select(event.c.client, func.count().label("tries")).where(
                mine,
                event.c.id > (last.id if last else 0),
                event.c.event.in_([kind.value for kind in FAILED]),
                event.c.detail != BEHIND_A_WRONG_PASSWORD,
            )
            rows = connection.execute(failed.group_by(event.c.client)).all()
        rows = sorted(rows, key=lambda row: (-row.tries, row.client))
        clients = tuple(row.client for row in rows[:MOST_CLIENTS])
        return Notice(to_event(last) if last else None, sum(row.tries for row in rows), clients)

    def purge(self, *, before: int, strangers_before: int, most_of_strangers: int) -> None:
        """Drop what is older; of strangers' events, keep the newest ``most_of_strangers``."""
        strangers = and_(event.c.account_id.is_(None), event.c.event.in_([kind.value for kind in STRANGERS]))
        newest_first = select(event.c.id).where(strangers).order_by(event.c.id.desc())
        with self._database.read() as connection:
            last = connection.execute(newest_first.offset(most_of_strangers).limit(1)).scalar() or 0
        drop_all(self._database, event.c.id, event.c.at < before)
        drop_all(self._database, event.c.id, strangers, event.c.at < strangers_before)
        drop_all(self._database, event.c.id, strangers, event.c.id <= last)

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
