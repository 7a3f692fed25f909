"""The JSON API of one's own access tokens: make one (shown once), list, revoke (R38)."""

from __future__ import annotations

from typing import Any

from tornado import web

from ..core.access_tokens import ALL
from ..core.model import AccessToken, Denied, Refusal
from ..wiring import iso
from .account_api import ApiError, ApiHandler

_OPTIONAL = ("scopes", "path_prefix", "expires_in_days")


class AccessTokensHandler(ApiHandler):
    """What my programs come in with."""

    @web.authenticated
    async def get(self) -> None:
        """My live tokens, newest first; never the strings."""
        mine = self.login
        tokens = await self.storing(self.rim.services.access_tokens.of_account, mine.account.id)
        self.answer({"access_tokens": [as_document(token) for token in tokens]})

    @web.authenticated
    async def post(self) -> None:
        """201 and the string, this once. A login that is not fresh steps up first."""
        self.insist_on_own_request()
        name, days = _read(self.document("name", optional=_OPTIONAL))
        made = await self.storing(
            self.rim.services.access_tokens.create,
            self.login,
            name=name,
            days=days,
            client=self.origin.client,
        )
        if isinstance(made, Denied):
            raise _refused(made)
        self.answer({**as_document(made.token), "token": made.text}, 201)


class OneAccessTokenHandler(ApiHandler):
    """One of my tokens."""

    @web.authenticated
    async def delete(self, token_id: str) -> None:
        """Revoke it, which needs no step-up. Somebody else's is not there."""
        self.insist_on_own_request()
        account = self.login.account
        done = await self.storing(
            self.rim.services.access_tokens.revoke,
            account,
            token_id,
            actor=account.username,
            client=self.origin.client,
        )
        if not done:
            raise ApiError(404, "not-found", "There is no such access token.")
        await self.settled()
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


def _refused(denied: Denied) -> ApiError:
    match denied.refusal:
        case Refusal.STEP_UP:
            return ApiError(403, "step-up", "Please give password and code once more.")
        case Refusal.TOO_MANY:
            return ApiError(409, "too-many", "You have too many access tokens. Revoke one first.")
        case Refusal.UNKNOWN:
            return ApiError(403, "signed-out", "Please sign in.")
        case _:
            return ApiError(400, denied.refusal.value, denied.text)


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
