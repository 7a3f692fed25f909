"""Default deny, under routing: no handler of any extension runs for a request without a login (R1).

It wraps the application's look-up of handlers, so it also stands before raw tornado handlers, raw
WebSockets, and handlers that are added later; and it decides when the headers are there, so that a
stranger's body is never buffered. Jupyter's own flag protects only subclasses of its own handler.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import unquote, urlencode

from tornado.httputil import (
    HTTPMessageDelegate,
    HTTPServerRequest,
)
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from ..core import bearer
from ..core.bearer import Kind
from ..core.logins import Logins
from ..core.model import Origin
from ..store import StoreUnavailable
from .answers import Answer, json_answer, redirect_answer
from .client_address import ClientAddresses
from .cookies import Cookie, Cookies
from .delegates import Deferred, Reasked
from .hosts import Hosts, is_own_origin
from .next_url import without_secrets
from .pool import BoundedPool, Busy
from .sockets import Sockets
from .visitor import Visitor, attach

ANONYMOUS_BODY = 16 * 1024
_BODY_SECONDS = 25
_LONGEST_LENGTH = 12

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]


@dataclass(frozen=True)
class PublicRoute:
    """A path (behind base_url, without the leading slash) that anybody may ask for.

    ``handler`` names whose path it is: another extension's handler there does not become public by it.
    None (from ``TotpAuth.public_routes``): whatever stands there.
    """

    pattern: str
    handler: type[Any] | None


class Gate:
    """Stands before one application's handlers. Every answer of its own is written by itself."""

    def __init__(
        self,
        application: Application,
        *,
        base_url: str,
        public: Sequence[PublicRoute],
        logins: Logins,
        cookies: Cookies,
        hosts: Hosts,
        addresses: ClientAddresses,
        sockets: Sockets,
        pool: BoundedPool,
        is_stale: Callable[[], bool],
        allow_origin: Callable[[str], bool],
        log: Log,
    ) -> None:
        self._find_handler = application.find_handler
        self._application = application
        self._base_url = base_url
        self._public = [(re.compile(route.pattern), route.handler) for route in public]
        self._logins = logins
        self._cookies = cookies
        self._hosts = hosts
        self._addresses = addresses
        self._sockets = sockets
        self._pool = pool
        self._is_stale = is_stale
        self._allow_origin = allow_origin
        self._log = log

    def install(self) -> None:
        """Take the place of the application's look-up of handlers."""
        self._application.find_handler = self.find_handler  # type: ignore[method-assign]

    def stands(self, application: Application) -> bool:
        """Whether it still stands there."""
        return getattr(application.find_handler, "__self__", None) is self

    # -- who is it ---------------------------------------------------------------------------------

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """What answers this request: a handler, if the request may have it, or a refusal."""
        del kwargs
        peer = self._addresses.resolve(request)
        # For Jupyter's own handlers and its access log: the truth, whoever sent which header.
        request.remote_ip = peer.address
        request.protocol = "https" if peer.secure else "http"
        origin = Origin(peer.address, request.headers.get("User-Agent", ""))
        stranger = Visitor(origin, peer.secure)
        if not self._hosts.allows(request.host):
            self._tell(request, 403, "host name not in TotpAuth.allowed_hosts")
            return json_answer(request, 403, "host", "This server does not answer under that name.")

        text = self._cookies.read(request, Cookie.LOGIN, secure=peer.secure)
        digest = bearer.digest(Kind.LOGIN, text) if text else None
        if text is None or digest is None:
            attach(request, stranger)
            return self._for_stranger(request)
        login = self._logins.live(digest)
        if login is None:  # not known to this process (yet): the store is asked, off the loop
            return Deferred(lambda: self._look_up(request, text, stranger))
        attach(request, replace(stranger, login=login, bearer=text))
        return self._for_login(request, digest)

    async def _look_up(self, request: HTTPServerRequest, text: str, stranger: Visitor) -> HTTPMessageDelegate:
        """The same for a bearer that this process does not know: after a restart, or a made-up one."""
        try:
            login = await self._pool.run(self._logins.load, text)
        except (StoreUnavailable, Busy):
            return self._unavailable(request)
        if login is None:
            attach(request, stranger)
            return self._for_stranger(request)
        attach(request, replace(stranger, login=login, bearer=text))
        return self._for_login(request, login.session.digest)

    # -- with a login ------------------------------------------------------------------------------

    def _for_login(self, request: HTTPServerRequest, digest: bytes) -> HTTPMessageDelegate:
        if self._is_stale():
            return self._unavailable(request)
        if _wants_websocket(request) and not self._may_open_socket(request):
            self._tell(request, 403, "WebSocket from another origin")
            return json_answer(request, 403, "origin", "This WebSocket comes from another site.")
        self._logins.seen(digest)
        delegate: Any = self._find_handler(request)
        handler_class = getattr(delegate, "handler_class", None)
        if isinstance(handler_class, type) and issubclass(handler_class, WebSocketHandler):
            delegate.handler_class = self._sockets.guarded(handler_class)
        elif _wants_websocket(request):  # a router of its own kind: its sockets could not be closed
            self._tell(request, 403, "WebSocket of an unknown kind of handler")
            return json_answer(request, 403, "socket", "This WebSocket cannot be served here.")
        if _has_body(request):
            delegate = Reasked(
                delegate,
                request,
                is_alive=lambda: self._logins.live(digest) is not None,
                denied=self._denied,
            )
        limit = getattr(handler_class, "totp_body_limit", None)
        if limit is not None:
            return self._limited(request, delegate, limit)
        return cast(HTTPMessageDelegate, delegate)

    def _may_open_socket(self, request: HTTPServerRequest) -> bool:
        """A cookie opens a socket only for our own pages (R29): browsers always send Origin there."""
        origins = request.headers.get_list("Origin")
        if len(origins) != 1:
            return False
        return is_own_origin(request, origins[0]) or self._allow_origin(origins[0])

    # -- without one -------------------------------------------------------------------------------

    def _for_stranger(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
        path = request.path
        if not path.startswith(self._base_url) or _climbs(path):
            return self._denied(request)
        relative = path[len(self._base_url) :]
        for pattern, owner in self._public:
            if pattern.fullmatch(relative):
                delegate: Any = self._find_handler(request)
                handler_class = getattr(delegate, "handler_class", None)
                if owner is None or handler_class is owner:  # exactly: a subclass is somebody else's
                    limit = getattr(handler_class, "totp_body_limit", ANONYMOUS_BODY)
                    return self._limited(request, delegate, limit)
        return self._denied(request)

    def _denied(self, request: HTTPServerRequest) -> Answer:
        """Pages go to the login, everything else gets 403; nothing tells whether anything is there."""
        if self._is_page(request):
            query = urlencode({"next": without_secrets(request.path, request.query)})
            self._tell(request, 302, "to the login")
            return redirect_answer(request, f"{self._base_url}login?{query}")
        self._tell(request, 403, "no login")
        return json_answer(request, 403, "signed-out", "Please sign in.")

    def _is_page(self, request: HTTPServerRequest) -> bool:
        """Whether a person is looking at the answer, so that a redirect leads somewhere."""
        if request.method not in ("GET", "HEAD") or _wants_websocket(request):
            return False
        mode = request.headers.get("Sec-Fetch-Mode")
        if mode is not None:
            return mode == "navigate"
        # By the path alone: asking what handler stands there would tell which extensions are installed.
        return "api" not in request.path[len(self._base_url) :].split("/")

    # -- both --------------------------------------------------------------------------------------

    def _limited(
        self, request: HTTPServerRequest, delegate: HTTPMessageDelegate, limit: int
    ) -> HTTPMessageDelegate:
        """Bound the body: 413 before it is read, or 400 (tornado's) for one that outgrows it."""
        connection: Any = request.connection
        length = request.headers.get("Content-Length", "0")
        if length.isdecimal() and (len(length) > _LONGEST_LENGTH or int(length) > limit):
            self._tell(request, 413, "body too large")
            return json_answer(request, 413, "too-large", f"At most {limit} bytes are taken here.")
        connection.set_max_body_size(limit)
        connection.set_body_timeout(_BODY_SECONDS)
        return delegate

    def _unavailable(self, request: HTTPServerRequest) -> Answer:
        self._tell(request, 503, "the account store does not answer")
        return Answer(
            request,
            503,
            {"Content-Type": "application/json", "Retry-After": "2"},
            b'{"message": "Logins cannot be checked at the moment.", "reason": "unavailable"}',
        )

    def _tell(self, request: HTTPServerRequest, status: int, why: str) -> None:
        """One log line, without the query: what a stranger puts there is none of our log's business."""
        level = logging.INFO if status < 400 else logging.WARNING  # noqa: PLR2004 - HTTP's own border
        path = ascii(request.path[:200])[1:-1]
        self._log.log(level, "%d %s %s (%s) %s", status, request.method, path, request.remote_ip, why)


def _wants_websocket(request: HTTPServerRequest) -> bool:
    return "websocket" in request.headers.get("Upgrade", "").lower()


def _climbs(path: str) -> bool:
    """Whether a public path could mean another one to the handler behind it: it may decode and resolve."""
    plain = unquote(unquote(path)).replace("\\", "/")
    return "\0" in plain or any(part in (".", "..") for part in plain.split("/"))


def _has_body(request: HTTPServerRequest) -> bool:
    return request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in request.headers
