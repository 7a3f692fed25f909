"""Locking, unlocking and renewing a login: each one transaction that decides by what the row says then."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update

from ..core.events import Event
from ..core.model import Claim, EndReason, LoginSession
from .database import Database, again_after_deadlock
from .login_statements import still_of_epoch, still_open, use_up
from .revision import raise_revision
from .rows import void_half_done, write_event
from .tables import login
from .throttles import refund


class LoginLocks:
    """The part of ``core.ports.LoginStore`` that changes a login without ending it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again_after_deadlock
    def lock(self, login_id: str, event: Event, *, idle_since: int | None = None) -> bool:
        """Lock a live login; with ``idle_since`` only if nobody has done anything since then."""
        open_login = still_open(login_id, event.at).where(login.c.locked_at.is_(None))
        if idle_since is not None:
            open_login = open_login.where(login.c.active_at <= idle_since)
        with self._database.write() as connection:
            raise_revision(connection, event.account_id)
            if connection.execute(open_login.values(locked_at=event.at)).rowcount != 1:
                connection.rollback()
                return False
            write_event(connection, event)
        return True

    @again_after_deadlock
    def unlock(
        self,
        session: LoginSession,
        claim: Claim | None,
        refunds: Sequence[tuple[bytes, int]],
        event: Event,
    ) -> bool:
        """Claim, and serve a locked login again, all or nothing. False where it is not locked (any more)."""
        at = event.at
        locked = still_open(session.id, at).where(login.c.locked_at.is_not(None))
        with self._database.write() as connection:
            raise_revision(connection, session.account_id)
            done = (
                still_of_epoch(connection, session.account_id, None, at)
                and (claim is None or use_up(connection, claim, session.account_id, at))
                and connection.execute(locked.values(locked_at=None, active_at=at)).rowcount == 1
            )
            if not done:
                connection.rollback()
                return False
            for key, count in refunds:
                refund(connection, key, count, at)
            write_event(connection, event)
        return True

    @again_after_deadlock
    def renew(
        self,
        session: LoginSession,
        digest: bytes,
        epoch: int,
        claim: Claim,
        refunds: Sequence[tuple[bytes, int]],
        events: Sequence[Event],
    ) -> bool:
        """Claim, and give a live login another digest and freshness, all or nothing."""
        at = events[0].at
        unchanged = still_open(session.id, at).where(
            login.c.digest == session.digest, login.c.locked_at.is_(None), login.c.end_reason.is_(None)
        )
        with self._database.write() as connection:
            raise_revision(connection, session.account_id)
            done = (
                still_of_epoch(connection, session.account_id, epoch, at)
                and use_up(connection, claim, session.account_id, at)
                and connection.execute(unchanged.values(digest=digest, fresh_at=at, active_at=at)).rowcount
                == 1
            )
            if not done:
                connection.rollback()
                return False
            for key, count in refunds:
                refund(connection, key, count, at)
            for entry in events:
                write_event(connection, entry)
        return True

    @again_after_deadlock
    def set_active(self, login_id: str, *, at: int) -> bool:
        """Note that a person did something. False where the login is locked or over."""
        open_login = still_open(login_id, at).where(login.c.locked_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(open_login.values(active_at=at)).rowcount == 1

    @again_after_deadlock
    def bring_forward(
        self, account_id: str, reason: EndReason, event: Event, *, ends_at: int, only: str | None = None
    ) -> int:
        """Let live logins of the account end at ``ends_at``, none later than it would; how many end then.

        Their own end is what is changed, not a further column: whatever holds a login to its end, in every
        process and after a crash, then holds it to this one.
        """
        mine = update(login).where(
            login.c.account_id == account_id, login.c.ended_at.is_(None), login.c.expires_at > event.at
        )
        mine = mine if only is None else mine.where(login.c.id == only)
        with self._database.write() as connection:
            raise_revision(connection, account_id)
            connection.execute(mine.where(login.c.expires_at > ends_at).values(expires_at=ends_at))
            # Of those that end before that by themselves, too: in a grace nothing is added with them.
            count = connection.execute(mine.values(end_reason=reason.value)).rowcount
            if only is not None and count != 1:
                connection.rollback()
                return 0
            if only is None:
                void_half_done(connection, account_id)
            write_event(connection, event)
        return count
