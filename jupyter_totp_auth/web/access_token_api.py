"""The JSON API of one's own access tokens: make one (shown once), list, revoke (R38)."""

from __future__ import annotations

from typing import Any

from tornado import web

from ..core.access_tokens import ALL
from ..core.model import AccessToken
from ..wiring import iso
from . import acts
from .account_api import ApiHandler
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
        name, days = _read(self.document("name", optional=_OPTIONAL))
        made = await acts.make_token(self, name, days)
        self.answer({**as_document(made.token), "token": made.text}, 201)


class OneAccessTokenHandler(ApiHandler):
    """One of my tokens."""

    @web.authenticated
    async def delete(self, token_id: str) -> None:
        """Revoke it, which needs no step-up. Somebody else's is not there."""
        self.insist_on_own_request()
        await acts.revoke_token(self, token_id)
        self.set_status(204)


def _read(document: dict[str, Any]) -> tuple[str, int | None]:
    """Name and days. What this version cannot hold a token to is refused, not ignored."""
    name, days = document["name"], document.get("expires_in_days")
    if not isinstance(name, str):
        raise ApiError(400, "malformed", "name has to be a string.")
    if document.get("scopes", [ALL]) != [ALL]:
        raise ApiError(400, "scopes", 'The only scope in this version is ["all"].')
    if document.get("path_prefix") is not None:
        raise ApiError(400, "path-prefix", "This version cannot limit a token to a path.")
    if days is not None and type(days) is not int:
        raise ApiError(400, "malformed", "expires_in_days has to be a whole number.")
    return name, days


def as_document(token: AccessToken) -> dict[str, Any]:
    """A token as lists show it."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "last_used_at": None if token.last_used_at is None else iso(token.last_used_at),
    }
