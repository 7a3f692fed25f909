"""The audit log: only ever added to, and dropped from by age."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, false, func, literal_column, select

from ..core.events import BEHIND_A_WRONG_PASSWORD, FAILED, MOST_CLIENTS, STRANGERS, Event, EventKind, Notice
from ..core.policy import SLIP_MEMORY
from .database import Database
from .rows import drop_all, to_event, write_event
from .tables import event

_SURE = (EventKind.LOGIN.value, EventKind.UNLOCKED.value)


class SqlEvents:
    """Implements ``core.ports.EventStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *values: Event) -> None:
        """Write events on their own, all or none, in this order."""
        with self._database.write() as connection:
            for value in values:
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
        this = select(event).where(mine, event.c.login == login_id)
        with self._database.read() as connection:
            opened = connection.execute(this.order_by(event.c.id).limit(1)).one_or_none()
            before = logins if opened is None else logins.where(event.c.id < opened.id)
            last = connection.execute(before.order_by(event.c.id.desc()).limit(1)).one_or_none()
            since = (mine, event.c.id > (last.id if last else 0))
            rows = connection.execute(_failures(opened).where(*since)).all()
        return Notice(to_event(last) if last else None, **_summed(rows))

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


def _failures(opened: Row[Any] | None) -> Select[Any]:
    """Failed logins, counted by address, by what failed, and by whether they are this login's own slips."""
    own: ColumnElement[bool] = false()
    if opened is not None:
        own = and_(
            event.c.id < opened.id, event.c.client == opened.client, event.c.at >= opened.at - SLIP_MEMORY
        )
    failed = event.c.event.in_([kind.value for kind in FAILED])
    counted = select(
        event.c.client, event.c.event, case((own, 1), else_=0).label("own"), func.count().label("tries")
    )
    # By the label's name: with the expression, PostgreSQL takes its bound values for others.
    by: Any = (event.c.client, event.c.event, literal_column("own"))
    return counted.where(failed, event.c.detail != BEHIND_A_WRONG_PASSWORD).group_by(*by)


def _summed(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    by_client: Counter[str] = Counter()
    for row in rows:
        by_client[row.client] += row.tries
    often = sorted(by_client, key=lambda client: (-by_client[client], client))
    past = [row.tries for row in rows if not row.own and row.event != EventKind.FIRST_FACTOR_DENIED.value]
    return {
        "failed": by_client.total(),
        "clients": tuple(often[:MOST_CLIENTS]),
        "has_more": len(often) > MOST_CLIENTS,
        "own": sum(row.tries for row in rows if row.own),
        "past_password": sum(past),
    }
