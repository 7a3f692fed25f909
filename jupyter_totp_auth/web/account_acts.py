"""The acts of the page ``account``: which fields a form sends, what is done, what the person sees next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ..core import qr, totp
from ..core.accounts import Invitation
from ..core.model import AccountChange
from ..core.policy import DAY, HOUR, MINUTE
from ..core.profiles import initials_of
from ..core.rights import ALL, SCOPES
from ..wiring import enrollment_link, moment
from . import acts, notice_acts, people_acts
from .asking import ApiError, Asking
from .pages import PageHandler
from .people_acts import ROLES, TERMINALS

NAME, PHONES, CODES, LOGINS = "name", "phones", "recovery-codes", "logins"
TOKENS, PASSWORD, PEOPLE = "access-tokens", "password", "people"

SINGLE_SCOPES = tuple(scope for scope in SCOPES if scope != ALL)
"""What a token may be limited to. Each is the name of a box: a field of a form has one value here."""

LASTS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}
"""How long a notice is shown, by what a form calls it."""

NOT_THE_SAME = "The two passwords are not the same."


class Acting(Asking, PageHandler):
    """A form of the account page, with the login that sent it."""


@dataclass(frozen=True)
class Shown:
    """A page that stands in this one answer: most of them hold what is shown once."""

    template: str
    variables: dict[str, Any] = field(default_factory=dict, repr=False)


Next = str | Shown
"""A word of :data:`DONE`, told after a redirect; or the page that this answer is."""

DONE = {
    "name-changed": (NAME, "This is how others see you from now on."),
    "phone-added": (PHONES, "The phone is added. Its codes open logins from now on."),
    "phone-replaced": (
        PHONES,
        "The new phone is added and the old one removed. All your other logins are ended.",
    ),
    "phone-renamed": (PHONES, "The phone has its new name."),
    "phone-removed": (PHONES, "The phone is removed. All your other logins are ended."),
    "login-ended": (LOGINS, "That login is ended."),
    "others-ended": (LOGINS, "All your other logins are ended."),
    "token-revoked": (TOKENS, "The access token is revoked. Whatever used it is cut off."),
    "password-changed": (PASSWORD, "The new password counts from now on. All your other logins are ended."),
    "confirmed": (
        PASSWORD,
        "You are confirmed: for five minutes things can be added and changed. Please go on.",
    ),
    "account-changed": (PEOPLE, "The account is changed."),
    "account-disabled": (PEOPLE, "The account is disabled and its logins are ended."),
    "account-enabled": (PEOPLE, "The account is enabled again."),
    "their-logins-ended": (PEOPLE, "All logins of that person are ended."),
    "their-logins-ending": (
        PEOPLE,
        "All logins of that person end in a minute; their pages save until then.",
    ),
    "account-deleted": (PEOPLE, "The account is deleted."),
    "notice-sent": (PEOPLE, "Everybody is told."),
    "notice-withdrawn": (PEOPLE, "The notice is taken back."),
}
"""By a word: the section it is told in, and the sentence."""


@dataclass(frozen=True)
class Act:
    """One form: where it stands, what it is for in words ("To …"), and what it does.

    ``kept`` are the fields that come back with a refusal and survive a step-up: never a password or a code.
    ``again`` is what follows a step-up where the act itself cannot, for want of those.
    """

    section: str
    purpose: str
    do: Callable[[Acting], Awaitable[Next]]
    kept: tuple[str, ...] = ()
    again: Callable[[Acting], Next] | None = None


# -- name, initials, colour ----------------------------------------------------------------------------


async def _change_name(page: Acting) -> Next:
    who = page.login.account
    shown, short = page.field("display_name"), page.field("initials")
    await acts.change_profile(
        page, display_name=shown, initials=short or initials_of(shown), color=page.field("color") or who.color
    )
    return "name-changed"


# -- phones and recovery codes -----------------------------------------------------------------------


async def _add_phone(page: Acting) -> Next:
    offer = await acts.begin_phone(page, page.field("name").strip() or "Phone")
    uri = acts.uri_of(page, offer)
    secret = {"secret": totp.to_base32(offer.secret), "uri": uri, "qr_svg": qr.svg(uri)}
    return Shown("account_phone.html", {"id": offer.id, "replaces": page.field("replaces"), **secret})


def confirm_once_more(page: Acting) -> Shown:
    """The form for the new phone's first code without its secret, which was shown."""
    begun = {name: page.field(name) for name in ("id", "replaces")}
    return Shown("account_phone.html", {**begun, "secret": "", "uri": "", "qr_svg": ""})


