"""Every number of the login, each with its source, and the decisions that follow from them alone."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

DECOY_MEMORY = 30 * DAY
"""How long the counter is kept that is charged in the place of the real one, where the password was wrong."""


@dataclass(frozen=True)
class Throttle:
    """How failures grow into waiting: ``free`` tries at once, then the delay doubles up to ``cap``."""

    free: int
    first_delay: int
    cap: int
    limit: int
    memory: int | None = 30 * DAY
    """Seconds after the last counted failure after which the count is forgotten; None: never. At the
    limit it is never. The same for names that do not exist, or the difference would tell them apart."""
    silent: bool = False
    """Nobody is told that there is a wait: then a refusal has to take as long as a count."""

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

    # Enrollment: NIST SP 800-63B-4 §4.1.2.2
    enrollment_code_lifetime: int = DAY
    enrollment_form_lifetime: int = 30 * MINUTE
    """For choosing a name and a password; the QR then has its own, shorter life."""
    enrollment_lifetime: int = 10 * MINUTE
    enrollment_tries: int = 5

    # Login sessions: NIST SP 800-63B-4 §2.2.3 (AAL2: reauthenticate after 24 h)
    login_lifetime: int = DAY
    fresh_for: int = 5 * MINUTE
    idle_timeout: int = 0
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

    recovery_codes: int = 10
    authenticators: int = 10
    """The most phones of one account: each doubles, triples… the chance of a guess."""

    ended_login_memory: int = 30 * DAY
    """How long an ended login stays in the store, so that the person can be told why."""
