"""What the login needs from a store: narrow Protocols, one atomic fact a method.

Each method is one transaction, durable when it returns. A method that claims something says in its
result whether it won; it never reads first and writes later. Where a method takes an :class:`Event`, the
event is written in the same transaction as the fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from .events import Event, Notice
from .model import (
    AccessToken,
    Account,
    AccountChange,
    Claim,
    EndedLogin,
    EndReason,
    Enrollment,
    EnrollmentCode,
    KnownBrowserRow,
    LoginSession,
    PendingLogin,
    Refusal,
    Role,
    TotpAuthenticator,
)
from .policy import Throttle


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
        self,
        account_id: str,
        sealed: bytes,
        event: Event,
        *,
        reason: EndReason,
        but: str | None = None,
        keep_tokens: bool = False,
    ) -> bool:
        """Set the password, raise the epoch, end all logins and access tokens, forget all known browsers.

        ``but``: the login that asks for it; it stays, and where it is not open any more nothing is done.
        ``keep_tokens``: for a person who changes their own, as GitHub does; not where it was lost.
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
        """A new enrollment code; logins and tokens ended, known browsers forgotten; the old factor stays."""


class Revisions(Protocol):
    """What tells a process that something changed, here or in another one."""

    def revision(self) -> int:
        """A number that rises whenever a login or token ends or an account changes, in any process."""

    def changed_accounts(self, since: int, until: int) -> frozenset[str] | None:
        """The accounts that the steps behind ``since``, up to ``until``, are about. None: it could be any."""


class LoginStore(Revisions, Protocol):
    """Pending logins, login sessions and known browsers."""

    def add_pending(self, pending: PendingLogin, event: Event) -> None: ...
    def spend_try(self, digest: bytes, *, at: int) -> PendingLogin | None:
        """The pending login with one try less, or None where there is none, or no try left."""

    def give_up(self, digest: bytes, *, throttle_key: bytes, epoch: int) -> tuple[int, ...]:
        """End a pending login that its browser begins anew, over or not; its charges, oldest first.

        Empty where there is none with that key and epoch.
        """

    def pending(self, digest: bytes, *, at: int) -> PendingLogin | None: ...

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

        False where the step or recovery code was spent, the pending login used, or the account no longer
        the one the pending login was made for (changed epoch, disabled, deleted).
        """

    def grant_nothing(self, *, at: int) -> None:
        """The statements of a grant that fails, on nobody's rows: for the time they take (R7)."""

    def deny(self, pending: PendingLogin, event: Event, *, charged: bool) -> None:
        """Note a wrong code, and when it was charged, if it was: a later success gives that back."""

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
    def bring_forward(
        self, account_id: str, reason: EndReason, event: Event, *, ends_at: int, only: str | None = None
    ) -> int:
        """Let live logins of the account end at ``ends_at``, none later than it would; how many end then."""

    def touch(self, seen: dict[bytes, int]) -> None:
        """Write when logins were last seen, in one batch."""

    def purge(self, *, at: int, ended_before: int) -> None:
        """Drop what has ended; what was pending, once its slips are too old to be given back."""


class AccessTokenStore(Revisions, Protocol):
    """Access tokens. What ends one takes its row away."""

    def add(
        self, token: AccessToken, *, epoch: int, login_id: str, most: int, event: Event
    ) -> Refusal | None:
        """Keep a new token (None), while its maker's login lives and the account is as it was.

        UNKNOWN where that is not so; TOO_MANY where the account has ``most`` already.
        """

    def find_many(self, digests: Iterable[bytes], *, at: int) -> dict[bytes, tuple[AccessToken, Account]]:
        """Those of the tokens that are alive, with their usable accounts."""

    def of_account(self, account_id: str, *, at: int) -> list[AccessToken]: ...
    def revoke(self, account_id: str, token_id: str, event: Event) -> bool: ...
    def touch(self, seen: dict[bytes, tuple[int, str]]) -> None:
        """Write when tokens were last used, and from which address, in one batch."""


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

    def reopen(self, key: bytes, rule: Throttle, *, at: int) -> None:
        """Open a closed counter again, at ``rule.reopened`` failures and the longest delay from now."""

    def bound(self, most: int) -> None:
        """Keep so many of the counters that can be forgotten: those with the most failures, the newest."""


class EventStore(Protocol):
    """The audit log."""

    def add(self, *events: Event) -> None: ...
    def last_sure_time(self) -> int:
        """When somebody logged in, or the operator unlocked an account, most recently; 0 before the first."""

    def notice(self, account_id: str, login_id: str) -> Notice:
        """The login before this one, and what failed since."""

    def purge(self, *, before: int, strangers_before: int, most_of_strangers: int) -> None:
        """Drop what is older; of strangers' events, keep the newest ``most_of_strangers``."""

    def list(
        self,
        *,
        account_id: str | None = None,
        username: str | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[tuple[int, Event]]: ...
