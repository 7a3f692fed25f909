"""Enrollment codes and half-done enrollments."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..core.events import Event
from ..core.model import (
    Account,
    EndReason,
    Enrollment,
    EnrollmentCode,
    KnownBrowserRow,
    LoginSession,
    TotpAuthenticator,
)
from .database import Database, again_after_deadlock
from .login_statements import insert_known_browser, insert_login
from .revision import raise_revision
from .rows import account_values, end_logins, end_tokens, forget_browsers, write_event
from .tables import account, enrollment, enrollment_code, recovery_code, totp_authenticator


class SqlEnrollments:
    """Implements ``core.ports.EnrollmentStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again_after_deadlock
    def put_code(self, code: EnrollmentCode, event: Event) -> None:
        """Put a code in the place of any other for the same account (or for the set-up)."""
        with self._database.write() as connection:
            raise_revision(
                connection, code.account_id
            )  # for its lock: of two at once the later must find the earlier
            insert_code(connection, code)
            write_event(connection, event)

    def code(self, digest: bytes, *, at: int) -> EnrollmentCode | None:
        """The code, if it is still good at ``at``."""
        query = select(enrollment_code).where(
            enrollment_code.c.digest == digest, enrollment_code.c.expires_at > at
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else EnrollmentCode(row.digest, row.account_id, row.expires_at)

    @again_after_deadlock
    def start(self, value: Enrollment, *, at: int) -> bool:
        """Begin, voiding a half-done try with the same code. False where the code is gone."""
        with self._database.write() as connection:
            if not _hold_code(connection, value.code_digest, at):
                return False
            connection.execute(delete(enrollment).where(enrollment.c.code_digest == value.code_digest))
            connection.execute(
                insert(enrollment).values(
                    digest=value.digest,
                    code_digest=value.code_digest,
                    account_id=value.account_id,
                    creates_account=value.creates_account,
                    username=value.username,
                    authenticator_id=value.authenticator_id,
                    expires_at=value.expires_at,
                    tries_left=value.tries_left,
                    password=value.sealed_password,
                    secret=value.sealed_secret,
                )
            )
        return True

    def find(self, digest: bytes, *, at: int) -> Enrollment | None:
        """The half-done enrollment, if it is still good at ``at`` and has a try left."""
        with self._database.read() as connection:
            found = _find(connection, digest, at)
        return found if found is not None and found.tries_left > 0 else None

    def spend_try(self, digest: bytes, *, at: int) -> Enrollment | None:
        """The enrollment with one try less, or None where there is none, or no try left.

        The row stays until its time is over: deleted here, it took with it the tries that others are still
        checking, and of six right confirmations at once none got in.
        """
        with self._database.write() as connection:
            spent = connection.execute(
                update(enrollment)
                .where(
                    enrollment.c.digest == digest,
                    enrollment.c.tries_left > 0,
                    enrollment.c.expires_at > at,
                )
                .values(tries_left=enrollment.c.tries_left - 1)
            )
            return _find(connection, digest, at) if spent.rowcount == 1 else None

    def save(
        self,
        digest: bytes,
        *,
        username: str | None,
        sealed_password: bytes | None,
        sealed_secret: bytes,
        expires_at: int,
        at: int,
    ) -> bool:
        """Keep what was chosen; False where the enrollment is over."""
        statement = (
            update(enrollment)
            .where(enrollment.c.digest == digest, enrollment.c.expires_at > at)
            .values(
                username=username,
                password=sealed_password,
                secret=sealed_secret,
                expires_at=expires_at,
            )
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    @again_after_deadlock
    def complete(
        self,
        value: Enrollment,
        *,
        account: Account,
        authenticator: TotpAuthenticator,
        recovery_digests: Sequence[bytes],
        session: LoginSession | None,
        known: KnownBrowserRow | None,
        events: Sequence[Event],
        at: int,
    ) -> bool:
        """Spend the code, bind the phone, write the recovery codes, open the login: all or nothing."""
        try:
            with self._database.write() as connection:
                raise_revision(connection, account.id)
                won = _spend_code(connection, value, at) and _put_account(connection, value, account, at)
                if not won:
                    connection.rollback()
                    return False
                insert_authenticator(connection, authenticator)
                insert_recovery_codes(connection, authenticator.account_id, recovery_digests, at)
                if session is not None:
                    insert_login(connection, session)
                if known is not None:
                    insert_known_browser(connection, known)
                for entry in events:
                    write_event(connection, entry)
        except IntegrityError:  # the name was taken meanwhile
            return False
        return True


def insert_code(connection: Connection, code: EnrollmentCode) -> None:
    """Put a code in the place of any other for the same account (None: for the set-up)."""
    same = (
        enrollment_code.c.account_id.is_(None)
        if code.account_id is None
        else enrollment_code.c.account_id == code.account_id
    )
    connection.execute(delete(enrollment_code).where(same))
    connection.execute(
        insert(enrollment_code).values(
            digest=code.digest, account_id=code.account_id, expires_at=code.expires_at
        )
    )


def _find(connection: Connection, digest: bytes, at: int) -> Enrollment | None:
    query = select(enrollment).where(enrollment.c.digest == digest, enrollment.c.expires_at > at)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Enrollment(
        digest=row.digest,
        code_digest=row.code_digest,
        account_id=row.account_id,
        creates_account=row.creates_account,
        username=row.username,
        authenticator_id=row.authenticator_id,
        expires_at=row.expires_at,
        tries_left=row.tries_left,
        sealed_password=row.password,
        sealed_secret=row.secret,
    )


def _hold_code(connection: Connection, digest: bytes, at: int) -> bool:
    """Whether the code is good. An update, so that its row is locked: of two with one code, one waits."""
    held = connection.execute(
        update(enrollment_code)
        .where(enrollment_code.c.digest == digest, enrollment_code.c.expires_at > at)
        .values(expires_at=enrollment_code.c.expires_at)
    )
    return held.rowcount == 1


def _spend_code(connection: Connection, value: Enrollment, at: int) -> bool:
    """Use the code up, if this enrollment is still the one begun with it; the row count decides."""
    if not _hold_code(connection, value.code_digest, at):
        return False
    taken = connection.execute(delete(enrollment).where(enrollment.c.digest == value.digest))
    if taken.rowcount != 1:  # voided: the code was entered again
        return False
    connection.execute(delete(enrollment_code).where(enrollment_code.c.digest == value.code_digest))
    return True


def _put_account(connection: Connection, value: Enrollment, new: Account, at: int) -> bool:
    """Make or change the account; on a first set-up only while nobody is enrolled."""
    if value.creates_account:
        if connection.execute(select(account.c.id).where(account.c.enrolled)).first() is not None:
            return False
        connection.execute(insert(account).values(**account_values(new)))
    else:
        changed = connection.execute(
            update(account)
            .where(
                account.c.id == new.id,
                account.c.epoch == new.epoch - 1,
                account.c.disabled.is_(False),
            )
            .values(enrolled=True, epoch=new.epoch, password=new.sealed_password)
        )
        if changed.rowcount != 1:
            return False
        end_logins(connection, new.id, EndReason.FACTOR_RESET, at)
        # Those too that were made since the reset: until now the old phone could.
        end_tokens(connection, new.id)
        forget_browsers(connection, new.id)
        for table in (totp_authenticator, recovery_code):
            connection.execute(delete(table).where(table.c.account_id == new.id))
    # Somebody can log in now: there is no first set-up any more.
    connection.execute(delete(enrollment_code).where(enrollment_code.c.account_id.is_(None)))
    return True


def insert_authenticator(connection: Connection, authenticator: TotpAuthenticator) -> None:
    """Bind a phone."""
    connection.execute(
        insert(totp_authenticator).values(
            id=authenticator.id,
            account_id=authenticator.account_id,
            name=authenticator.name,
            secret=authenticator.sealed_secret,
            last_step=authenticator.last_step,
            created_at=authenticator.created_at,
            last_used_at=authenticator.last_used_at,
        )
    )


def insert_recovery_codes(connection: Connection, account_id: str, digests: Sequence[bytes], at: int) -> None:
    """Codes that can be used from now on."""
    rows = [{"digest": digest, "account_id": account_id, "created_at": at} for digest in digests]
    connection.execute(insert(recovery_code), rows)
