"""All checks, one after the other. Nothing that a check meets ends the others."""

from __future__ import annotations

from collections.abc import Sequence

from . import doors, files, listening, people, rules, store, versions
from .finding import Blocked, CannotLook, Check, Finding, NothingThere, Seen, Verdict, green, yellow
from .subject import Subject

CHECKS: tuple[Check[Subject], ...] = (
    *rules.CHECKS,
    *doors.CHECKS,
    *listening.CHECKS,
    *files.CHECKS,
    *store.CHECKS,
    *people.CHECKS,
    *versions.CHECKS,
)


def examine(subject: Subject, checks: Sequence[Check[Subject]] = CHECKS) -> list[Finding]:
    """What each check finds, in their order."""
    return [check.finding(examined(check, subject)) for check in checks]


def examined(check: Check[Seen], seen: Seen) -> Verdict:
    """What a check says. What it meets does not end the others; raises Blocked alone."""
    try:
        return check.look(seen)
    except Blocked:
        raise
    except NothingThere as reason:
        return green(f"{reason}.")
    except CannotLook as reason:
        return yellow(f"Not looked at. {reason}.", _AGAIN)
    except OSError as error:
        where = f" of {error.filename}" if error.filename else ""
        return yellow(f"Not looked at: {error.strerror or type(error).__name__}{where}.", _AS_USER)
    except Exception as error:  # noqa: BLE001 - whatever a machine has to offer; without words, which can quote
        return yellow(f"Not looked at ({type(error).__name__}).", _AGAIN)


_AGAIN = "jupyter totp doctor  (when the other findings are mended)"
_AS_USER = "sudo -u USER jupyter totp doctor  (as the server's user)"
