"""``adduser --here``: the whole enrollment at the terminal, by the same flow and charges as the pages."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from ..core import totp
from ..core.binding import Bound
from ..core.enrollment import Stage
from ..core.model import Denied, Issued, Origin, Refusal, Role
from .links import front_url
from .terminal import draw_qr, new_password, note, say
from .verb import ACTOR, NotDone, WrongUsage

if TYPE_CHECKING:
    from .context import Context

_ORIGIN = Origin("terminal")
_MINUTE = 60
_TOO_LATE = "That took too long, or too many codes were wrong."
_WRONG = "That code does not fit. Wait for the next one, and type it while the app shows it."


def enroll_here(arguments: Namespace, role: Role, context: Context) -> None:
    """Password, account, phone, recovery codes. Raises NotDone and WrongUsage."""
    if not sys.stdout.isatty():
        raise WrongUsage(
            "--here shows the phone's key and the recovery codes, so it prints to a terminal only"
        )
    services, username = context.services, arguments.username
    services.accounts.check(username, expires_at=arguments.expires)
    password = new_password(lambda p: services.accounts.password_objection(p, username=username))
    invitation = services.accounts.add(
        username,
        role,
        actor=ACTOR,
        display_name=arguments.display_name or "",
        expires_at=arguments.expires,
    )
    try:
        codes = _bind_phone(context, username, invitation.code, password)
    except (KeyboardInterrupt, EOFError):
        raise _half_done(username, "Stopped.") from None
    say("")
    say("Recovery codes, each good for one login without the phone. Keep them where the phone is not:")
    say("")
    for code in codes:
        say(f"    {code}")
    say("")
    say(f"{username} can log in at {front_url(context)}")


def _half_done(username: str, reason: str) -> NotDone:
    return NotDone(
        f"{reason} The account {username} is there, but has no second factor and cannot log in yet. "
        f"Go on with: jupyter totp reset {username}"
    )


def _bind_phone(context: Context, username: str, code: str, password: str) -> tuple[str, ...]:
    """The recovery codes, once a code of the phone is confirmed."""
    enrollment = context.services.enrollment
    begun = enrollment.start(code, _ORIGIN)
    if not isinstance(begun, Issued):
        raise _half_done(username, "Somebody else has made a new link for this account meanwhile.")
    stage = enrollment.choose(begun.bearer, typed_name=username, typed_password=password)
    if not isinstance(stage, Stage) or stage.secret is None:
        raise _half_done(username, _TOO_LATE)
    _show_key(stage.secret, username, context.settings.issuer)
    while True:
        typed = input("The code that the app shows: ")
        match enrollment.confirm_without_login(begun.bearer, typed_code=typed, origin=_ORIGIN):
            case Bound(recovery_codes=codes):
                return codes
            case Denied(refusal=Refusal.DENIED, text=text):
                note(text or _WRONG)
            case Denied(refusal=Refusal.CLOCK, drift=drift):
                note(_clock_is_off(drift or 0))
            case Denied():
                raise _half_done(username, _TOO_LATE)


def _show_key(secret: bytes, username: str, issuer: str) -> None:
    say("")
    say("Scan this with an authenticator app:")
    say("")
    draw_qr(totp.uri(secret, username=username, issuer=issuer))
    say("")
    say(f"Or type this key into it: {totp.to_base32(secret)}")
    say("")


def _clock_is_off(drift: int) -> str:
    """``drift`` in seconds; positive: the phone is ahead."""
    minutes = max(round(abs(drift) / _MINUTE), 1)
    off = "a minute" if minutes == 1 else f"{minutes} minutes"
    return (
        f"Your phone's or this machine's clock is off by about {off}. Set the phone's clock to "
        "be set automatically, then type the next code."
    )
