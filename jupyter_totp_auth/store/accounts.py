"""Accounts, their phones and recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..core.events import Event
from ..core.model import Account, AccountChange, EndReason, EnrollmentCode, Role, TotpAuthenticator
from .database import Database, again_after_deadlock
from .enrollments import insert_code
from .login_statements import still_serves
from .revision import raise_revision
from .rows import (
    account_values,
    end_logins,
    end_tokens,
    forget_browsers,
    to_account,
    write_event,
)
from .tables import account, login, recovery_code, throttle, totp_authenticator


class SqlAccounts:
    """Implements ``core.ports.AccountStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_name(self, username: str) -> Account | None:
        """The account of exactly that name."""
        return self._one(account.c.username == username)

    def by_id(self, account_id: str) -> Account | None:
        """The account of that id."""
        return self._one(account.c.id == account_id)

    def _one(self, condition: ColumnElement[bool]) -> Account | None:
        with self._database.read() as connection:
            row = connection.execute(select(account).where(condition)).one_or_none()
        return None if row is None else to_account(row)

    def all(self) -> list[Account]:
        """Every account, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(account).order_by(account.c.username)).all()
        return [to_account(row) for row in rows]

    def any_enrolled(self) -> bool:
        """Whether somebody can log in, so that there is no first set-up any more."""
        with self._database.read() as connection:
            found = connection.execute(select(account.c.id).where(account.c.enrolled).limit(1))
            return found.first() is not None

    def authenticators(self, account_id: str) -> list[TotpAuthenticator]:
        """The account's phones, oldest first."""
        query = (
            select(totp_authenticator)
            .where(totp_authenticator.c.account_id == account_id)
            .order_by(totp_authenticator.c.created_at, totp_authenticator.c.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            TotpAuthenticator(
                id=row.id,
                account_id=row.account_id,
                name=row.name,
                last_step=row.last_step,
                sealed_secret=row.secret,
                created_at=row.created_at,
                last_used_at=row.last_used_at,
            )
            for row in rows
        ]

    def recovery_codes_left(self, account_id: str) -> int:
        """How many recovery codes are unused."""
        unused = recovery_code.c.used_at.is_(None)
        query = select(func.count()).where(recovery_code.c.account_id == account_id, unused)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def last_logins(self) -> dict[str, int]:
        """When each account logged in last, by its id, as far back as logins are kept."""
        query = select(login.c.account_id, func.max(login.c.created_at)).group_by(login.c.account_id)
        with self._database.read() as connection:
            return {account_id: int(at) for account_id, at in connection.execute(query)}

    @again_after_deadlock
    def add(self, value: Account, code: EnrollmentCode, events: Sequence[Event]) -> bool:
        """Whether the name was free and the account is now there, with the code that enrolls it."""
        try:
            with self._database.write() as connection:
                connection.execute(insert(account).values(**account_values(value)))
                insert_code(connection, code)
                for entry in events:
                    write_event(connection, entry)
        except IntegrityError:
            return False
        return True

    def set_password(
        self,
        account_id: str,
        sealed: bytes,
        event: Event,
        *,
        reason: EndReason,
        but: str | None = None,
        keep_tokens: bool = False,
    ) -> bool:
        """Set the password, raise the epoch, end logins and access tokens, forget all known browsers."""
        return self._change(
            account_id,
            event,
            {"password": sealed, "epoch": account.c.epoch + 1},
            end=reason,
            but=but,
            forget=True,
            keep_tokens=keep_tokens,
        )

    def replace_hash(self, account_id: str, *, old: bytes, new: bytes) -> bool:
        """Compare-and-set of the sealed hash: a rehash, no change of password."""
        statement = (
            update(account).where(account.c.id == account_id, account.c.password == old).values(password=new)
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def set_role(self, account_id: str, role: Role, event: Event) -> bool:
        """Another role."""
        return self._change(account_id, event, {"role": role.value})

    def set_disabled(self, account_id: str, event: Event, *, disabled: bool) -> bool:
        """Close the account, which ends its logins and access tokens, or open it again."""
        end = EndReason.DISABLED if disabled else None
        return self._change(account_id, event, {"disabled": disabled}, end=end)

    def set_profile(
        self, account_id: str, *, display_name: str, initials: str, color: str, event: Event
    ) -> bool:
        """What others see of a person."""
        values = {"display_name": display_name, "initials": initials, "color": color}
        return self._change(account_id, event, values)

    @again_after_deadlock
    def _change(
        self,
        account_id: str,
        event: Event,
        values: dict[str, Any],
        *,
        end: EndReason | None = None,
        but: str | None = None,
        forget: bool = False,
        keep_tokens: bool = False,
    ) -> bool:
        """The account's row before its logins: its lock orders this against one that is being granted."""
        with self._database.write() as connection:
            raise_revision(connection, account_id)
            changed = connection.execute(update(account).where(account.c.id == account_id).values(**values))
            if changed.rowcount != 1 or not (but is None or still_serves(connection, but, event.at)):
                connection.rollback()
                return False
            if end is not None:
                end_logins(connection, account_id, end, event.at, but=but)
                if not keep_tokens:
                    end_tokens(connection, account_id)
            if forget:
                forget_browsers(connection, account_id)
            write_event(connection, event)
        return True

    @again_after_deadlock
    def amend(self, account_id: str, change: AccountChange, events: Sequence[Event]) -> bool:
        """Change it, all or nothing. False where it is gone, or where no administrator would be left."""
        at = events[0].at
        with self._database.write() as connection:
            # Its lock, too: of two administrators that demote each other one stays.
            raise_revision(connection, account_id)
            lasting = _has_admin(connection, at, lasting=True)
            changed = update(account).where(account.c.id == account_id).values(**_columns(change))
            if connection.execute(changed).rowcount != 1 or not _has_admin(connection, at, lasting=lasting):
                connection.rollback()
                return False
            if change.disabled:
                end_logins(connection, account_id, EndReason.DISABLED, at)
                end_tokens(connection, account_id)
            if change.expires_at is not None:
                later = update(login).where(
                    login.c.account_id == account_id, login.c.expires_at > change.expires_at
                )
                connection.execute(later.values(expires_at=change.expires_at))
            for entry in events:
                write_event(connection, entry)
        return True

    @again_after_deadlock
    def delete(self, account_id: str, event: Event, *, keep_admin: bool = False) -> bool:
        """Remove the account and all that hangs on it; its events stay."""
        with self._database.write() as connection:
            raise_revision(connection, account_id)
            lasting = _has_admin(connection, event.at, lasting=True)
            gone = connection.execute(delete(account).where(account.c.id == account_id))
            if gone.rowcount != 1 or (keep_admin and not _has_admin(connection, event.at, lasting=lasting)):
                connection.rollback()
                return False
            connection.execute(delete(throttle).where(throttle.c.account_id == account_id))
            write_event(connection, event)
        return True

    @again_after_deadlock
    def reset(self, account_id: str, code: EnrollmentCode, events: Sequence[Event]) -> bool:
        """A new enrollment code; logins and tokens ended, known browsers forgotten; the old factor stays."""
        with self._database.write() as connection:
            raise_revision(connection, account_id)
            raised = update(account).where(account.c.id == account_id).values(epoch=account.c.epoch + 1)
            if connection.execute(raised).rowcount != 1:
                connection.rollback()
                return False
            end_logins(connection, account_id, EndReason.FACTOR_RESET, events[0].at)
            end_tokens(connection, account_id)
            forget_browsers(connection, account_id)
            insert_code(connection, code)
            for entry in events:
                write_event(connection, entry)
        return True


def _columns(change: AccountChange) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if change.role is not None:
        values["role"] = change.role.value
    if change.terminals is not None:
        values["terminals"] = change.terminals.value
    if change.disabled is not None:
        values["disabled"] = change.disabled
    if change.endless or change.expires_at is not None:
        values["expires_at"] = change.expires_at
    return values


def _has_admin(connection: Connection, at: int, *, lasting: bool) -> bool:
    """Whether there is an administrator who can log in; ``lasting``: one whose account has no end.

    Where there was one of those, one stays: else the last one's end would come, and nobody be left.
    """
    until = account.c.expires_at.is_(None)
    usable = select(account.c.id).where(
        account.c.role == Role.ADMIN.value,
        account.c.enrolled.is_(True),
        account.c.disabled.is_(False),
        until if lasting else or_(until, account.c.expires_at > at),
    )
    return connection.execute(usable.limit(1)).first() is not None
