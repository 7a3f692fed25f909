"""How logins are ended: at once, or after a grace in which their pages save."""

from __future__ import annotations

from dataclasses import replace

from .events import Event, EventKind
from .model import EndReason
from .policy import HOUR
from .ports import LoginStore

LONGEST_GRACE = HOUR
"""Seconds. What shall go on for longer is not ended, but given another end."""

_WITH_GRACE = {
    EventKind.LOGIN_ENDED: EventKind.LOGIN_ENDING,
    EventKind.LOGINS_ENDED: EventKind.LOGINS_ENDING,
}


def end(
    logins: LoginStore,
    reason: EndReason,
    event: Event,
    *,
    account_id: str,
    only: str | None = None,
    grace: int = 0,
) -> int:
    """End one login (``only``) or all of an account; how many. ``event`` tells of an end at once.

    With a grace their own end is brought forward to it, never put off: it then comes by itself, also where
    nobody does anything any more.
    """
    if grace:
        told = replace(event, kind=_WITH_GRACE[event.kind], detail=f"in {grace} s")
        return logins.bring_forward(account_id, reason, told, ends_at=event.at + grace, only=only)
    if only is None:
        return logins.end_all(account_id, reason, event)
    return int(logins.end(account_id, only, reason, event))
