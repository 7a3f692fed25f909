"""Pending logins, login sessions, known browsers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, ColumnElement, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..core.events import Event
from ..core.model import Account, Claim, EndedLogin, EndReason, KnownBrowserRow, LoginSession, PendingLogin
from ..core.policy import SLIP_MEMORY, Throttle
from .database import again_after_deadlock
from .login_locks import LoginLocks
from .login_statements import (
    NOBODYS,
    as_text,
    end_pending,
    find_pending,
    insert_known_browser,
    insert_login,
    live_logins,
    still_the_account,
    to_charges,
    to_session,
    use_up,
)
from .revision import Revisions, forget_steps, raise_revision
from .rows import (
    drop_all,
    end_logins,
    to_account,
    write_event,
)
from .tables import (
    access_token,
    enrollment,
    enrollment_code,
    known_browser,
    login,
    new_authenticator,
    pending_login,
    throttle,
)
from .throttles import is_stale, refund, reopen


class SqlLogins(LoginLocks, Revisions):
    """Implements ``core.ports.LoginStore``."""

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
                    charges=as_text(value.charges),
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

    @again_after_deadlock
    def give_up(self, digest: bytes, *, throttle_key: bytes, epoch: int) -> tuple[int, ...]:
        """End a pending login that its browser begins anew, over or not; its charges, oldest first."""
        query = select(pending_login).where(
            pending_login.c.digest == digest,
            pending_login.c.throttle_key == throttle_key,
            pending_login.c.epoch == epoch,
        )
        with self._database.write() as connection:
            # Locked, so that no wrong code is charged to it between the look and the end.
            row = connection.execute(query.with_for_update()).one_or_none()
            ended = (
                connection.execute(delete(pending_login).where(pending_login.c.digest == row.digest))
                if row
                else None
            )
            return to_charges(row.charges) if row and ended and ended.rowcount == 1 else ()

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
        *,
        reopens: Sequence[tuple[bytes, Throttle]] = (),
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
            for key, rule in reopens:
                reopen(connection, key, rule, at)
            for entry in events:
                write_event(connection, entry)
        return True

    def grant_nothing(self, *, at: int) -> None:
        """The statements of a grant that fails, on nobody's rows: for the time they take (R7)."""
        with self._database.write() as connection:
            still_the_account(connection, NOBODYS, at)
            end_pending(connection, NOBODYS)
            use_up(connection, Claim(recovery_digest=NOBODYS.digest), "", at)
            connection.rollback()

    def deny(self, pending: PendingLogin, event: Event, *, charged: bool) -> None:
        """Note a wrong code, and when it was charged, if it was: a later success gives that back."""
        more = update(pending_login).where(pending_login.c.digest == pending.digest)
        charge = as_text((event.at,)) if charged else ""
        with self._database.write() as connection:
            connection.execute(more.values(charges=pending_login.c.charges + charge))
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
            row = connection.execute(live_logins(at).where(login.c.digest == digest)).one_or_none()
        return None if row is None else (to_session(row), to_account(row))

    def find_many(self, login_ids: Iterable[str], *, at: int) -> dict[str, tuple[LoginSession, Account]]:
        """Those of the logins that are alive, with their accounts."""
        with self._database.read() as connection:
            rows = connection.execute(live_logins(at).where(login.c.id.in_(list(login_ids)))).all()
        return {row._mapping[login.c.id]: (to_session(row), to_account(row)) for row in rows}

    def ended(self, digest: bytes) -> EndedLogin | None:
        """When and why a login ended."""
        query = select(login.c.ended_at, login.c.end_reason, login.c.expires_at)
        with self._database.read() as connection:
            row = connection.execute(query.where(login.c.digest == digest)).one_or_none()
        if row is None:
            return None
        if row.ended_at is None:
            return EndedLogin(row.expires_at, EndReason(row.end_reason or EndReason.EXPIRED))
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
            raise_revision(connection, account_id)
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
            raise_revision(connection, account_id)
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

    def purge(self, *, at: int, ended_before: int) -> None:
        """Drop what has ended: pending logins and logins after a while, everything else at once.

        A little a transaction: none depends on another, and no login has to wait for all of them.
        """
        self._drop_all(pending_login.c.digest, pending_login.c.expires_at <= at - SLIP_MEMORY)
        for key in (
            *(enrollment.c.digest, enrollment_code.c.digest, known_browser.c.digest),
            *(new_authenticator.c.id, access_token.c.digest),
        ):
            self._drop_all(key, key.table.c.expires_at <= at)
        self._drop_all(login.c.digest, login.c.ended_at < ended_before)
        self._drop_all(login.c.digest, login.c.expires_at < ended_before)
        self._drop_all(throttle.c.digest, is_stale(at))
        with self._database.write() as connection:
            forget_steps(connection)

    @again_after_deadlock
    def _drop_all(self, key: Column[Any], condition: ColumnElement[bool]) -> None:
        drop_all(self._database, key, condition)