async def _confirm_phone(page: Acting) -> Next:
    await acts.confirm_phone(page, page.field("id"), page.field("code"))
    if not page.field("replaces"):
        return "phone-added"
    await acts.remove_phone(page, page.field("replaces"))
    return "phone-replaced"


async def _rename_phone(page: Acting) -> Next:
    await acts.rename_phone(page, page.field("id"), page.field("name"))
    return "phone-renamed"


async def _remove_phone(page: Acting) -> Next:
    await acts.remove_phone(page, page.field("id"))
    return "phone-removed"


async def _new_recovery_codes(page: Acting) -> Next:
    codes = await acts.new_recovery_codes(page)
    return Shown("account_codes.html", {"codes": codes, "username": page.login.account.username})


# -- logins, access tokens, password -----------------------------------------------------------------


async def _end_login(page: Acting) -> Next:
    await acts.end_login(page, page.field("id"))
    return "login-ended"


async def _end_other_logins(page: Acting) -> Next:
    await acts.end_other_logins(page)
    return "others-ended"


async def _create_token(page: Acting) -> Next:
    days = page.field("days").strip()
    if days and not (days.isdecimal() and days.isascii() and len(days) <= len("365")):
        raise ApiError(400, "malformed", "The days are a whole number from 1 to 365.")
    folder = page.field("path_prefix").strip()
    wanted = acts.WantedToken(page.field("name"), int(days) if days else None, _scopes(page), folder)
    made = await acts.make_token(page, wanted)
    front = people_acts.front_url(page)
    return Shown("account_token.html", {"token": made.token, "text": made.text, "front_url": front})


def _scopes(page: Acting) -> tuple[str, ...]:
    """What was chosen; everything where a form says nothing of it. Never more than one of the two says."""
    ticked = tuple(scope for scope in SINGLE_SCOPES if page.field(scope))
    extent = page.field("extent") or ("some" if ticked else ALL)
    if extent == ALL and ticked:
        raise ApiError(400, "malformed", "Either everything, or what is ticked: please choose one.")
    if extent != ALL and not ticked:
        raise ApiError(400, "malformed", "Tick what the token may do.")
    return (ALL,) if extent == ALL else ticked


async def _revoke_token(page: Acting) -> Next:
    await acts.revoke_token(page, page.field("id"))
    return "token-revoked"


async def _change_password(page: Acting) -> Next:
    password = page.field("password")
    if password != page.field("password_again"):
        raise ApiError(400, "malformed", NOT_THE_SAME)
    await acts.change_password(page, password)
    return "password-changed"


# -- people ------------------------------------------------------------------------------------------


async def _add_account(page: Acting) -> Next:
    role = ROLES.get(page.field("role") or "member")
    if role is None:
        raise ApiError(400, "malformed", f"A role is one of: {', '.join(ROLES)}.")
    name, shown = page.field("username").strip(), page.field("name").strip()
    until = last_second_of(page.field("ends"))
    return _invitation(page, await people_acts.add(page, name, role, display_name=shown, expires_at=until))


async def _reset_account(page: Acting) -> Next:
    return _invitation(page, await people_acts.reset(page, page.field("id")))


def _invitation(page: Acting, made: Invitation) -> Shown:
    link = enrollment_link(made, people_acts.front_url(page))
    return Shown("account_invitation.html", {"invitation": made, "link": link, "qr_svg": qr.svg(link)})


