"""The statements of a login's way through the store; the transactions around them are ``logins.py``'s."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, Update, delete, insert, or_, select, update

from ..core.model import Claim, EndReason, KnownBrowserRow, LoginSession, PendingLogin
from .rows import ACCOUNT_COLUMNS
from .tables import (
    account,
    known_browser,
    login,
    pending_login,
    recovery_code,
    totp_authenticator,
)


def insert_login(connection: Connection, session: LoginSession) -> None:
    """Open a session."""
    connection.execute(
        insert(login).values(
            digest=session.digest,
            id=session.id,
            account_id=session.account_id,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expires_at,
            client=session.client,
            user_agent=session.user_agent,
            fresh_at=session.fresh_at,
            active_at=session.active_at,
            locked_at=session.locked_at,
            stays=session.stays,
        )
    )


def insert_known_browser(connection: Connection, known: KnownBrowserRow) -> None:
    """Remember a browser."""
    connection.execute(
        insert(known_browser).values(
            digest=known.digest,
            account_id=known.account_id,
            epoch=known.epoch,
            expires_at=known.expires_at,
        )
    )


def to_session(row: Row[Any]) -> LoginSession:
    """A session from a row that holds the login table's columns."""
    mapping = row._mapping
    return LoginSession(
        digest=mapping[login.c.digest],
        id=mapping[login.c.id],
        account_id=mapping[login.c.account_id],
        created_at=mapping[login.c.created_at],
        last_seen_at=mapping[login.c.last_seen_at],
        expires_at=mapping[login.c.expires_at],
        client=mapping[login.c.client],
        user_agent=mapping[login.c.user_agent],
        fresh_at=mapping[login.c.fresh_at],
        active_at=mapping[login.c.active_at],
        locked_at=mapping[login.c.locked_at],
        stays=bool(mapping[login.c.stays]),
        # Of a login that is not over: what it will have ended for.
        ending=EndReason(reason) if (reason := mapping[login.c.end_reason]) else None,
    )


def find_pending(connection: Connection, digest: bytes, at: int) -> PendingLogin | None:
    """The pending login, while its time lasts; its tries are the caller's to look at."""
    query = select(pending_login).where(pending_login.c.digest == digest, pending_login.c.expires_at > at)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return PendingLogin(
        digest=row.digest,
        account_id=row.account_id,
        password_ok=row.password_ok,
        epoch=row.epoch,
        known_browser=row.known_browser,
        expires_at=row.expires_at,
        tries_left=row.tries_left,
        throttle_key=row.throttle_key,
        charges=to_charges(row.charges),
    )


def as_text(charges: tuple[int, ...]) -> str:
    """Times of charges as a column holds them: each with a comma behind it, so that one more is appended."""
    return "".join(f"{at}," for at in charges)


def to_charges(text: str | None) -> tuple[int, ...]:
    """The times again; none for a row of the first schema."""
    return tuple(int(at) for at in (text or "").split(",") if at)


def still_the_account(connection: Connection, pending: PendingLogin, at: int) -> bool:
    """Whether the account is as it was at the first factor."""
    return still_of_epoch(connection, pending.account_id, pending.epoch, at)


def still_of_epoch(connection: Connection, account_id: str | None, epoch: int | None, at: int) -> bool:
    """Whether the account may log in, and is of that epoch. An update, so that its row is locked."""
    usable = update(account).where(
        account.c.id == account_id,
        account.c.enrolled.is_(True),
        account.c.disabled.is_(False),
        or_(account.c.expires_at.is_(None), account.c.expires_at > at),
    )
    if epoch is not None:
        usable = usable.where(account.c.epoch == epoch)
    return connection.execute(usable.values(epoch=account.c.epoch)).rowcount == 1


def still_open(login_id: str, at: int) -> Update:
    """An update of a login that is not over."""
    return update(login).where(login.c.id == login_id, login.c.ended_at.is_(None), login.c.expires_at > at)


def still_serves(connection: Connection, login_id: str, at: int) -> bool:
    """Whether a login is open, not locked, and not in its grace: what it asks for may be done.

    An update, for the lock.
    """
    serving = still_open(login_id, at).where(login.c.locked_at.is_(None), login.c.end_reason.is_(None))
    return connection.execute(serving.values(ended_at=None)).rowcount == 1


def end_pending(connection: Connection, pending: PendingLogin) -> bool:
    """Whether this very transaction ends the pending login: it opens one session."""
    ended = connection.execute(delete(pending_login).where(pending_login.c.digest == pending.digest))
    return ended.rowcount == 1


def use_up(connection: Connection, claim: Claim, account_id: str, at: int) -> bool:
    """Use up the time step (strictly rising, R9) or the recovery code: one statement, one row."""
    if claim.step is not None:
        used = connection.execute(
            update(totp_authenticator)
            .where(
                totp_authenticator.c.id == claim.authenticator_id,
                totp_authenticator.c.account_id == account_id,
                totp_authenticator.c.last_step < claim.step,
            )
            .values(last_step=claim.step, last_used_at=at)
        )
    else:
        used = connection.execute(
            update(recovery_code)
            .where(
                recovery_code.c.digest == claim.recovery_digest,
                recovery_code.c.account_id == account_id,
                recovery_code.c.used_at.is_(None),
            )
            .values(used_at=at)
        )
    return used.rowcount == 1


def live_logins(at: int) -> Select[Any]:
    """The logins that are not over, with their usable accounts."""
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


NOBODYS = PendingLogin(
    digest=bytes(32),
    account_id="",
    password_ok=False,
    epoch=0,
    known_browser=False,
    expires_at=0,
    tries_left=0,
    throttle_key=b"",
)
"""Whose statements take as long as somebody's, and find nothing."""
