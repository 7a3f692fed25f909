"""What people do to their own security: one function an act, for the JSON API and for the account page.

Each asks for a fresh login where it adds or changes (R27), and raises ApiError where it cannot be done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..core import recovery, totp
from ..core.access_tokens import NewToken
from ..core.accounts import Refused
from ..core.authenticators import Offer
from ..core.model import Account, Denied, LoginSession, Refusal, TotpAuthenticator
from ..core.names import read_label
from ..core.rights import ALL
from .asking import ENDING, ApiError, Asking
from .cookies import Cookie
from .login_pages import SERVER_CLOCK, WRONG
from .visitor import attach

_STATUS = {
    Refusal.UNKNOWN: (404, "not-found"),
    Refusal.EXPIRED: (403, "signed-out"),
    Refusal.NAME_TAKEN: (409, None),
    Refusal.LAST_ADMIN: (409, None),
    Refusal.LAST_FACTOR: (409, None),
    Refusal.TOO_MANY: (409, None),
    Refusal.CLOSED: (409, "disabled"),
    Refusal.DENIED: (400, "malformed"),
}

_SENTENCES = {
    Refusal.UNKNOWN: "There is no such authenticator.",
    Refusal.EXPIRED: "Please sign in.",
    Refusal.LAST_FACTOR: "This is your only authenticator. Add another one first.",
    Refusal.TOO_MANY: "There are ten authenticators already. Remove one first.",
}


# -- what a refusal is, as the contract's error ------------------------------------------------------


def error_of(refused_act: Refused) -> ApiError:
    """An act that was refused, as the contract's error."""
    return _error(refused_act.refusal, str(refused_act))


def refused(denied: Denied) -> ApiError:
    """429 with Retry-After, 503 where the clock is wrong, or 401."""
    if denied.refusal is Refusal.THROTTLED:
        seconds = denied.retry_after or 1
        sentence = f"Too many tries. Wait {seconds} seconds."
        return ApiError(429, "throttled", sentence, retry_after=seconds)
    if denied.refusal is Refusal.SERVER_CLOCK:
        return ApiError(503, "clock", SERVER_CLOCK, retry_after=60)
    return ApiError(401, "denied", WRONG)


def _error(refusal: Refusal, sentence: str) -> ApiError:
    status, word = _STATUS.get(refusal, (400, None))
    return ApiError(status, word or refusal.value, sentence)


def _wrong(denied: Denied) -> ApiError:
    return _error(denied.refusal, _SENTENCES[denied.refusal])


# -- this login --------------------------------------------------------------------------------------


async def step_up(asking: Asking, password: str, code: str) -> LoginSession:
    """Both factors again: the login is fresh, under a new cookie (R23), also for the rest of this request."""
    insist_on_code(code)
    services, login = asking.now.services, asking.login
    if login.session.ending is not None:
        raise ApiError(403, "ending", ENDING)
    outcome = await asking.hashing(
        services.stepup.step_up,
        login,
        typed_password=password,
        typed_code=code,
        origin=asking.origin,
    )
    if isinstance(outcome, Denied):
        raise refused(outcome)
    asking.rim.cookies.put_renewed(asking, outcome)
    renewed = await asking.storing(services.logins.load, outcome.bearer)
    await asking.settled()
    attach(asking.request, replace(asking.visitor, login=renewed, bearer=outcome.bearer))
    return outcome.value


def insist_on_code(text: str) -> None:
    """400 for what can be neither kind of code: it is not charged."""
    if totp.read(text) is None and recovery.read(text) is None:
        raise ApiError(400, "malformed", "The code is neither six digits nor a recovery code.")


# -- phones and recovery codes -----------------------------------------------------------------------


async def begin_phone(asking: Asking, typed_name: str) -> Offer:
    """A further phone's secret, this once. The old ones go on."""
    login, name = asking.fresh_login, _label(typed_name)
    flow = asking.now.services.authenticators
    offer = await asking.storing(flow.begin, login, name=name, origin=asking.origin)
    if isinstance(offer, Denied):
        raise _wrong(offer)
    return offer


def uri_of(asking: Asking, offer: Offer) -> str:
    """The ``otpauth:`` URI of a further phone."""
    return totp.uri(offer.secret, username=asking.login.account.username, issuer=asking.now.issuer)


async def confirm_phone(asking: Asking, new_id: str, typed_code: str) -> TotpAuthenticator:
    """Its first code: it is one of one's phones now."""
    login, digits = asking.fresh_login, totp.read(typed_code)
    if digits is None:
        raise ApiError(400, "malformed", "A code is the six digits that the app shows.")
    flow = asking.now.services.authenticators
    phone = await asking.storing(flow.confirm, login, new_id, digits=digits, origin=asking.origin)
    if isinstance(phone, Denied):
        raise _not_confirmed(phone)
    return phone


