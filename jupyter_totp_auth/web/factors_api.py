"""The JSON API of one's own person: phones, recovery codes, password, history, profile.

What adds or changes is behind a step-up (R27); a secret is in the one answer that makes it, never again.
"""

from __future__ import annotations

from typing import Any

from tornado import web

from ..core import qr, totp
from ..core.logins import LiveLogin
from ..core.model import TotpAuthenticator
from ..wiring import as_document, iso
from . import acts
from .account_api import ApiHandler, MeHandler, describe
from .asking import ApiError
from .enroll_pages import PASSWORD_BODY
from .fields import string

_MOST_EVENTS = 200
_LONGEST_NUMBER = 15


class AuthenticatorsHandler(ApiHandler):
    """My phones."""

    @web.authenticated
    async def get(self) -> None:
        """All of them, oldest first; of their secrets nothing."""
        mine = self.login.account.id
        phones = await self.storing(self.now.services.authenticators.of_account, mine)
        self.answer({"authenticators": [_as_phone(phone) for phone in phones]})

    @web.authenticated
    async def post(self) -> None:
        """Begin with a further one: its secret, this once. The old ones go on."""
        self.insist_on_own_request()
        (name,) = self.strings("name")
        offer = await acts.begin_phone(self, name)
        uri = acts.uri_of(self, offer)
        document = {"id": offer.id, "secret": totp.to_base32(offer.secret), "uri": uri, "qr_svg": qr.svg(uri)}
        self.answer(document, 201)


class ConfirmHandler(ApiHandler):
    """The first code of a further phone."""

    @web.authenticated
    async def post(self, new_id: str) -> None:
        """200: it is one of my phones now."""
        self.insist_on_own_request()
        (code,) = self.strings("code")
        self.answer(_as_phone(await acts.confirm_phone(self, new_id, code)))


class OneAuthenticatorHandler(ApiHandler):
    """One of my phones."""

    @web.authenticated
    async def patch(self, phone_id: str) -> None:
        """Another name."""
        self.insist_on_own_request()
        (name,) = self.strings("name")
        self.answer(_as_phone(await acts.rename_phone(self, phone_id, name)))

    @web.authenticated
    async def delete(self, phone_id: str) -> None:
        """Take it off; all my other logins end."""
        self.insist_on_own_request()
        await acts.remove_phone(self, phone_id)
        self.set_status(204)


class RecoveryCodesHandler(ApiHandler):
    """My recovery codes."""

    @web.authenticated
    async def post(self) -> None:
        """Ten new ones, this once; the old ones are void."""
        self.insist_on_own_request()
        codes = await acts.new_recovery_codes(self)
        self.answer({"recovery_codes": list(codes)}, 201)


class PasswordHandler(ApiHandler):
    """My password."""

    totp_body_limit = PASSWORD_BODY

    @web.authenticated
    async def post(self) -> None:
        """A new one; all my other logins end, and no browser is known any more."""
        self.insist_on_own_request()
        (password,) = self.strings("new_password")
        await acts.change_password(self, password)
        self.set_status(204)


class EventsHandler(ApiHandler):
    """My own security history."""

    @web.authenticated
    async def get(self) -> None:
        """The newest 200, newest first; ``?before=ID`` gives what was before that one."""
        before = number_of(self.request.query_arguments.get("before"))
        events = self.now.services.store.events
        found = await self.storing(
            events.list, account_id=self.login.account.id, before=before, limit=_MOST_EVENTS
        )
        shown = [{"id": number, **as_document(event)} for number, event in reversed(found)]
        self.answer({"events": [{k: v for k, v in item.items() if k != "account"} for item in shown]})


def number_of(values: list[bytes] | None) -> int | None:
    """The id of an event, out of a query; None where there is none. 400."""
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
        login = self.login
        document = self.document(optional=("display_name", "initials", "color"))
        who = login.account
        changed = await acts.change_profile(
            self,
            display_name=string(document, "display_name", who.display_name),
            initials=string(document, "initials", who.initials),
            color=string(document, "color", who.color),
        )
        self.answer(await self.storing(describe, self, LiveLogin(login.session, changed)))


def _as_phone(phone: TotpAuthenticator) -> dict[str, Any]:
    used = phone.last_used_at
    return {
        "id": phone.id,
        "name": phone.name,
        "created_at": iso(phone.created_at),
        "last_used_at": None if used is None else iso(used),
    }
