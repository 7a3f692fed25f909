"""Notices that administrators send everybody."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from ..core.events import Event
from ..core.notices import AdminNotice
from .database import Database, again_after_deadlock
from .revision import NOBODY, raise_revision
from .rows import write_event
from .tables import notice


class SqlNotices:
    """Implements ``core.notices.NoticeStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again_after_deadlock
    def add(self, value: AdminNotice, event: Event, *, most: int) -> None:
        """Keep one more, and of all that are not over the newest ``most``. Nobody else purges them."""
        newest = select(notice.c.id).order_by(notice.c.sent_at.desc(), notice.c.id).limit(most - 1)
        with self._database.write() as connection:
            raise_revision(connection, NOBODY)
            connection.execute(delete(notice).where(notice.c.expires_at <= event.at))
            # Looked up apart: MariaDB takes no LIMIT in a subquery of NOT IN. The revision's lock holds them.
            kept = list(connection.execute(newest).scalars())
            connection.execute(delete(notice).where(notice.c.id.not_in(kept)))
            connection.execute(
                insert(notice).values(
                    id=value.id,
                    message=value.message,
                    sender=value.sender,
                    sent_at=value.sent_at,
                    expires_at=value.expires_at,
                )
            )
            write_event(connection, event)

    def live(self, *, at: int) -> list[AdminNotice]:
        """Those that are not over, the newest first."""
        query = select(notice).where(notice.c.expires_at > at).order_by(notice.c.sent_at.desc(), notice.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [AdminNotice(row.id, row.message, row.sender, row.sent_at, row.expires_at) for row in rows]

    @again_after_deadlock
    def withdraw(self, event: Event, *, only: str | None = None) -> int:
        """Take one, or all of them, away; how many."""
        live = delete(notice).where(notice.c.expires_at > event.at)
        with self._database.write() as connection:
            raise_revision(connection, NOBODY)
            count = connection.execute(live if only is None else live.where(notice.c.id == only)).rowcount
            if not count:
                connection.rollback()
                return 0
            write_event(connection, event)
        return count
