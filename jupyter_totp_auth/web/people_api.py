"""The JSON API of people, for the role ``admin``: ``accounts``.

An administrator sees no secret and sets nobody's password: an enrollment code is what they hand over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tornado import web

from ..core.accounts import Invitation, Refused
from ..core.logins import LiveLogin
from ..core.model import Account, AccountChange, Role
from ..wiring import as_invitation, iso
from .account_api import ApiError, ApiHandler
from .factors_api import error_of
from .fields import Document, flag, string, time_or_never

T = TypeVar("T")

_ROLES = {role.value: role for role in (Role.ADMIN, Role.MEMBER)}
"""Those that are enforced; the others are refused, not accepted and ignored."""


class PeopleHandler(ApiHandler):
    """What only an administrator may ask for."""

    async def prepare(self) -> None:
        """403 ``admin`` for anybody else, whatever the method."""
        if self.login.account.role is not Role.ADMIN:
            raise ApiError(403, "admin", "This is for administrators.")

    async def act(self, by: LiveLogin, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """One of ``core.accounts``' acts, in the name of this administrator."""
        actor, client = by.account.username, self.origin.client
        try:
            return await self.storing(call, *args, **kwargs, actor=actor, client=client)
        except Refused as refused:
            raise error_of(refused) from None

    async def named(self, account_id: str) -> str:
        """The user name of an account. 404."""
        try:
            account = await self.storing(self.rim.services.accounts.of_id, account_id)
        except Refused as refused:
            raise error_of(refused) from None
        return account.username

    def invite(self, invitation: Invitation) -> None:
        """The enrollment code, this once."""
        document = as_invitation(invitation, self.front_url)
        self.answer({"id": invitation.account.id, **document}, 201)

    @property
    def front_url(self) -> str:
        """Where people reach this server: as configured, else as the administrator does."""
        if self.rim.public_url:
            return f"{self.rim.public_url.rstrip('/')}/"
        scheme = "https" if self.visitor.secure else "http"
        return f"{scheme}://{self.request.host}{self.rim.base_url}"


class AccountsHandler(PeopleHandler):
    """Everybody here."""

    @web.authenticated
    async def get(self) -> None:
        """By name."""
        store = self.rim.services.store.accounts
        last = await self.storing(store.last_logins)
        people = await self.storing(store.all)
        self.answer({"accounts": [_as_account(one, last.get(one.id)) for one in people]})

    @web.authenticated
    async def post(self) -> None:
        """Add somebody: 201, and the code that enrolls them."""
        self.insist_on_own_request()
        admin = self.fresh_login
        document = self.document("username", optional=("role", "display_name", "expires_at"))
        invitation = await self.act(
            admin,
            self.rim.services.accounts.add,
            string(document, "username"),
            _role(document) or Role.MEMBER,
            display_name=string(document, "display_name"),
            expires_at=time_or_never(document, "expires_at"),
        )
        self.invite(invitation)


class OneAccountHandler(PeopleHandler):
    """One person's account."""

    @web.authenticated
    async def patch(self, account_id: str) -> None:
        """Role, open or closed, expiry; never the last administrator's."""
        self.insist_on_own_request()
        admin = self.fresh_login
        document = self.document(optional=("role", "disabled", "expires_at"))
        expires_at = time_or_never(document, "expires_at")
        change = AccountChange(
            role=_role(document),
            disabled=flag(document, "disabled"),
            expires_at=expires_at,
            endless="expires_at" in document and expires_at is None,
        )
        changed = await self.act(admin, self.rim.services.accounts.change, account_id, change)
        last = await self.storing(self.rim.services.store.accounts.last_logins)
        await self.settled()
        self.answer(_as_account(changed, last.get(changed.id)))

    @web.authenticated
    async def delete(self, account_id: str) -> None:
        """The account and everything bound to it; its events stay."""
        self.insist_on_own_request()
        admin = self.fresh_login
        await self.act(admin, self.rim.services.accounts.remove, account_id)
        await self.settled()
        self.set_status(204)


class ResetHandler(PeopleHandler):
    """A person who lost the phone."""

    @web.authenticated
    async def post(self, account_id: str) -> None:
        """A new enrollment code; the old second factor stays until the new phone is confirmed."""
        self.insist_on_own_request()
        admin = self.fresh_login
        name = await self.named(account_id)
        invitation = await self.act(admin, self.rim.services.accounts.reset, name)
        await self.settled()
        self.invite(invitation)


class TheirLoginsHandler(PeopleHandler):
    """Where a person is logged in."""

    @web.authenticated
    async def delete(self, account_id: str) -> None:
        """End all of them. That only takes away, so a login need not be fresh (R27)."""
        self.insist_on_own_request()
        admin = self.login
        name = await self.named(account_id)
        await self.act(admin, self.rim.services.accounts.end_logins, name)
        await self.settled()
        self.set_status(204)


def _role(document: Document) -> Role | None:
    if "role" not in document:
        return None
    role = _ROLES.get(string(document, "role"))
    if role is None:
        raise ApiError(400, "malformed", f"role is one of: {', '.join(_ROLES)}.")
    return role


def _as_account(account: Account, last_login_at: int | None) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "display_name": account.display_name,
        "role": account.role.value,
        "disabled": account.disabled,
        "enrolled": account.enrolled,
        "created_at": iso(account.created_at),
        "expires_at": None if account.expires_at is None else iso(account.expires_at),
        "last_login_at": None if last_login_at is None else iso(last_login_at),
    }
