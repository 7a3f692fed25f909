"""The frozen values that the login speaks in; no behaviour, no I/O.

Times are whole seconds since the Unix epoch (UTC). Ids are random and opaque (32 hex characters).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar, Union

T = TypeVar("T")


class Role(str, Enum):
    """What an account is for; the rights behind each are the authorizer's business."""

    ADMIN = "admin"
    MEMBER = "member"
    READER = "reader"


class Terminals(str, Enum):
    """Whether an account may have terminals; ``step-up``: where both factors were given lately."""

    YES = "yes"
    NO = "no"
    STEP_UP = "step-up"


class EndReason(str, Enum):
    """Why a login ended. The words are stored and shown: never reuse one for something else."""

    LOGGED_OUT = "logged-out"
    ENDED_ELSEWHERE = "ended-elsewhere"
    ENDED_BY_ADMIN = "ended-by-admin"
    EXPIRED = "expired"
    DISABLED = "account-disabled"
    DELETED = "account-deleted"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - the name of a fact, not a password
    FACTOR_RESET = "factor-reset"
    RESTORED = "store-restored"


@dataclass(frozen=True)
class Account:
    """A person's record here."""

    id: str
    username: str
    display_name: str
    initials: str
    color: str
    role: Role
    disabled: bool
    created_at: int
    expires_at: int | None
    enrolled: bool
    epoch: int
    """Rises whenever the password or the second factor changes; what was bound to an older one is void."""
    sealed_password: bytes | None = field(repr=False)
    terminals: Terminals = Terminals.YES

    def usable(self, *, at: int) -> bool:
        """Whether this account may log in at ``at``."""
        return self.enrolled and self.is_open(at=at)

    def is_open(self, *, at: int) -> bool:
        """Whether it is neither disabled nor past its time."""
        return not self.disabled and (self.expires_at is None or self.expires_at > at)


@dataclass(frozen=True)
class TotpAuthenticator:
    """One enrolled phone: a sealed secret and the last time step it was used for (RFC 6238 §5.2)."""

    id: str
    account_id: str
    name: str
    last_step: int
    sealed_secret: bytes = field(repr=False)
    created_at: int
    last_used_at: int | None = None


@dataclass(frozen=True)
class NewAuthenticator:
    """A further phone that has not shown its first code yet; the account's own phones go on meanwhile."""

    id: str
    account_id: str
    name: str
    expires_at: int
    tries_left: int
    sealed_secret: bytes = field(repr=False)


@dataclass(frozen=True)
class PendingLogin:
    """Between the factors (R6). ``account_id`` is None for a name that does not exist."""

    digest: bytes = field(repr=False)
    account_id: str | None
    password_ok: bool
    epoch: int
    known_browser: bool
    expires_at: int
    tries_left: int
    throttle_key: bytes = field(repr=False)
    charges: tuple[int, ...] = ()
    """When this browser's wrong codes were charged: a success gives the latest back (R14)."""


@dataclass(frozen=True)
class LoginSession:
    """After both factors. The bearer itself is only in the browser; here is its digest (R23).

    ``id`` stays for the login's whole life; the digest changes at a step-up.
    """

    digest: bytes = field(repr=False)
    id: str
    account_id: str
    created_at: int
    last_seen_at: int
    expires_at: int
    client: str
    user_agent: str
    fresh_at: int
    """When both factors were given last (R27)."""
    active_at: int
    """When a person last did something; polls and timers are not a person (R25)."""
    locked_at: int | None = None
    """Since when nothing is served until one factor is given."""
    stays: bool = False
    """The browser keeps the cookie when it is closed: the person chose so."""
    ending: EndReason | None = None
    """Why it ends before its time, at ``expires_at``: somebody has said so, and has left it a grace."""

    def fresh(self, *, at: int, within: int) -> bool:
        """Whether both factors were given at most ``within`` seconds ago. Never again in a grace.

        The grace is for saving: whoever is being shown out must not add a phone or a token meanwhile.
        """
        return self.ending is None and at - self.fresh_at <= within


@dataclass(frozen=True)
class AccessToken:
    """A bearer string of an account's programs. The string is only with them; here is its digest (R38)."""

    digest: bytes = field(repr=False)
    id: str
    account_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    last_used_at: int | None
    last_used_from: str = ""
    """The client's address, as of that time."""
    path_prefix: str = ""
    """The folder that its scopes are for, without slashes at its ends; empty: the whole notebook folder."""


@dataclass(frozen=True)
class Claim:
    """What the second factor used up: a time step of an authenticator, or a recovery code by its digest."""

    authenticator_id: str | None = None
    step: int | None = None
    recovery_digest: bytes | None = field(default=None, repr=False)


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
    terminals: Terminals | None = None


@dataclass(frozen=True)
class EndedLogin:
    """A login that is over, as long as the store remembers why."""

    ended_at: int
    reason: EndReason


@dataclass(frozen=True)
class Origin:
    """Where a request came from, as far as it can be trusted."""

    client: str
    user_agent: str = ""


@dataclass(frozen=True)
class Enrollment:
    """A half-done set-up (R36): what the person has given so far, bound to one browser by a cookie."""

    digest: bytes = field(repr=False)
    code_digest: bytes = field(repr=False)
    account_id: str
    """Decided at the start, also where the account row is only made at the confirmation (first set-up)."""
    creates_account: bool
    username: str | None
    authenticator_id: str
    expires_at: int
    tries_left: int
    sealed_password: bytes | None = field(repr=False)
    sealed_secret: bytes | None = field(repr=False)


@dataclass(frozen=True)
class EnrollmentCode:
    """The one-time string that allows a phone to be bound; ``account_id`` is None for a first set-up."""

    digest: bytes = field(repr=False)
    account_id: str | None
    expires_at: int


class Refusal(str, Enum):
    """Why something was refused. A person sees one sentence; this word goes to the audit log."""

    DENIED = "denied"
    THROTTLED = "throttled"
    CLOSED = "closed"
    EXPIRED = "expired"
    CLOCK = "clock-off"
    SERVER_CLOCK = "server-clock"
    WEAK_PASSWORD = "weak-password"  # noqa: S105 - the name of a refusal
    BAD_NAME = "bad-name"
    NAME_TAKEN = "name-taken"
    UNKNOWN = "unknown"
    LAST_FACTOR = "last-authenticator"
    LAST_ADMIN = "last-admin"
    STEP_UP = "step-up"
    BAD_SCOPE = "scopes"
    BAD_PREFIX = "path-prefix"
    BAD_LIFETIME = "bad-lifetime"
    TOO_MANY = "too-many"


@dataclass(frozen=True)
class Issued(Generic[T]):
    """Evidence that a step was passed: the value, and the bearer that goes into a cookie, nowhere else."""

    value: T
    bearer: str = field(repr=False)


@dataclass(frozen=True)
class Denied:
    """A refusal is a value. ``retry_after`` and ``drift`` are seconds; ``text`` is for the person's eyes."""

    refusal: Refusal
    retry_after: int | None = None
    drift: int | None = None
    text: str = ""


Outcome = Union[Issued[T], Denied]  # noqa: UP007 - "|" on a generic alias needs Python 3.11
