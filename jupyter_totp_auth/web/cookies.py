"""Our cookies: the only place that names them and their flags (R24).

A login cookie can only be put from an ``Issued``: the evidence that both factors were passed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import Enum
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from ..core.binding import Enrolled
from ..core.grants import NewLogin
from ..core.model import Enrollment, Issued, LoginSession, PendingLogin
from .visitor import visitor_of

_PREFIX = "jupyter-totp-"


class Cookie(str, Enum):
    """What a cookie is for; the word is part of its name."""

    LOGIN = "login"
    PENDING = "pending"
    KNOWN_BROWSER = "known"
    ENROLLMENT = "enroll"


class Cookies:
    """Reads and writes them for one server.

    Browsers send a host's cookies to all of its ports, so the name carries ours; ``port`` is asked for at
    each use, since Jupyter settles it late.
    """

    def __init__(self, base_url: str, *, port: Callable[[], str], override: str = "") -> None:
        self._base_url = base_url
        self._port = port
        self._override = override
        self._digest = hashlib.sha256(base_url.encode()).hexdigest()[:8]

    def name(self, cookie: Cookie, *, secure: bool) -> str:
        """``__Host-…`` over https at the root, ``__Secure-…`` under a prefix, bare over plain http."""
        if self._override:
            bare = self._override if cookie is Cookie.LOGIN else f"{self._override}-{cookie.value}"
        else:
            bare = f"{_PREFIX}{cookie.value}-{self._port()}-{self._digest}"
        if not secure:
            return bare
        return f"__Host-{bare}" if self._base_url == "/" else f"__Secure-{bare}"

    def is_ours(self, name: str) -> bool:
        """Whether a cookie of this name opens something: here, or at another server of ours on this host."""
        bare = name.removeprefix("__Host-").removeprefix("__Secure-")
        own = {self.name(cookie, secure=False) for cookie in Cookie} if self._override else set()
        return bare.startswith(_PREFIX) or bare in own

    def read(self, request: HTTPServerRequest, cookie: Cookie, *, secure: bool) -> str | None:
        """The cookie's value. A request over https only reads the prefixed name: the bare one could have
        been planted over plain http. None where it stands twice: a neighbouring host can plant a second one,
        and which of the two came first says nothing."""
        name = self.name(cookie, secure=secure)
        morsel = request.cookies.get(name)
        if morsel is None or _stands_twice(name, request.headers.get("Cookie", "")):
            return None
        return morsel.value

    def put_login(self, handler: RequestHandler, issued: Issued[NewLogin] | Issued[Enrolled]) -> None:
        """Sign this browser in."""
        self.put_renewed(handler, Issued(issued.value.session, issued.bearer))
        self.clear(handler, Cookie.PENDING)
        self.clear(handler, Cookie.ENROLLMENT)

    def put_renewed(self, handler: RequestHandler, issued: Issued[LoginSession]) -> None:
        """A login's new bearer: until its absolute end where the person chose to stay, else until the
        browser is closed."""
        session = issued.value
        lifetime = session.expires_at - session.fresh_at if session.stays else None
        self._put(handler, Cookie.LOGIN, issued.bearer, lifetime)

    def put_known_browser(self, handler: RequestHandler, bearer: str, lifetime: int) -> None:
        """Remember this browser. It has its own throttle, and never replaces a factor."""
        self._put(handler, Cookie.KNOWN_BROWSER, bearer, lifetime)

    def put_pending(self, handler: RequestHandler, issued: Issued[PendingLogin]) -> None:
        """Carry the pending login to the code page."""
        self._put(handler, Cookie.PENDING, issued.bearer, None)

    def put_enrollment(self, handler: RequestHandler, issued: Issued[Enrollment]) -> None:
        """Carry a half-done enrollment from page to page."""
        self._put(handler, Cookie.ENROLLMENT, issued.bearer, None)

    def clear(self, handler: RequestHandler, cookie: Cookie) -> None:
        """Take a cookie away, if the browser has it."""
        secure = self._secure(handler)
        if self.read(handler.request, cookie, secure=secure) is not None:
            flags: dict[str, Any] = {"secure": True} if secure else {}
            handler.clear_cookie(
                self.name(cookie, secure=secure),
                path=self._base_url,
                httponly=True,
                samesite="Lax",
                **flags,
            )

    def _put(self, handler: RequestHandler, cookie: Cookie, value: str, lifetime: int | None) -> None:
        secure = self._secure(handler)
        flags: dict[str, Any] = {} if lifetime is None else {"max_age": lifetime}
        if secure:
            flags["secure"] = True
        handler.set_cookie(
            self.name(cookie, secure=secure),
            value,
            path=self._base_url,
            httponly=True,
            samesite="Lax",
            **flags,
        )

    @staticmethod
    def _secure(handler: RequestHandler) -> bool:
        visitor = visitor_of(handler.request)
        return visitor is not None and visitor.secure


def _stands_twice(name: str, header: str) -> bool:
    """Of the whole name: a prefixed one ends in the bare one."""
    if header.count(f"{name}=") < 2:  # noqa: PLR2004 - the common case, without taking it apart
        return False
    return [part.partition("=")[0].strip() for part in header.split(";")].count(name) > 1
