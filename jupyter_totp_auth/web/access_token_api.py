"""The JSON API of one's own access tokens: make one (shown once), list, revoke (R38)."""

from __future__ import annotations

from typing import Any

from tornado import web

from ..core.model import AccessToken
from ..core.rights import ALL
from ..wiring import iso
from . import acts
from .account_api import ApiHandler
from .acts import WantedToken
from .asking import ApiError

_OPTIONAL = ("scopes", "path_prefix", "expires_in_days")


class AccessTokensHandler(ApiHandler):
    """What my programs come in with."""

    @web.authenticated
    async def get(self) -> None:
        """My live tokens, newest first; never the strings."""
        mine = self.login
        tokens = await self.storing(self.now.services.access_tokens.of_account, mine.account.id)
        self.answer({"access_tokens": [as_document(token) for token in tokens]})

    @web.authenticated
    async def post(self) -> None:
        """201 and the string, this once. A login that is not fresh steps up first."""
        self.insist_on_own_request()
        wanted = _read(self.document("name", optional=_OPTIONAL))
        made = await acts.make_token(self, wanted)
        self.answer({**as_document(made.token), "token": made.text}, 201)


class OneAccessTokenHandler(ApiHandler):
    """One of my tokens."""

    @web.authenticated
    async def delete(self, token_id: str) -> None:
        """Revoke it, which needs no step-up. Somebody else's is not there."""
        self.insist_on_own_request()
        await acts.revoke_token(self, token_id)
        self.set_status(204)


def _read(document: dict[str, Any]) -> WantedToken:
    """What is wanted, by its types alone; what it may be is the core's to say."""
    name, days = document["name"], document.get("expires_in_days")
    scopes, prefix = document.get("scopes", [ALL]), document.get("path_prefix")
    if not isinstance(name, str):
        raise ApiError(400, "malformed", "name has to be a string.")
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise ApiError(400, "malformed", "scopes has to be a list of strings.")
    if prefix is not None and not isinstance(prefix, str):
        raise ApiError(400, "malformed", "path_prefix has to be a string, or null.")
    if days is not None and type(days) is not int:
        raise ApiError(400, "malformed", "expires_in_days has to be a whole number.")
    return WantedToken(name, days, tuple(scopes), prefix or "")


def as_document(token: AccessToken) -> dict[str, Any]:
    """A token as lists show it."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": list(token.scopes),
        "path_prefix": token.path_prefix or None,
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "last_used_at": None if token.last_used_at is None else iso(token.last_used_at),
        "last_used_from": token.last_used_from or None,
    }