def _not_confirmed(denied: Denied) -> ApiError:
    if denied.refusal is Refusal.UNKNOWN:
        return ApiError(404, "not-found", "Its time or its tries are over. Please begin again.")
    if denied.refusal is not Refusal.DENIED:
        return _wrong(denied)
    if denied.drift is None:
        return ApiError(401, "denied", "That code is wrong.")
    off = f"The phone's or the server's clock is off by {abs(denied.drift)} seconds."
    return ApiError(401, "denied", f"That code is of another minute: {off}")


async def rename_phone(asking: Asking, phone_id: str, typed_name: str) -> TotpAuthenticator:
    """Another name."""
    login, name = asking.fresh_login, _label(typed_name)
    flow = asking.now.services.authenticators
    phone = await asking.storing(flow.rename, login, phone_id, name=name, origin=asking.origin)
    if isinstance(phone, Denied):
        raise _wrong(phone)
    return phone


async def remove_phone(asking: Asking, phone_id: str) -> None:
    """Take it off; all other logins end."""
    flow = asking.now.services.authenticators
    denied = await asking.storing(flow.remove, asking.fresh_login, phone_id, asking.origin)
    if denied is not None:
        raise _wrong(denied)
    await asking.settled()


async def new_recovery_codes(asking: Asking) -> tuple[str, ...]:
    """Ten new ones, this once; the old ones are void."""
    flow = asking.now.services.authenticators
    codes = await asking.storing(flow.new_recovery_codes, asking.fresh_login, asking.origin)
    if isinstance(codes, Denied):
        raise _wrong(codes)
    return codes


def _label(typed: str) -> str:
    name = read_label(typed)
    if name is None:
        raise ApiError(400, "malformed", "A name has 1 to 64 visible characters.")
    return name


# -- what others see of a person -----------------------------------------------------------------------


async def change_profile(asking: Asking, *, display_name: str, initials: str, color: str) -> Account:
    """Name, initials and colour. They open nothing, so a login need not be fresh."""
    who, accounts = asking.login.account, asking.now.services.accounts
    named = {"display_name": display_name, "initials": initials, "color": color}
    client = asking.origin.client
    try:
        changed = await asking.storing(accounts.set_profile, who, **named, actor=who.username, client=client)
    except Refused as refused_act:
        raise error_of(refused_act) from None
    await asking.settled()
    return changed


# -- password, logins, access tokens -----------------------------------------------------------------


async def change_password(asking: Asking, password: str) -> None:
    """A new one; all other logins end, and no browser is known any more."""
    login, client = asking.fresh_login, asking.origin.client
    choose = asking.now.services.accounts.choose_password
    try:
        await asking.hashing(choose, login.account, password, by=login.session, client=client)
    except Refused as refused_act:
        raise error_of(refused_act) from None
    await asking.settled()


async def end_login(asking: Asking, login_id: str, *, grace: int = 0) -> None:
    """End one of one's own logins, maybe this one, maybe after a grace. Somebody else's is not there."""
    mine, logins = asking.login, asking.now.services.logins
    if not await asking.storing(logins.end, mine, login_id, asking.origin.client, grace=grace):
        raise ApiError(404, "not-found", "There is no such login.")
    await asking.settled()
    if login_id == mine.session.id and not grace:
        asking.rim.cookies.clear(asking, Cookie.LOGIN)


async def end_other_logins(asking: Asking) -> None:
    """End all of one's logins but this one."""
    await asking.storing(asking.now.services.logins.end_others, asking.login, asking.origin.client)
    await asking.settled()


@dataclass(frozen=True)
class WantedToken:
    """What a person chooses of a new token."""

    name: str
    days: int | None = None
    scopes: tuple[str, ...] = (ALL,)
    path_prefix: str = ""


async def make_token(asking: Asking, wanted: WantedToken) -> NewToken:
    """An access token, its string this once. A login that is not fresh steps up first."""
    create = asking.now.services.access_tokens.create
    client = asking.origin.client
    made = await asking.storing(create, asking.login, **vars(wanted), client=client)
    if isinstance(made, Denied):
        raise _no_token(made)
    return made


def _no_token(denied: Denied) -> ApiError:
    match denied.refusal:
        case Refusal.STEP_UP:
            return ApiError(403, "step-up", "Please give password and code once more.")
        case Refusal.TOO_MANY:
            return ApiError(409, "too-many", "You have too many access tokens. Revoke one first.")
        case Refusal.UNKNOWN:
            return ApiError(403, "signed-out", "Please sign in.")
        case _:
            return ApiError(400, denied.refusal.value, denied.text)


async def revoke_token(asking: Asking, token_id: str) -> None:
    """Revoke one of one's tokens, which needs no step-up. Somebody else's is not there."""
    account, client = asking.login.account, asking.origin.client
    revoke = asking.now.services.access_tokens.revoke
    if not await asking.storing(revoke, account, token_id, actor=account.username, client=client):
        raise ApiError(404, "not-found", "There is no such access token.")
    await asking.settled()
