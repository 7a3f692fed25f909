"""The JSON API of people, for the role ``admin``: ``accounts``.

An administrator sees no secret and sets nobody's password: an enrollment code is what they hand over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from tornado import web

from ..core import qr
from ..core.accounts import Invitation
from ..core.model import Account, AccountChange, Role
from ..wiring import as_invitation, iso
from . import people_acts
from .account_api import ApiHandler
from .asking import ApiError
from .fields import Document, flag, string, time_or_never
from .people_acts import ROLES, TERMINALS

T = TypeVar("T")


class PeopleHandler(ApiHandler):
    """What only an administrator may ask for."""

    async def prepare(self) -> None:
        """403 ``admin`` for anybody else, whatever the method."""
        self.insist_on_admin()

    def invite(self, invitation: Invitation) -> None:
        """The enrollment code, this once."""
        document = as_invitation(invitation, people_acts.front_url(self))
        shown = {"qr_svg": qr.svg(str(document["url"]))}
        self.answer({"id": invitation.account.id, **document, **shown}, 201)


class AccountsHandler(PeopleHandler):
    """Everybody here."""

    @web.authenticated
    async def get(self) -> None:
        """By name."""
        store = self.now.services.store.accounts
        last = await self.storing(store.last_logins)
        people = await self.storing(store.all)
        self.answer({"accounts": [_as_account(one, last.get(one.id)) for one in people]})

    @web.authenticated
    async def post(self) -> None:
        """Add somebody: 201, and the code that enrolls them."""
        self.insist_on_own_request()
        document = self.document("username", optional=("role", "display_name", "expires_at"))
        invitation = await people_acts.add(
            self,
            string(document, "username"),
            _one_of(ROLES, document, "role") or Role.MEMBER,
            display_name=string(document, "display_name"),
            expires_at=time_or_never(document, "expires_at"),
        )
        self.invite(invitation)


class OneAccountHandler(PeopleHandler):
    """One person's account."""

    @web.authenticated
    async def patch(self, account_id: str) -> None:
        """Role, terminals, open or closed, expiry; never the last administrator's."""
        self.insist_on_own_request()
        document = self.document(optional=("role", "disabled", "expires_at", "terminals"))
        expires_at = time_or_never(document, "expires_at")
        change = AccountChange(
            role=_one_of(ROLES, document, "role"),
            disabled=flag(document, "disabled"),
            expires_at=expires_at,
            endless="expires_at" in document and expires_at is None,
            terminals=_one_of(TERMINALS, document, "terminals"),
        )
        changed = await people_acts.change(self, account_id, change)
        last = await self.storing(self.now.services.store.accounts.last_logins)
        self.answer(_as_account(changed, last.get(changed.id)))

    @web.authenticated
    async def delete(self, account_id: str) -> None:
        """The account and everything bound to it; its events stay."""
        self.insist_on_own_request()
        await people_acts.remove(self, account_id)
        self.set_status(204)


class ResetHandler(PeopleHandler):
    """A person who lost the phone."""

    @web.authenticated
    async def post(self, account_id: str) -> None:
        """A new enrollment code; the old second factor stays until the new phone is confirmed."""
        self.insist_on_own_request()
        self.invite(await people_acts.reset(self, account_id))


class TheirLoginsHandler(PeopleHandler):
    """Where a person is logged in."""

    @web.authenticated
    async def delete(self, account_id: str) -> None:
        """End all of them, maybe ``?grace=`` seconds from now. That only takes away: no step-up (R27)."""
        self.insist_on_own_request()
        await people_acts.end_logins(self, account_id, grace=self.grace)
        self.set_status(204)


def _one_of(known: Mapping[str, T], document: Document, name: str) -> T | None:
    """One of the words that are known; None where the field is not there."""
    if name not in document:
        return None
    found = known.get(string(document, name))
    if found is None:
        raise ApiError(400, "malformed", f"{name} is one of: {', '.join(known)}.")
    return found


def _as_account(account: Account, last_login_at: int | None) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "display_name": account.display_name,
        "role": account.role.value,
        "terminals": account.terminals.value,
        "disabled": account.disabled,
        "enrolled": account.enrolled,
        "created_at": iso(account.created_at),
        "expires_at": None if account.expires_at is None else iso(account.expires_at),
        "last_login_at": None if last_login_at is None else iso(last_login_at),
    }
