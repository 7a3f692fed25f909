"""The JSON API of one's own person: phones, recovery codes, password, history, profile.

What adds or changes is behind a step-up (R27); a secret is in the one answer that makes it, never again.
"""

from __future__ import annotations

from typing import Any

from tornado import web

from ..core import qr, totp
from ..core.accounts import Refused
from ..core.logins import LiveLogin
from ..core.model import Denied, Refusal, TotpAuthenticator
from ..core.names import read_label
from ..wiring import as_document, iso
from .account_api import ApiError, ApiHandler, MeHandler, describe
from .enroll_pages import PASSWORD_BODY
from .fields import string

_MOST_EVENTS = 200
_LONGEST_NUMBER = 15

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


def error_of(refused: Refused) -> ApiError:
    """An act that was refused, as the contract's error."""
    return _error(refused.refusal, str(refused))


def _error(refusal: Refusal, sentence: str) -> ApiError:
    status, word = _STATUS.get(refusal, (400, None))
    return ApiError(status, word or refusal.value, sentence)


def _wrong(denied: Denied) -> ApiError:
    return _error(denied.refusal, _SENTENCES[denied.refusal])


class AuthenticatorsHandler(ApiHandler):
    """My phones."""

    @web.authenticated
    async def get(self) -> None:
        """All of them, oldest first; of their secrets nothing."""
        mine = self.login.account.id
        phones = await self.storing(self.rim.services.authenticators.of_account, mine)
        self.answer({"authenticators": [_as_phone(phone) for phone in phones]})

    @web.authenticated
    async def post(self) -> None:
        """Begin with a further one: its secret, this once. The old ones go on."""
        self.insist_on_own_request()
        login, name = self.fresh_login, _label(self)
        flow = self.rim.services.authenticators
        offer = await self.storing(flow.begin, login, name=name, origin=self.origin)
        if isinstance(offer, Denied):
            raise _wrong(offer)
        uri = totp.uri(offer.secret, username=login.account.username, issuer=self.rim.issuer)
        document = {"id": offer.id, "secret": totp.to_base32(offer.secret), "uri": uri, "qr_svg": qr.svg(uri)}
        self.answer(document, 201)


class ConfirmHandler(ApiHandler):
    """The first code of a further phone."""

    @web.authenticated
    async def post(self, new_id: str) -> None:
        """200: it is one of my phones now."""
        self.insist_on_own_request()
        login, (typed,) = self.fresh_login, self.strings("code")
        digits = totp.read(typed)
        if digits is None:
            raise ApiError(400, "malformed", "A code is the six digits that the app shows.")
        flow = self.rim.services.authenticators
        phone = await self.storing(flow.confirm, login, new_id, digits=digits, origin=self.origin)
        if isinstance(phone, Denied):
            raise _not_confirmed(phone)
        self.answer(_as_phone(phone))


def _not_confirmed(denied: Denied) -> ApiError:
    if denied.refusal is Refusal.UNKNOWN:
        return ApiError(404, "not-found", "Its time or its tries are over. Please begin again.")
    if denied.refusal is not Refusal.DENIED:
        return _wrong(denied)
    if denied.drift is None:
        return ApiError(401, "denied", "That code is wrong.")
    off = f"The phone's or the server's clock is off by {abs(denied.drift)} seconds."
    return ApiError(401, "denied", f"That code is of another minute: {off}")


class OneAuthenticatorHandler(ApiHandler):
    """One of my phones."""

    @web.authenticated
    async def patch(self, phone_id: str) -> None:
        """Another name."""
        self.insist_on_own_request()
        login, name = self.fresh_login, _label(self)
        flow = self.rim.services.authenticators
        phone = await self.storing(flow.rename, login, phone_id, name=name, origin=self.origin)
        if isinstance(phone, Denied):
            raise _wrong(phone)
        self.answer(_as_phone(phone))

    @web.authenticated
    async def delete(self, phone_id: str) -> None:
        """Take it off; all my other logins end."""
        self.insist_on_own_request()
        flow = self.rim.services.authenticators
        denied = await self.storing(flow.remove, self.fresh_login, phone_id, self.origin)
        if denied is not None:
            raise _wrong(denied)
        await self.settled()
        self.set_status(204)


class RecoveryCodesHandler(ApiHandler):
    """My recovery codes."""

    @web.authenticated
    async def post(self) -> None:
        """Ten new ones, this once; the old ones are void."""
        self.insist_on_own_request()
        flow = self.rim.services.authenticators
        codes = await self.storing(flow.new_recovery_codes, self.fresh_login, self.origin)
        if isinstance(codes, Denied):
            raise _wrong(codes)
        self.answer({"recovery_codes": list(codes)}, 201)


class PasswordHandler(ApiHandler):
    """My password."""

    totp_body_limit = PASSWORD_BODY

    @web.authenticated
    async def post(self) -> None:
        """A new one; all my other logins end, and no browser is known any more."""
        self.insist_on_own_request()
        login, (password,) = self.fresh_login, self.strings("new_password")
        choose = self.rim.services.accounts.choose_password
        try:
            await self.hashing(choose, login.account, password, by=login.session, client=self.origin.client)
        except Refused as refused:
            raise error_of(refused) from None
        await self.settled()
        self.set_status(204)


class EventsHandler(ApiHandler):
    """My own security history."""

    @web.authenticated
    async def get(self) -> None:
        """The newest 200, newest first; ``?before=ID`` gives what was before that one."""
        before = _number(self.request.query_arguments.get("before"))
        events = self.rim.services.store.events
        found = await self.storing(
            events.list, account_id=self.login.account.id, before=before, limit=_MOST_EVENTS
        )
        shown = [{"id": number, **as_document(event)} for number, event in reversed(found)]
        self.answer({"events": [{k: v for k, v in item.items() if k != "account"} for item in shown]})


def _number(values: list[bytes] | None) -> int | None:
    if values is None:
        return None
    number = values[0]
    if len(values) != 1 or not number.isdigit() or len(number) > _LONGEST_NUMBER:
        raise ApiError(400, "malformed", "before is the id of an event.")
    return int(number)


class MyselfHandler(MeHandler):
    """Who I am here, and what others see of me."""

    @web.authenticated
    async def patch(self) -> None:
        """Display name, initials, colour: what is not named stays."""
        self.insist_on_own_request()
        login, accounts = self.login, self.rim.services.accounts
        document = self.document(optional=("display_name", "initials", "color"))
        who = login.account
        try:
            changed = await self.storing(
                accounts.set_profile,
                who,
                display_name=string(document, "display_name", who.display_name),
                initials=string(document, "initials", who.initials),
                color=string(document, "color", who.color),
                actor=who.username,
                client=self.origin.client,
            )
        except Refused as refused:
            raise error_of(refused) from None
        await self.settled()
        self.answer(await self.storing(describe, self, LiveLogin(login.session, changed)))


def _label(handler: ApiHandler) -> str:
    (typed,) = handler.strings("name")
    name = read_label(typed)
    if name is None:
        raise ApiError(400, "malformed", "A name has 1 to 64 visible characters.")
    return name


def _as_phone(phone: TotpAuthenticator) -> dict[str, Any]:
    used = phone.last_used_at
    return {
        "id": phone.id,
        "name": phone.name,
        "created_at": iso(phone.created_at),
        "last_used_at": None if used is None else iso(used),
    }
