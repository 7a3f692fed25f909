"""Every number of the login, each with its source, and the decisions that follow from them alone."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SLIP_MEMORY = 10 * MINUTE
"""How long ago a browser's own wrong code may be for its success to give it back (R14)."""

_CLOSED_MEMORY = 36_500 * DAY
"""Not None: a row that can never go could not be bounded, and names that nobody has are closed, too."""


@dataclass(frozen=True)
class Throttle:
    """How failures grow into waiting: ``free`` tries at once, then the delay doubles up to ``cap``."""

    free: int
    first_delay: int
    cap: int
    limit: int
    """At so many failures it is closed: no try is evaluated, until ``reopen`` or ``reset`` of the store."""
    memory: int | None = 30 * DAY
    """Seconds after the last counted failure after which the count is forgotten; None: never. At the
    limit it is never. The same for names that do not exist, or the difference would tell them apart."""
    silent: bool = False
    """Nobody is told that there is a wait: then a refusal has to take as long as a count."""

    @property
    def reopened(self) -> int:
        """What a closed counter falls back to when it is opened again: every further try waits longest."""
        slowest = (count for count in range(self.free, self.limit) if self.delay(count) == self.cap)
        return next(slowest, self.limit - 1)

    def forget_at(self, failures: int, *, at: int) -> int | None:
        """When a count of ``failures`` may be forgotten. A closed one is kept: a month must not open it."""
        if self.memory is None:
            return None
        return at + (_CLOSED_MEMORY if failures >= self.limit else self.memory)

    def delay(self, failures: int) -> int:
        """Seconds to wait after ``failures`` consecutive failures."""
        if failures < self.free:
            return 0
        # Bounded before the shift: an unbounded 2**n locked django-otp's owners out for 18 h (17 misses).
        doublings = min(failures - self.free, 20)
        return min(self.first_delay << doublings, self.cap)


@dataclass(frozen=True)
class Policy:
    """The rules of this installation; the defaults are the requirements of SECURITY.md (R6-R37)."""

    # Passwords: NIST SP 800-63B-4 §3.1.1.2 (>= 8 within MFA; we ask more), ASVS 6.2.1, 6.2.9
    password_min: int = 12
    password_max: int = 1024

    # TOTP: RFC 6238 §4 and §5.2 (one step of delay either way), RFC 4226 R6 (160 bit)
    totp_window: int = 1
    drift_reach: int = 10
    """How far (steps) an outside code is looked for, only to say that a clock is off."""

    # Pending login: ASVS 6.6.2
    pending_lifetime: int = 5 * MINUTE
    pending_tries: int = 5

    # The server's clock: ASVS 6.5.8 (R11)
    earliest: int = 1_767_225_600
    """2026-01-01, before this was written: a clock that shows less has not been set."""
    clock_tolerance: int = 5 * MINUTE

    # Enrollment: NIST SP 800-63B-4 §4.1.2.2
    enrollment_code_lifetime: int = DAY
    enrollment_form_lifetime: int = 30 * MINUTE
    """For choosing a name and a password; the QR then has its own, shorter life."""
    enrollment_lifetime: int = 10 * MINUTE
    enrollment_tries: int = 5

    # Login sessions: NIST SP 800-63B-4 §2.2.3 (AAL2: reauthenticate after 24 h)
    login_lifetime: int = DAY
    fresh_for: int = 5 * MINUTE
    idle_timeout: int = HOUR
    """Seconds without a person's input until a login is locked (NIST SP 800-63B-4 §2.2.3). 0: off."""
    activity_step: int = 10
    """So coarsely (seconds) a person's input is written down: not at each key."""

    known_browser_lifetime: int = 90 * DAY

    # Guessing: NIST SP 800-63B-4 §3.2.2 (at most 100 consecutive failures, growing delays)
    password_unknown: Throttle = Throttle(free=5, first_delay=1, cap=15 * MINUTE, limit=100)
    password_known: Throttle = Throttle(free=10, first_delay=1, cap=15 * MINUTE, limit=10)
    code_unknown: Throttle = Throttle(free=10, first_delay=30, cap=HOUR, limit=20, memory=None, silent=True)
    code_known: Throttle = Throttle(free=10, first_delay=30, cap=HOUR, limit=100, silent=True)

    # Behind a login: step-up and unlocking. Counters of that login alone, so that a notebook's script cannot
    # spend the owner's budget; closed, it takes a new login. With a 3-step window 20 codes are 6e-5 (R14).
    password_stepup: Throttle = Throttle(free=5, first_delay=1, cap=15 * MINUTE, limit=20)
    code_stepup: Throttle = Throttle(free=5, first_delay=30, cap=HOUR, limit=20)

    address_burst: int = 20
    """Tries of unknown browsers at once from one network, then half as many a minute (R16). 0: no limit."""

    # What strangers can make the store keep: R18, CWE-770
    most_counters: int = 100_000
    event_memory: int = 400 * DAY
    strangers_event_memory: int = 30 * DAY
    most_strangers_events: int = 100_000

    recovery_codes: int = 10
    authenticators: int = 10
    """The most phones of one account: each doubles, triples… the chance of a guess."""

    # Access tokens: they always end (R38)
    access_token_days: int = 90
    access_token_days_max: int = 365
    access_tokens_max: int = 50

    # Notices to everybody: few, since who reads five reads none
    notice_days_max: int = 30
    most_notices: int = 5

    ended_login_memory: int = 30 * DAY
    """How long an ended login stays in the store, so that the person can be told why."""
