"""From rows to the values of ``core.model``, and the small statements that several stores share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, delete, insert, select, update

from ..core.events import Event, EventKind
from ..core.model import Account, EndReason, Role, Terminals
from .database import EVENTS, Database
from .tables import (
    access_token,
    account,
    enrollment,
    event,
    known_browser,
    login,
    new_authenticator,
    pending_login,
)

ACCOUNT_COLUMNS = list(account.c)


def to_account(row: Row[Any]) -> Account:
    """An account from a row that holds the account table's columns."""
    mapping = row._mapping
    return Account(
        id=mapping[account.c.id],
        username=mapping[account.c.username],
        display_name=mapping[account.c.display_name],
        initials=mapping[account.c.initials],
        color=mapping[account.c.color],
        role=Role(mapping[account.c.role]),
        disabled=mapping[account.c.disabled],
        created_at=mapping[account.c.created_at],
        expires_at=mapping[account.c.expires_at],
        enrolled=mapping[account.c.enrolled],
        epoch=mapping[account.c.epoch],
        sealed_password=mapping[account.c.password],
        terminals=Terminals(mapping[account.c.terminals]),
    )


def account_values(value: Account) -> dict[str, Any]:
    """The account as an insert takes it."""
    return {
        "id": value.id,
        "username": value.username,
        "display_name": value.display_name,
        "initials": value.initials,
        "color": value.color,
        "role": value.role.value,
        "disabled": value.disabled,
        "created_at": value.created_at,
        "expires_at": value.expires_at,
        "enrolled": value.enrolled,
        "epoch": value.epoch,
        "password": value.sealed_password,
        "terminals": value.terminals.value,
    }


def write_event(connection: Connection, value: Event) -> None:
    """One line of the audit log, in the transaction of the fact it tells of."""
    connection.execute(
        insert(event).values(
            at=value.at,
            event=value.kind.value,
            account_id=value.account_id,
            account=value.account,
            actor=value.actor,
            client=value.client,
            login=value.login,
            detail=value.detail,
        )
    )
    connection.info[EVENTS].append(value)


def to_event(row: Row[Any]) -> Event:
    """An event from a row of the event table."""
    return Event(
        kind=EventKind(row.event),
        at=row.at,
        account_id=row.account_id,
        account=row.account,
        actor=row.actor,
        client=row.client,
        login=row.login,
        detail=row.detail,
    )


def end_logins(
    connection: Connection, account_id: str, reason: EndReason, at: int, *, but: str | None = None
) -> int:
    """End all live logins of an account but one, and void its half-done ones; how many were live."""
    live = update(login).where(
        login.c.account_id == account_id, login.c.ended_at.is_(None), login.c.expires_at > at
    )
    if but is not None:
        live = live.where(login.c.id != but)
    ended = connection.execute(live.values(ended_at=at, end_reason=reason.value))
    void_half_done(connection, account_id)
    return ended.rowcount


def void_half_done(connection: Connection, account_id: str) -> None:
    """Half-done logins, enrollments, phones: what they have accepted so far may be what was just changed."""
    for half_done in (pending_login, enrollment, new_authenticator):
        connection.execute(delete(half_done).where(half_done.c.account_id == account_id))


def end_tokens(connection: Connection, account_id: str) -> None:
    """End all access tokens of an account."""
    connection.execute(delete(access_token).where(access_token.c.account_id == account_id))


_BATCH = 2_000


def drop_all(database: Database, key: Column[Any], *conditions: ColumnElement[bool]) -> None:
    """Delete what may be very much, a little a transaction: logins wait for no more than one of them.

    By keys that were read before, not by a subselect: for that MariaDB goes through the table, and locks it.
    """
    some = select(key).where(*conditions).limit(_BATCH)
    full = True
    while full:
        with database.read() as connection:
            keys = connection.execute(some).scalars().all()
        if keys:
            with database.write() as connection:
                connection.execute(delete(key.table).where(key.in_(keys), *conditions))
        full = len(keys) == _BATCH


def forget_browsers(connection: Connection, account_id: str) -> None:
    """No browser is known for this account any more."""
    connection.execute(delete(known_browser).where(known_browser.c.account_id == account_id))
