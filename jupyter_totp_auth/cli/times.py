"""How long, and until when, in the words of a command line."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import date, datetime, time, timezone

_LENGTH = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LONGEST_GRACE = 3600
"""``core.endings.LONGEST_GRACE``, which is not imported for a ``--help``."""
_SECONDS = {"m": 60, "h": 3600, "d": 86400}


def length(text: str) -> int:
    """Seconds in ``10m``, ``24h``, ``7d``. Raises ArgumentTypeError."""
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise ArgumentTypeError(f"{text!a} is no length of time; write 10m, 24h or 7d")
    return int(match[1]) * _SECONDS[match[2]]


def grace(text: str) -> int:
    """Seconds that logins are left, from 0 (none) to an hour. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_LONGEST_GRACE)):
        raise ArgumentTypeError(f"{text!a} is no number of seconds up to {_LONGEST_GRACE}")
    if int(text) > _LONGEST_GRACE:
        raise ArgumentTypeError(f"a grace is at most {_LONGEST_GRACE} seconds")
    return int(text)


def moment(text: str) -> int:
    """The last second of a day (2027-01-31, in UTC), or an ISO date-time (in UTC, where it names no zone).

    Raises ArgumentTypeError.
    """
    try:
        if _DAY.fullmatch(text):
            last = datetime.combine(date.fromisoformat(text), time(23, 59, 59))
        else:
            last = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))  # Python 3.10 knows no Z
        return int((last if last.tzinfo else last.replace(tzinfo=timezone.utc)).timestamp())
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!a} is no date; write 2027-01-31 or 2027-01-31T18:00:00Z") from None


def readable(at: int) -> str:
    """For people: to the minute, in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
