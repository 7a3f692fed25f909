"""Pending logins, login sessions, known browsers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Delete, Select, bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..core.events import Event
from ..core.model import Account, EndedLogin, EndReason, LoginSession, PendingLogin
from ..core.ports import Claim, KnownBrowserRow
from .database import Database, again_after_deadlock
from .login_statements import (
    end_pending,
    find_pending,
    insert_known_browser,
    insert_login,
    still_of_epoch,
    still_open,
    still_the_account,
    to_session,
    use_up,
)
from .rows import (
    ACCOUNT_COLUMNS,
    end_logins,
    raise_revision,
    read_revision,
    to_account,
    write_event,
)
from .tables import (
    account,
    enrollment,
    enrollment_code,
    known_browser,
    login,
    new_authenticator,
    pending_login,
)
from .throttles import refund, stale_throttles


class SqlLogins:
    """Implements ``core.ports.LoginStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- between the factors -----------------------------------------------------------------------

    def add_pending(self, value: PendingLogin, event: Event) -> None:
        """Keep a pending login; nobody's, where the account went since it was looked up."""
        try:
            self._keep(value, event)
        except IntegrityError:
            self._keep(replace(value, account_id=None, password_ok=False), event)

    @again_after_deadlock
    def _keep(self, value: PendingLogin, event: Event) -> None:
        with self._database.write() as connection:
            connection.execute(
                insert(pending_login).values(
                    digest=value.digest,
                    account_id=value.account_id,
                    password_ok=value.password_ok,
                    epoch=value.epoch,
                    known_browser=value.known_browser,
                    expires_at=value.expires_at,
                    tries_left=value.tries_left,
                    throttle_key=value.throttle_key,
                    charged=value.charged,
                )
            )
            write_event(connection, event)

    def spend_try(self, digest: bytes, *, at: int) -> PendingLogin | None:
        """The pending login with one try less, or None where there is none, or no try left."""
        with self._database.write() as connection:
            spent = connection.execute(
                update(pending_login)
                .where(
                    pending_login.c.digest == digest,
                    pending_login.c.tries_left > 0,
                    pending_login.c.expires_at > at,
                )
                .values(tries_left=pending_login.c.tries_left - 1)
            )
            return find_pending(connection, digest, at) if spent.rowcount == 1 else None

    def pending(self, digest: bytes, *, at: int) -> PendingLogin | None:
        """The pending login, if a code can still be given for it."""
        with self._database.read() as connection:
            found = find_pending(connection, digest, at)
        return found if found is not None and found.tries_left > 0 else None

    # -- the grant ---------------------------------------------------------------------------------

    @again_after_deadlock
    def grant(
        self,
        pending: PendingLogin,
        claim: Claim,
        session: LoginSession,
        known: KnownBrowserRow | None,
        refunds: Sequence[tuple[bytes, int]],
        events: Sequence[Event],
    ) -> bool:
        """Claim, end the pending login and open the session, all or nothing.

        The account's row comes first: its lock orders this against whatever disables or changes it.
        """
        at = session.created_at
        with self._database.write() as connection:
            won = (
                still_the_account(connection, pending, at)
                and end_pending(connection, pending)
                and use_up(connection, claim, session.account_id, at)
            )
            if not won:
                connection.rollback()
                return False
            insert_login(connection, session)
            if known is not None:
                insert_known_browser(connection, known)
            for key, count in refunds:
                refund(connection, key, count, at)
            for entry in events:
                write_event(connection, entry)
        return True

    def grant_nothing(self, *, at: int) -> None:
        """The statements of a grant that fails, on nobody's rows: for the time they take (R7)."""
        with self._database.write() as connection:
            still_the_account(connection, _NOBODYS, at)
            end_pending(connection, _NOBODYS)
            use_up(connection, Claim(recovery_digests=(_NOBODYS.digest,)), "", at)
            connection.rollback()

    def deny(self, pending: PendingLogin, event: Event, *, charged: bool) -> None:
        """Note a wrong code, and whether it was charged: a later success gives that back."""
        more = update(pending_login).where(pending_login.c.digest == pending.digest)
        with self._database.write() as connection:
            connection.execute(more.values(charged=pending_login.c.charged + int(charged)))
            write_event(connection, event)

    def known_browser(self, digest: bytes, *, at: int) -> KnownBrowserRow | None:
        """The known browser of this digest, if it is not too long ago."""
        query = select(known_browser).where(known_browser.c.digest == digest, known_browser.c.expires_at > at)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return KnownBrowserRow(row.digest, row.account_id, row.epoch, row.expires_at)

    # -- sessions ----------------------------------------------------------------------------------

    def find(self, digest: bytes, *, at: int) -> tuple[LoginSession, Account] | None:
        """The live login and its usable account."""
        with self._database.read() as connection:
            row = connection.execute(_live(at).where(login.c.digest == digest)).one_or_none()
        return None if row is None else (to_session(row), to_account(row))

    def find_many(self, login_ids: Iterable[str], *, at: int) -> dict[str, tuple[LoginSession, Account]]:
        """Those of the logins that are alive, with their accounts."""
        with self._database.read() as connection:
            rows = connection.execute(_live(at).where(login.c.id.in_(list(login_ids)))).all()
        return {row._mapping[login.c.id]: (to_session(row), to_account(row)) for row in rows}

    def ended(self, digest: bytes) -> EndedLogin | None:
        """When and why a login ended."""
        query = select(login.c.ended_at, login.c.end_reason, login.c.expires_at)
        with self._database.read() as connection:
            row = connection.execute(query.where(login.c.digest == digest)).one_or_none()
        if row is None:
            return None
        if row.ended_at is None:
            return EndedLogin(row.expires_at, EndReason.EXPIRED)
        return EndedLogin(row.ended_at, EndReason(row.end_reason))

    def of_account(self, account_id: str, *, at: int) -> list[LoginSession]:
        """An account's live logins, newest first."""
        query = (
            select(login)
            .where(
                login.c.account_id == account_id,
                login.c.ended_at.is_(None),
                login.c.expires_at > at,
            )
            .order_by(login.c.created_at.desc(), login.c.id)
        )
        with self._database.read() as connection:
            return [to_session(row) for row in connection.execute(query)]

    @again_after_deadlock
    def end(self, account_id: str, login_id: str, reason: EndReason, event: Event) -> bool:
        """End one login of the account; False where there is none alive of that id."""
        with self._database.write() as connection:
            raise_revision(connection)
            ended = connection.execute(
                update(login)
                .where(
                    login.c.account_id == account_id,
                    login.c.id == login_id,
                    login.c.ended_at.is_(None),
                    login.c.expires_at > event.at,
                )
                .values(ended_at=event.at, end_reason=reason.value)
            )
            if ended.rowcount != 1:
                connection.rollback()
                return False
            write_event(connection, event)
        return True

    @again_after_deadlock
    def end_all(self, account_id: str, reason: EndReason, event: Event, *, but: str | None = None) -> int:
        """End all live logins of the account, but for one; how many."""
        with self._database.write() as connection:
            raise_revision(connection)
            if but is None:
                count = end_logins(connection, account_id, reason, event.at)
            else:
                ended = connection.execute(
                    update(login)
                    .where(
                        login.c.account_id == account_id,
                        login.c.id != but,
                        login.c.ended_at.is_(None),
                        login.c.expires_at > event.at,
                    )
                    .values(ended_at=event.at, end_reason=reason.value)
                )
                count = ended.rowcount
            write_event(connection, event)
        return count

    # -- locks and freshness -------------------------------------------------------------------------

    @again_after_deadlock
    def lock(self, login_id: str, event: Event, *, idle_since: int | None = None) -> bool:
        """Lock a live login; with ``idle_since`` only if nobody has done anything since then."""
        open_login = still_open(login_id, event.at).where(login.c.locked_at.is_(None))
        if idle_since is not None:
            open_login = open_login.where(login.c.active_at <= idle_since)
        with self._database.write() as connection:
            raise_revision(connection)
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
            raise_revision(connection)
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
            login.c.digest == session.digest, login.c.locked_at.is_(None)
        )
        with self._database.write() as connection:
            raise_revision(connection)
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
    def touch(self, seen: dict[bytes, int]) -> None:
        """Write when logins were last seen, in one batch."""
        if not seen:
            return
        same = login.c.digest == bindparam("seen")
        # Sorted: two processes that lock the same rows in different orders wait for each other.
        rows = [{"seen": digest, "at": at} for digest, at in sorted(seen.items())]
        with self._database.write() as connection:
            connection.execute(update(login).where(same).values(last_seen_at=bindparam("at")), rows)

    def revision(self) -> int:
        """A number that rises whenever a login ends or an account changes, in any process."""
        with self._database.read() as connection:
            return read_revision(connection)

    def purge(self, *, at: int, ended_before: int) -> None:
        """Drop what has ended: pending logins, codes and known browsers at once, logins after a while.

        A transaction a table: none depends on another, and no login has to wait for all of them.
        """
        for table in (pending_login, enrollment, enrollment_code, known_browser, new_authenticator):
            self._drop(delete(table).where(table.c.expires_at <= at))
        self._drop(delete(login).where(login.c.ended_at < ended_before))
        self._drop(delete(login).where(login.c.expires_at < ended_before))
        self._drop(stale_throttles(at))

    @again_after_deadlock
    def _drop(self, statement: Delete) -> None:
        with self._database.write() as connection:
            connection.execute(statement)


def _live(at: int) -> Select[Any]:
    return (
        select(login, *ACCOUNT_COLUMNS)
        .join(account, account.c.id == login.c.account_id)
        .where(
            login.c.ended_at.is_(None),
            login.c.expires_at > at,
            account.c.disabled.is_(False),
            or_(account.c.expires_at.is_(None), account.c.expires_at > at),
        )
    )


_NOBODYS = PendingLogin(
    digest=bytes(32),
    account_id="",
    password_ok=False,
    epoch=0,
    known_browser=False,
    expires_at=0,
    tries_left=0,
    throttle_key=b"",
)
