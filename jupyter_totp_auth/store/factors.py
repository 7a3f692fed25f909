"""What an enrolled person adds and removes: further phones and recovery codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Delete, Update, delete, func, insert, select, update

from ..core.events import Event
from ..core.model import EndReason, LoginSession, NewAuthenticator, TotpAuthenticator
from .database import Database, again_after_deadlock
from .enrollments import insert_authenticator, insert_recovery_codes
from .login_statements import still_of_epoch, still_serves
from .revision import raise_revision
from .rows import end_logins, forget_browsers, write_event
from .tables import account, new_authenticator, recovery_code, totp_authenticator


class SqlFactors:
    """Implements ``core.authenticators.FactorStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, new: NewAuthenticator, event: Event, *, by: LoginSession, most: int) -> bool:
        """Offer a phone, voiding a half-done offer. False where there are ``most`` phones."""

        def offer(connection: Connection) -> bool:
            if _count(connection, new.account_id) >= most:
                return False
            connection.execute(
                delete(new_authenticator).where(new_authenticator.c.account_id == new.account_id)
            )
            connection.execute(
                insert(new_authenticator).values(
                    id=new.id,
                    account_id=new.account_id,
                    name=new.name,
                    secret=new.sealed_secret,
                    expires_at=new.expires_at,
                    tries_left=new.tries_left,
                )
            )
            return True

        return self._act(by, event, offer)

    @again_after_deadlock
    def spend_try(self, account_id: str, new_id: str, *, at: int) -> NewAuthenticator | None:
        """The half-done phone with one try less; None, and gone, where no try was left."""
        mine = (new_authenticator.c.id == new_id, new_authenticator.c.account_id == account_id)
        good = (new_authenticator.c.tries_left > 0, new_authenticator.c.expires_at > at)
        spent = update(new_authenticator).where(*mine, *good)
        with self._database.write() as connection:
            left = spent.values(tries_left=new_authenticator.c.tries_left - 1)
            if connection.execute(left).rowcount != 1:
                connection.execute(delete(new_authenticator).where(*mine))
                return None
            row = connection.execute(select(new_authenticator).where(*mine)).one()
        return NewAuthenticator(
            id=row.id,
            account_id=row.account_id,
            name=row.name,
            expires_at=row.expires_at,
            tries_left=row.tries_left,
            sealed_secret=row.secret,
        )

    def confirm(self, phone: TotpAuthenticator, event: Event, *, by: LoginSession, most: int) -> bool:
        """Make a half-done phone one of the account's. False where it is over, or there are ``most``."""

        def bind(connection: Connection) -> bool:
            half_done = delete(new_authenticator).where(
                new_authenticator.c.id == phone.id,
                new_authenticator.c.account_id == by.account_id,
                new_authenticator.c.expires_at > event.at,
            )
            won = connection.execute(half_done).rowcount == 1 and _count(connection, by.account_id) < most
            if won:
                insert_authenticator(connection, phone)
            return won

        return self._act(by, event, bind)

    def rename(self, phone_id: str, name: str, event: Event, *, by: LoginSession) -> bool:
        """Another name."""
        named = update(totp_authenticator).where(
            totp_authenticator.c.id == phone_id, totp_authenticator.c.account_id == by.account_id
        )
        return self._act(by, event, lambda connection: _one(connection, named.values(name=name)))

    def remove(self, phone_id: str, event: Event, *, by: LoginSession) -> bool:
        """Remove a phone, raise the epoch, end all other logins, forget known browsers. Not the only one."""
        me = by.account_id

        def unbind(connection: Connection) -> bool:
            gone = delete(totp_authenticator).where(
                totp_authenticator.c.id == phone_id, totp_authenticator.c.account_id == me
            )
            if not _one(connection, gone) or _count(connection, me) == 0:
                return False
            connection.execute(update(account).where(account.c.id == me).values(epoch=account.c.epoch + 1))
            end_logins(connection, me, EndReason.FACTOR_RESET, event.at, but=by.id)
            forget_browsers(connection, me)
            return True

        return self._act(by, event, unbind)

    def replace_recovery_codes(self, digests: Sequence[bytes], event: Event, *, by: LoginSession) -> bool:
        """New codes in the place of all old ones."""

        def replace(connection: Connection) -> bool:
            connection.execute(delete(recovery_code).where(recovery_code.c.account_id == by.account_id))
            insert_recovery_codes(connection, by.account_id, digests, event.at)
            return True

        return self._act(by, event, replace)

    @again_after_deadlock
    def _act(self, by: LoginSession, event: Event, act: Callable[[Connection], bool]) -> bool:
        """One transaction, all or nothing, in which the login that asks is still open."""
        with self._database.write() as connection:
            raise_revision(connection, by.account_id)
            done = (
                still_of_epoch(connection, by.account_id, None, event.at)
                and still_serves(connection, by.id, event.at)
                and act(connection)
            )
            if not done:
                connection.rollback()
                return False
            write_event(connection, event)
        return True


def _one(connection: Connection, statement: Update | Delete) -> bool:
    return connection.execute(statement).rowcount == 1


def _count(connection: Connection, account_id: str) -> int:
    """How many phones an account has; the revision's lock keeps it so until the transaction ends."""
    phones = select(func.count()).where(totp_authenticator.c.account_id == account_id)
    return int(connection.execute(phones).scalar_one())
