"""What a request shows for itself: an access token, or a login's cookie; and whose it is, if memory knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tornado.httputil import HTTPServerRequest

from ..core import bearer
from ..core.access_tokens import AccessTokens, LiveToken
from ..core.bearer import Kind
from ..core.logins import LiveLogin, Logins
from ..core.model import EndedLogin
from .cookies import Cookie, Cookies
from .tokens import TokenPlaces
from .visitor import Visitor
from .xsrf import COOKIE as XSRF_COOKIE


@dataclass(frozen=True)
class Unknown:
    """Somebody whom this process does not know: after a restart, idle as far as is known here, or made up."""

    visitor: Visitor
    load: Callable[[], LiveLogin | LiveToken | EndedLogin | None]
    """Asks the store, so off the event loop."""

    def found(self, found: LiveLogin | LiveToken | EndedLogin | None) -> Visitor:
        """The visitor, with what the store says; a stranger where it is none."""
        if isinstance(found, LiveToken):
            return replace(self.visitor, token=found)
        if isinstance(found, LiveLogin):
            return replace(self.visitor, login=found)
        return replace(self.visitor, bearer=None, ended=found)


class Credentials:
    """Reads them."""

    def __init__(
        self, logins: Logins, access_tokens: AccessTokens, token_places: TokenPlaces, cookies: Cookies
    ) -> None:
        self._logins = logins
        self._tokens = access_tokens
        self._token_places = token_places
        self._cookies = cookies

    def visitor(self, request: HTTPServerRequest, stranger: Visitor) -> Visitor | Unknown:
        """Who it is; ``stranger`` itself where it shows nothing."""
        token_digest = self._token_places.digest(request)
        if token_digest is not None:  # alone: a token never falls back on a cookie's wider rights
            token = self._tokens.live(token_digest)
            if token is None:
                return Unknown(stranger, partial(self._tokens.load, token_digest))
            return replace(stranger, token=token)
        return self._by_cookie(request, stranger)

    def _by_cookie(self, request: HTTPServerRequest, stranger: Visitor) -> Visitor | Unknown:
        text = self._cookies.read(request, Cookie.LOGIN, secure=stranger.secure)
        digest = bearer.digest(Kind.LOGIN, text) if text else None
        if text is None or digest is None:
            return stranger
        visitor = replace(stranger, bearer=text, has_pair=XSRF_COOKIE in request.cookies)
        login = self._logins.live(digest)
        # Not known here (yet), locked or idle as far as is known here (N22): the store is asked.
        if login is None or login.locked or self._logins.is_idle(login.session):
            return Unknown(visitor, partial(self._logins.load_or_why, text))
        return replace(visitor, login=login)
