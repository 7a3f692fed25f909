"""What the login needs from a store: narrow Protocols, one atomic fact a method.

Each method is one transaction, durable when it returns. A method that claims something says in its
result whether it won; it never reads first and writes later. Where a method takes an :class:`Event`, the
event is written in the same transaction as the fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .events import Event
from .model import (
    Account,
    EndedLogin,
    EndReason,
    Enrollment,
    EnrollmentCode,
    LoginSession,
    NewAuthenticator,
    PendingLogin,
    Role,
    TotpAuthenticator,
)
from .policy import Throttle


@dataclass(frozen=True)
class Claim:
    """What the second factor used up: a time step of an authenticator, or a recovery code by its digest."""

    authenticator_id: str | None = None
    step: int | None = None
    recovery_digests: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class KnownBrowserRow:
    """A known-browser cookie's digest, bound to an account as it was (R15)."""

    digest: bytes = field(repr=False)
    account_id: str
    epoch: int
    expires_at: int


@dataclass(frozen=True)
class AccountChange:
    """What an administrator changes of an account, all at once; None leaves a thing as it is."""

    role: Role | None = None
    disabled: bool | None = None
    expires_at: int | None = None
    endless: bool = False
    """No expiry any more."""


class AccountStore(Protocol):
    """Accounts and their phones."""

    def by_name(self, username: str) -> Account | None: ...
    def by_id(self, account_id: str) -> Account | None: ...
    def all(self) -> list[Account]: ...
    def any_enrolled(self) -> bool: ...
    def authenticators(self, account_id: str) -> list[TotpAuthenticator]: ...
    def recovery_codes_left(self, account_id: str) -> int: ...
    def last_logins(self) -> dict[str, int]:
        """When each account logged in last, by its id, as far back as logins are kept."""

    def add(self, account: Account, code: EnrollmentCode, events: Sequence[Event]) -> bool:
        """Whether the name was free and the account is now there, with the code that enrolls it."""

    def set_password(
        self, account_id: str, sealed: bytes, event: Event, *, reason: EndReason, but: str | None = None
    ) -> bool:
        """Set the password, raise the epoch, end all logins, forget all known browsers.

        ``but``: the login that asks for it; it stays, and where it is not open any more nothing is done.
        """

    def replace_hash(self, account_id: str, *, old: bytes, new: bytes) -> bool:
        """Compare-and-set of the sealed hash: a rehash, no change of password."""

    def set_role(self, account_id: str, role: Role, event: Event) -> bool: ...
    def set_disabled(self, account_id: str, event: Event, *, disabled: bool) -> bool: ...
    def set_profile(
        self, account_id: str, *, display_name: str, initials: str, color: str, event: Event
    ) -> bool: ...
    def amend(self, account_id: str, change: AccountChange, events: Sequence[Event]) -> bool:
        """Change it, all or nothing. False where it is gone, or where no administrator would be left."""

    def delete(self, account_id: str, event: Event, *, keep_admin: bool = False) -> bool:
        """Remove it; with ``keep_admin`` not where no administrator would be left."""

    def reset(self, account_id: str, code: EnrollmentCode, events: Sequence[Event]) -> bool:
        """A new enrollment code; logins ended, known browsers forgotten; the old factor stays."""


