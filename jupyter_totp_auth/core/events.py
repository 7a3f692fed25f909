"""The audit log's vocabulary: one event a fact, from a list that is never reused (R46, ASVS 16.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class EventKind(str, Enum):
    """What happened. The strings are part of the log's contract: add, never rename or reuse."""

    SETUP_LINK = "setup-link"
    ACCOUNT_ADDED = "account-added"
    ACCOUNT_DELETED = "account-deleted"
    ACCOUNT_DISABLED = "account-disabled"
    ACCOUNT_ENABLED = "account-enabled"
    ROLE_CHANGED = "role-changed"
    TERMINALS_CHANGED = "terminals-changed"
    PROFILE_CHANGED = "profile-changed"
    PASSWORD_SET = "password-set"  # noqa: S105
    ENROLLMENT_CODE = "enrollment-code"
    ENROLLED = "enrolled"
    ENROLLMENT_DENIED = "enrollment-denied"
    FACTOR_RESET = "factor-reset"
    UNLOCKED = "unlocked"
    FIRST_FACTOR_PASSED = "first-factor-passed"
    FIRST_FACTOR_DENIED = "first-factor-denied"
    SECOND_FACTOR_DENIED = "second-factor-denied"
    CODE_REPLAYED = "code-replayed"
    RECOVERY_CODE_USED = "recovery-code-used"
    LOGIN = "login"
    LOGIN_ENDED = "login-ended"
    LOGIN_LOCKED = "login-locked"
    LOGIN_UNLOCKED = "login-unlocked"
    UNLOCK_DENIED = "unlock-denied"
    AUTHENTICATOR_BEGUN = "authenticator-begun"
    AUTHENTICATOR_ADDED = "authenticator-added"
    AUTHENTICATOR_DENIED = "authenticator-denied"
    AUTHENTICATOR_RENAMED = "authenticator-renamed"
    AUTHENTICATOR_REMOVED = "authenticator-removed"
    RECOVERY_CODES_MADE = "recovery-codes-made"
    EXPIRY_CHANGED = "expiry-changed"
    STEP_UP = "step-up"
    STEP_UP_DENIED = "step-up-denied"
    LOGINS_ENDED = "logins-ended"
    LOGIN_ENDING = "login-ending"
    LOGINS_ENDING = "logins-ending"
    NOTICE_SENT = "notice-sent"
    NOTICE_WITHDRAWN = "notice-withdrawn"
    TOKEN_MADE = "token-made"  # noqa: S105
    TOKEN_REVOKED = "token-revoked"  # noqa: S105
    CLOCK_REFUSED = "clock-refused"
    SEAL_BROKEN = "seal-broken"
    STORE_MADE = "store-made"
    STORE_BACKED_UP = "store-backed-up"
    STORE_RESTORED = "store-restored"
    STORE_REKEYED = "store-rekeyed"
    OLD_KEYS_DROPPED = "old-keys-dropped"
    STORE_EXPORTED = "store-exported"
    STORE_IMPORTED = "store-imported"
    CELL_RUN = "cell-run"
    TERMINAL_STARTED = "terminal-started"
    TERMINAL_OPENED = "terminal-opened"
    TERMINAL_CLOSED = "terminal-closed"
    RUNS_LOST = "runs-lost"
    KERNEL_STARTED = "kernel-started"
    KERNEL_RESTARTED = "kernel-restarted"
    KERNEL_STOPPED = "kernel-stopped"


STRANGERS = (
    EventKind.FIRST_FACTOR_DENIED,
    EventKind.SECOND_FACTOR_DENIED,
    EventKind.ENROLLMENT_DENIED,
    EventKind.CLOCK_REFUSED,
)
"""What anybody can cause any number of, as long as no account is meant."""

FAILED = (EventKind.FIRST_FACTOR_DENIED, EventKind.SECOND_FACTOR_DENIED, EventKind.CODE_REPLAYED)
"""What an account's owner is told of at the next login (ASVS 6.3.5)."""

BEHIND_A_WRONG_PASSWORD = "password"  # noqa: S105
"""The detail of a denied second factor that followed a denied first one: both are one failed login."""

KNOWN_BROWSER = "known browser"
"""The detail of a denied first factor whose sender was told so at once."""

WHO_RAN_WHAT = frozenset(
    {
        EventKind.CELL_RUN,
        EventKind.KERNEL_RESTARTED,
        EventKind.KERNEL_STARTED,
        EventKind.KERNEL_STOPPED,
        EventKind.TERMINAL_CLOSED,
        EventKind.TERMINAL_OPENED,
        EventKind.TERMINAL_STARTED,
    }
)
"""What is logged as it happens, whether or not the store answers; its row follows."""

_SAID_TO_BE_WRONG = frozenset(
    {
        EventKind.SECOND_FACTOR_DENIED,
        EventKind.CODE_REPLAYED,
        EventKind.ENROLLMENT_DENIED,
        EventKind.UNLOCK_DENIED,
        EventKind.STEP_UP_DENIED,
    }
)


@dataclass(frozen=True)
class Event:
    """One fact. ``actor`` is who did it (a user name, ``operator`` for the CLI, or empty for a stranger).

    ``account`` is the name of an account that exists: what somebody typed into the name field of the
    login page is never logged, since it is a password often enough.
    """

    kind: EventKind
    at: int
    account_id: str | None = None
    account: str | None = None
    actor: str = ""
    client: str = ""
    login: str | None = None
    detail: str = ""


def is_failed_try(event: Event) -> bool:
    """Whether somebody was just told that a password, a code or an enrollment code is wrong.

    Not a wrong password whose sender went on to the code page: nothing was said yet, so nothing may be seen
    from outside either. A ban that follows only wrong passwords would tell which one is right (R7).
    """
    if event.kind is EventKind.FIRST_FACTOR_DENIED:
        return event.detail == KNOWN_BROWSER
    return event.kind in _SAID_TO_BE_WRONG


@dataclass(frozen=True)
class Notice:
    """What a person is told of their account: the login before this one, and what failed since."""

    last_login: Event | None
    failed: int = 0
    clients: tuple[str, ...] = ()
    """Where from, most often first, at most :data:`MOST_CLIENTS`."""

    has_more: bool = False
    """Whether it was more addresses than these."""

    own: int = 0
    """How many of them came from this login's own address in the ten minutes before it: slips, mostly."""

    past_password: int = 0
    """How many of all the others had the password right."""

    @property
    def is_news(self) -> bool:
        """Whether to say it unasked. Not a slip or two of one's own: who is told of each reads no more."""
        return self.failed > self.own or self.own > MOST_OWN


MOST_CLIENTS = 5

MOST_OWN = 5
"""More than that is no slip, whatever address it comes from: somebody may share it."""
