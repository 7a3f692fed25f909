"""Default deny, under routing: no handler of any extension runs for a request without a login (R1).

It wraps the application's look-up of handlers, so it also stands before raw tornado handlers, raw
WebSockets, and handlers that are added later; and it decides when the headers are there, so that a
stranger's body is never buffered. Jupyter's own flag protects only subclasses of its own handler.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest

from ..core.access_tokens import AccessTokens, blanked
from ..core.logins import Logins
from ..core.model import Origin
from ..store import StoreUnavailable
from .answers import Answer, json_answer, redirect_answer, unavailable_answer
from .client_address import ClientAddresses
from .cookies import Cookies
from .credentials import Credentials, Unknown
from .delegates import Deferred, Reasked
from .holding import fitted
from .hosts import Hosts, has_own_origin
from .metrics import count_unavailable
from .next_url import next_of
from .pool import BoundedPool, Busy
from .privacy import keep_private
from .probe import Probes
from .recent import Recent, traits_of
from .request_shape import climbs, has_body, is_page, wants_websocket
from .rights import Rights
from .sockets import Sockets, is_socket
from .tokens import TokenPlaces, for_token
from .visitor import Visitor, attach, visitor_of
from .why import why_locked, why_signed_out

ANONYMOUS_BODY = 16 * 1024
UNLOCKING = frozenset({"login/unlock", "api/totp/unlock"})
"""What a locked login may ask for, besides what anybody may."""
_BODY_SECONDS, _LONGEST_LENGTH = 25, 12
TOKENS_REFUSED = "Access tokens cannot do this. Sign in with a browser."

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
    """Stands before the handlers that ``find_handler`` gives. Its own answers are written by itself."""

    def __init__(  # noqa: PLR0913 - all that a request is judged by comes together here
        self,
        find_handler: Callable[..., Any],
        *,
        base_url: str,
        public: Sequence[PublicRoute],
        logins: Logins,
        access_tokens: AccessTokens,
        token_places: TokenPlaces,
        cookies: Cookies,
        hosts: Hosts,
        addresses: ClientAddresses,
        rights: Rights,
        sockets: Sockets,
        pool: BoundedPool,
        probes: Probes,
        is_stale: Callable[[], bool],
        allow_origin: Callable[[str], bool],
        log: Log,
    ) -> None:
        self._find_handler = find_handler
        self._base_url = base_url
        self._public = [(re.compile(route.pattern), route.handler) for route in public]
        self._logins = logins
        self._recent = Recent(logins)
        self._credentials = Credentials(logins, access_tokens, token_places, cookies)
        self._tokens = access_tokens
        self._token_places = token_places
        self._hosts = hosts
        self._addresses = addresses
        self._rights = rights
        self._sockets = sockets
        self._pool = pool
        self._probes = probes
        self._is_stale = is_stale
        self._is_own = partial(has_own_origin, allow=allow_origin)
        self._log = log

    # -- who is it ---------------------------------------------------------------------------------

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """What answers this request: a handler, if the request may have it, or a refusal."""
        del kwargs
        traits = traits_of(request)
        visitor = self._recent.get(traits)
        if visitor is not None:
            request.remote_ip = visitor.origin.client
            request.protocol = "https" if visitor.secure else "http"
            return self._for_member(request, visitor)
        delegate = self._looked_at(request)
        self._recent.put(traits, visitor_of(request))
        return delegate

    def _looked_at(self, request: HTTPServerRequest) -> Any:
        """Who it is, from the beginning."""
        peer = self._addresses.resolve(request)
        # For Jupyter's own handlers and its access log: the truth, whoever sent which header.
        request.remote_ip = peer.address
        request.protocol = "https" if peer.secure else "http"
        origin = Origin(peer.address, request.headers.get("User-Agent", ""))
        stranger = Visitor(origin, peer.secure)
        if not self._hosts.allows(request.host):
            self._tell(request, 403, "host name not in TotpAuth.allowed_hosts")
            return json_answer(request, 403, "host", "This server does not answer under that name.")
        probe = self._probes.digest(request)
        if probe is not None:
            return Deferred(lambda: self._probed(request, probe, stranger))
        return self._whose(request, stranger)

    async def _probed(self, request: HTTPServerRequest, probe: bytes, stranger: Visitor) -> Any:
        """Told how it arrived, whatever it asks for; with a probe that is none, as if it had none."""
        return await self._probes.answer(request, probe) or self._whose(request, stranger)

    def _whose(self, request: HTTPServerRequest, stranger: Visitor) -> Any:
        found = self._credentials.visitor(request, stranger)
        if isinstance(found, Unknown):
            return Deferred(lambda: self._look_up(request, found))
        return self._for(request, found)

    async def _look_up(self, request: HTTPServerRequest, unknown: Unknown) -> HTTPMessageDelegate:
        """The same for whom this process does not know."""
        try:
            found = await self._pool.run(unknown.load)
        except (StoreUnavailable, Busy, MemoryError) as error:
            count_unavailable(error)
            return self._unavailable(request)
        return self._for(request, unknown.found(found))

    def _for(self, request: HTTPServerRequest, visitor: Visitor) -> HTTPMessageDelegate:
        if visitor.login is None and visitor.token is None:
            attach(request, visitor)
            return self._for_stranger(request)
        return self._for_member(request, visitor)

    # -- with a login or a token -------------------------------------------------------------------

    def _for_member(self, request: HTTPServerRequest, visitor: Visitor) -> HTTPMessageDelegate:
        attach(request, visitor)
        if self._is_stale():
            count_unavailable(StoreUnavailable())
            return self._unavailable(request)
        if visitor.locked:
            return self._for_locked(request)
        to_socket = wants_websocket(request)
        if to_socket and not self._is_own(request, or_none=visitor.token is not None):
            self._tell(request, 403, "WebSocket from another origin")
            return json_answer(request, 403, "origin", "This WebSocket comes from another site.")
        return self._served(request, visitor, to_socket=to_socket)

    def _served(
        self, request: HTTPServerRequest, visitor: Visitor, *, to_socket: bool
    ) -> HTTPMessageDelegate:
        self._seen(visitor)
        keep_private(request)
        delegate: Any = self._find_handler(request)
        handler_class = getattr(delegate, "handler_class", None)
        if visitor.token is not None and getattr(handler_class, "totp_refuses_tokens", False):
            self._tell(request, 403, "not with an access token")
            return json_answer(request, 403, "token", TOKENS_REFUSED)
        refused = self._without_right(request, handler_class, visitor)
        if refused is not None:
            return refused
        if isinstance(handler_class, type):
            delegate.handler_class = self._fitted(handler_class, request, visitor)
        # A router of its own kind: its sockets could not be closed.
        if to_socket and not is_socket(handler_class):
            self._tell(request, 403, "WebSocket of an unknown kind of handler")
            return json_answer(request, 403, "socket", "This WebSocket cannot be served here.")
        if has_body(request):
            refusal = partial(self._no_more, request, handler_class, visitor)
            delegate = Reasked(delegate, request, refusal=refusal)
        limit = getattr(handler_class, "totp_body_limit", None)
        if limit is not None:
            return self._limited(request, delegate, limit)
        served: HTTPMessageDelegate = delegate
        return served

    def _for_locked(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
        """Nothing is served but the way out of it (R25): public paths, and unlocking."""
        if request.path[len(self._base_url) :] in UNLOCKING and request.path.startswith(self._base_url):
            return self._limited(request, self._find_handler(request), ANONYMOUS_BODY)
        return self._for_stranger(request)

    def _fitted(self, handler_class: Any, request: HTTPServerRequest, visitor: Visitor) -> Any:
        """The handler, made to know its visitor; its socket ends with the login; a token needs no _xsrf."""
        if visitor.token is not None:
            handler_class = for_token(handler_class, own_origin=self._is_own(request, or_none=True))
        return fitted(self._rights, self._sockets.fitted(handler_class))

    def _seen(self, visitor: Visitor) -> None:
        if visitor.token is not None:
            self._tokens.seen(visitor.token.token.digest, visitor.origin.client)
        elif visitor.login is not None:
            self._logins.seen(visitor.login.session.digest)

    def _without_right(self, request: HTTPServerRequest, kind: Any, visitor: Visitor) -> Answer | None:
        refused = self._rights.refusal(request, kind, visitor)
        if refused is None:
            return None
        self._tell(request, 403, refused.reason)
        return json_answer(request, 403, refused.reason, refused.sentence)

    def _no_more(self, request: HTTPServerRequest, kind: Any, visitor: Visitor) -> Answer | None:
        """Asked when the body is there: the login can have ended meanwhile, or the role changed."""
        now = self._rights.now(visitor)
        if now is None:
            return self._denied(request)
        attach(request, now)
        return self._without_right(request, kind, now)

    # -- without one -------------------------------------------------------------------------------

    def _for_stranger(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
        path = request.path
        if not path.startswith(self._base_url) or climbs(path):
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
        locked = (visitor := visitor_of(request)) is not None and visitor.locked
        if is_page(request, behind=self._base_url):
            query = urlencode({"next": next_of(request.path, request.query, self._base_url)})
            page = "login/unlock" if locked else "login"
            self._tell(request, 302, f"to {page}")
            return redirect_answer(request, f"{self._base_url}{page}?{query}")
        if locked:
            self._tell(request, 403, "the login is locked")
            idle_for = self._logins.idle_for(visitor.login.session) if visitor and visitor.login else None
            return json_answer(request, 403, "locked", why_locked(idle_for))
        misplaced = self._token_places.misplaced(request)
        # Told here too: a program that asks this way often keeps the answer to itself.
        self._tell(
            request, 403, "access token in the URL (TotpAuth.token_in_url)" if misplaced else "no login"
        )
        return json_answer(request, 403, "signed-out", misplaced or why_signed_out(visitor))

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
        return unavailable_answer(request)

    def _tell(self, request: HTTPServerRequest, status: int, why: str) -> None:
        """One log line, without the query: what a stranger puts there is none of our log's business."""
        level = logging.INFO if status < 400 else logging.WARNING  # noqa: PLR2004 - HTTP's own border
        path = ascii(blanked(request.path)[:200])[1:-1]
        self._log.log(level, "%d %s %s (%s) %s", status, request.method, path, request.remote_ip, why)