class LoginStore(Protocol):
    """Pending logins, login sessions and known browsers."""

    def add_pending(self, pending: PendingLogin, event: Event) -> None: ...
    def spend_try(self, digest: bytes, *, at: int) -> PendingLogin | None:
        """The pending login with one try less, or None where there is none, or no try left."""

    def pending(self, digest: bytes, *, at: int) -> PendingLogin | None: ...

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

        False where the step or recovery code was spent, the pending login used, or the account no longer
        the one the pending login was made for (changed epoch, disabled, deleted).
        """

    def grant_nothing(self, *, at: int) -> None:
        """The statements of a grant that fails, on nobody's rows: for the time they take (R7)."""

    def deny(self, pending: PendingLogin, event: Event, *, charged: bool) -> None:
        """Note a wrong code, and whether it was charged: a later success gives that back."""

    def known_browser(self, digest: bytes, *, at: int) -> KnownBrowserRow | None: ...
    def find(self, digest: bytes, *, at: int) -> tuple[LoginSession, Account] | None:
        """The live login and its usable account."""

    def find_many(self, login_ids: Iterable[str], *, at: int) -> dict[str, tuple[LoginSession, Account]]:
        """The same for many, by their ids: a step-up changes a login's digest, not its id."""

    def lock(self, login_id: str, event: Event, *, idle_since: int | None = None) -> bool:
        """Lock a live login; with ``idle_since`` only if nobody has done anything since then."""

    def unlock(
        self,
        login: LoginSession,
        claim: Claim | None,
        refunds: Sequence[tuple[bytes, int]],
        event: Event,
    ) -> bool:
        """Claim, and serve a locked login again, all or nothing. False where it is not locked (any more)."""

    def renew(
        self,
        login: LoginSession,
        digest: bytes,
        epoch: int,
        claim: Claim,
        refunds: Sequence[tuple[bytes, int]],
        events: Sequence[Event],
    ) -> bool:
        """Claim, and give a live login another digest and freshness, all or nothing.

        False where the step was spent, the login changed or ended, or its account is not of that epoch.
        """

    def set_active(self, login_id: str, *, at: int) -> bool:
        """Note that a person did something. False where the login is locked or over."""

    def ended(self, digest: bytes) -> EndedLogin | None: ...
    def of_account(self, account_id: str, *, at: int) -> list[LoginSession]: ...
    def end(self, account_id: str, login_id: str, reason: EndReason, event: Event) -> bool: ...
    def end_all(self, account_id: str, reason: EndReason, event: Event, *, but: str | None = None) -> int: ...
    def touch(self, seen: dict[bytes, int]) -> None:
        """Write when logins were last seen, in one batch."""

    def revision(self) -> int:
        """A number that rises whenever a login ends or an account changes, in any process."""

    def purge(self, *, at: int, ended_before: int) -> None:
        """Drop what has ended."""


class FactorStore(Protocol):
    """What an enrolled person adds and removes: further phones, recovery codes.

    ``by`` is the login that asks. Memory may be a moment behind, so each method looks in its own transaction
    whether that login is still open; where it is not, nothing is done and the answer is False.
    """

    def begin(self, new: NewAuthenticator, event: Event, *, by: LoginSession, most: int) -> bool:
        """Offer a phone, voiding a half-done offer. False where there are ``most`` phones."""

    def spend_try(self, account_id: str, new_id: str, *, at: int) -> NewAuthenticator | None:
        """The half-done phone with one try less, or None where there is none, or no try left."""

    def confirm(self, phone: TotpAuthenticator, event: Event, *, by: LoginSession, most: int) -> bool:
        """Make a half-done phone one of the account's. False where it is over, or there are ``most``."""

    def rename(self, phone_id: str, name: str, event: Event, *, by: LoginSession) -> bool: ...
    def remove(self, phone_id: str, event: Event, *, by: LoginSession) -> bool:
        """Remove a phone, raise the epoch, end all other logins, forget known browsers. Not the only one."""

    def replace_recovery_codes(self, digests: Sequence[bytes], event: Event, *, by: LoginSession) -> bool:
        """New codes in the place of all old ones."""


class EnrollmentStore(Protocol):
    """Enrollment codes and half-done enrollments."""

    def put_code(self, code: EnrollmentCode, event: Event) -> None:
        """Put a code in the place of any other for the same account (or for the set-up)."""

    def code(self, digest: bytes, *, at: int) -> EnrollmentCode | None: ...
    def start(self, enrollment: Enrollment, *, at: int) -> bool:
        """Begin, voiding a half-done try with the same code. False where the code is gone."""

    def find(self, digest: bytes, *, at: int) -> Enrollment | None: ...
    def spend_try(self, digest: bytes, *, at: int) -> Enrollment | None: ...
    def save(
        self,
        digest: bytes,
        *,
        username: str | None,
        sealed_password: bytes | None,
        sealed_secret: bytes,
        expires_at: int,
        at: int,
    ) -> bool: ...
    def complete(
        self,
        enrollment: Enrollment,
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


class ThrottleStore(Protocol):
    """Failure counters, shared by all processes."""

    def charge(self, key: bytes, rule: Throttle, *, at: int, account_id: str | None = None) -> int | None:
        """Count a failure in advance. None: go on; else the seconds to wait, and nothing was counted."""

    def refund(self, key: bytes, count: int, *, at: int) -> None: ...
    def reset(self, account_id: str, event: Event) -> None:
        """Forget every counter of an account."""


class EventStore(Protocol):
    """The audit log."""

    def add(self, event: Event) -> None: ...
    def list(
        self,
        *,
        account_id: str | None = None,
        username: str | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[tuple[int, Event]]: ...
