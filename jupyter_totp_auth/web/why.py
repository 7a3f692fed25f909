"""Why a request is refused, in one sentence: for whoever still holds the cookie of a login that is over."""

from __future__ import annotations

from ..core.model import EndReason
from .visitor import Visitor

SIGN_IN = "Please sign in."
UNLOCK = "Please unlock."

_ENDED = {
    EndReason.LOGGED_OUT: "This login was logged out.",
    EndReason.ENDED_ELSEWHERE: "This login was ended from another browser.",
    EndReason.ENDED_BY_ADMIN: "An administrator has ended this login.",
    EndReason.EXPIRED: "This login has reached its end, as each does after a while.",
    EndReason.DISABLED: "This account is disabled.",
    EndReason.DELETED: "This account is not here any more.",
    EndReason.PASSWORD_CHANGED: "The password was changed, and that has ended this login.",
    EndReason.FACTOR_RESET: "The second factor was replaced, and that has ended this login.",
    EndReason.RESTORED: "The account store was restored from a backup, and that has ended all logins.",
}


def why_signed_out(visitor: Visitor | None) -> str:
    """A stranger is asked to sign in, and told no more; a login's own cookie tells how it ended."""
    if visitor is None or visitor.ended is None:
        return SIGN_IN
    return f"{_ENDED[visitor.ended.reason]} {SIGN_IN}"


def why_locked(idle_for: int | None) -> str:
    """``idle_for``: seconds without input that have locked it; None: its person did."""
    if idle_for is None:
        return f"This login was locked. {UNLOCK}"
    minutes = max(1, idle_for // 60)
    time = "an hour" if minutes == 60 else "a minute" if minutes == 1 else f"{minutes} minutes"  # noqa: PLR2004
    return f"Nobody has typed or clicked for {time}, so this login is locked. {UNLOCK}"