async def _change_account(page: Acting) -> Next:
    role, until = ROLES.get(page.field("role")), last_second_of(page.field("ends"))
    terminals = TERMINALS.get(page.field("terminals"))
    wanted = AccountChange(role=role, expires_at=until, endless=until is None, terminals=terminals)
    await people_acts.change(page, page.field("id"), wanted)
    return "account-changed"


async def _disable_account(page: Acting) -> Next:
    await people_acts.change(page, page.field("id"), AccountChange(disabled=True))
    return "account-disabled"


async def _enable_account(page: Acting) -> Next:
    await people_acts.change(page, page.field("id"), AccountChange(disabled=False))
    return "account-enabled"


async def _end_their_logins(page: Acting) -> Next:
    is_soon = page.field("when") == "soon"
    await people_acts.end_logins(page, page.field("id"), grace=MINUTE if is_soon else 0)
    return "their-logins-ending" if is_soon else "their-logins-ended"


async def _send_notice(page: Acting) -> Next:
    lasts = LASTS.get(page.field("lasts"))
    if lasts is None:
        raise ApiError(400, "malformed", "Please choose how long it is shown.")
    await notice_acts.send(page, page.field("message"), lasts)
    return "notice-sent"


async def _withdraw_notice(page: Acting) -> Next:
    await notice_acts.withdraw(page, page.field("id"))
    return "notice-withdrawn"


async def _delete_account(page: Acting) -> Next:
    await people_acts.remove(page, page.field("id"))
    return "account-deleted"


def last_second_of(day: str) -> int | None:
    """The end of a day in UTC, as a date field sends it; None where it is empty. ApiError 400."""
    at = moment(f"{day}T23:59:59Z") if day else None
    if day and at is None:
        raise ApiError(400, "malformed", "A day is written like 2027-01-31.")
    return at


ACTS = {
    "change-name": Act(NAME, "change your name", _change_name, ("display_name", "initials", "color")),
    "add-phone": Act(PHONES, "add a phone", _add_phone, ("name", "replaces")),
    "confirm-phone": Act(
        PHONES, "confirm the new phone", _confirm_phone, ("id", "replaces"), again=confirm_once_more
    ),
    "rename-phone": Act(PHONES, "rename the phone", _rename_phone, ("id", "name")),
    "remove-phone": Act(PHONES, "remove the phone", _remove_phone, ("id",)),
    "new-recovery-codes": Act(CODES, "make new recovery codes", _new_recovery_codes),
    "end-login": Act(LOGINS, "end that login", _end_login, ("id",)),
    "end-other-logins": Act(LOGINS, "end your other logins", _end_other_logins),
    "create-token": Act(
        TOKENS,
        "make an access token",
        _create_token,
        ("name", "days", "extent", *SINGLE_SCOPES, "path_prefix"),
    ),
    "revoke-token": Act(TOKENS, "revoke the access token", _revoke_token, ("id",)),
    "change-password": Act(PASSWORD, "choose a new password", _change_password, again=lambda _: "confirmed"),
    "add-account": Act(PEOPLE, "add somebody", _add_account, ("username", "name", "role", "ends")),
    "change-account": Act(PEOPLE, "change the account", _change_account, ("id", "role", "terminals", "ends")),
    "disable-account": Act(PEOPLE, "disable the account", _disable_account, ("id",)),
    "enable-account": Act(PEOPLE, "enable the account", _enable_account, ("id",)),
    "reset-account": Act(PEOPLE, "reset the second factor", _reset_account, ("id",)),
    "end-their-logins": Act(PEOPLE, "end those logins", _end_their_logins, ("id", "when")),
    "send-notice": Act(PEOPLE, "tell everybody", _send_notice, ("message", "lasts")),
    "withdraw-notice": Act(PEOPLE, "take the notice back", _withdraw_notice, ("id",)),
    "delete-account": Act(PEOPLE, "delete the account", _delete_account, ("id",)),
}
"""By the last part of the form's own URL."""
