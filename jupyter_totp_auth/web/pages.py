"""The base of our pages: strict headers, one-valued fields, the CSRF check, errors that keep the form."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from jupyter_server.auth.identity import User
from tornado import web

from ..core.addresses import AddressBuckets
from ..core.model import Origin
from ..core.passwords import CannotHash
from ..store import StoreUnavailable
from . import metrics
from .cookies import Cookie
from .failing import EXHAUSTED, FailsClosed, Stopping, Unavailable, in_words
from .gate import ANONYMOUS_BODY
from .hosts import is_from_own_page
from .next_url import safe_next
from .pool import Busy
from .request_shape import is_of_type
from .rim import Rim
from .visitor import Visitor, visitor_of

P = ParamSpec("P")
T = TypeVar("T")

_HSTS = f"max-age={365 * 24 * 3600}"
_FORM = "application/x-www-form-urlencoded"

_OWN_PAGES = frozenset({"login", "logout", "enroll"})

STALE = "This page had been open for too long. Please try again."


@dataclass(frozen=True)
class Message:
    """A line above a form: ``kind`` is error, info or warning."""

    kind: str
    text: str


class TotpHandler(FailsClosed):
    """What pages and JSON endpoints share. A plain tornado handler: nothing of Jupyter's can open it."""

    totp_body_limit = ANONYMOUS_BODY
    totp_refuses_tokens = True
    """Access tokens cannot manage security, nor sign in (L04). The gate looks."""
    known_here = False
    """Whether :meth:`admit` found that this browser has been in before: it need not queue with strangers."""

    totp_signs_in = False
    """Whether it is a way to a new login: not while the server is about to end."""

    csp = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

    def initialize(self, rim: Rim) -> None:
        """tornado's way to hand things to a handler."""
        self.rim, self.now, self.log = rim, rim.now, rim.log

    async def prepare(self) -> None:
        """A server that ends has other things to do than to let somebody in for seconds."""
        left = self.rim.seconds_left()
        if self.totp_signs_in and left is not None and self.visitor.login is None:
            raise Stopping(left)

    @property
    def visitor(self) -> Visitor:
        """The sender, as the gate decided."""
        visitor = visitor_of(self.request)
        if visitor is None:  # the gate was not asked: there is no such way
            raise web.HTTPError(403)
        return visitor

    @property
    def origin(self) -> Origin:
        """Where the request comes from, for the audit log."""
        return self.visitor.origin

    def get_current_user(self) -> User | None:
        """For Jupyter's log line only."""
        login = self.visitor.login
        return User(login.account.username) if login else None

    def set_default_headers(self) -> None:
        """R32."""
        self.clear_header("Server")
        visitor = visitor_of(self.request)
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": self.csp,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            # Not no-referrer: Chromium then sends "Origin: null" on a form's own POST.
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if visitor is not None and visitor.secure:
            headers["Strict-Transport-Security"] = _HSTS
        for name, value in headers.items():
            self.set_header(name, value)

    def check_xsrf_cookie(self) -> None:
        """Not here: tornado would answer with a bare 403 page. :meth:`is_own_request` is asked instead."""

    def is_own_request(self, submitted_token: str) -> bool:
        """Whether this state change comes from our own page: origin and double-submit token (R30)."""
        return is_from_own_page(self.request) and self.rim.xsrf.holds(
            self, submitted_token, login_id=self.visitor.login_id
        )

    def xsrf_value(self) -> str:
        """The token for a form of this very state."""
        visitor = self.visitor
        return self.rim.xsrf.token(self, login_id=visitor.login_id, secure=visitor.secure)

    async def hashing(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what hashes, in the bounded pool; a login or a known browser goes before strangers (R15)."""
        first = self.known_here or self.visitor.login is not None
        return await self._guarded(self.rim.hash_pool.run(first, call, *args, **kwargs))

    async def admit(self, buckets: AddressBuckets, *, name: str | None = None) -> int | None:
        """Seconds that this browser's address has to wait; None: go on, as do all browsers known here.

        Whether it is known (for ``name``, or None: at all) is asked of the store, since a made-up cookie
        must not get the place that is kept for known browsers.
        """
        rim = self.rim
        cookie = rim.cookies.read(self.request, Cookie.KNOWN_BROWSER, secure=self.visitor.secure)
        if cookie is not None:
            ask = self.now.services.login.is_known_browser
            self.known_here = await self.storing(ask, cookie, typed_name=name)
        if self.known_here:
            return None
        wait = buckets.take(self.origin.client, at=self.now.services.clock())
        if wait is not None:
            metrics.THROTTLED.labels("address").inc()
            rim.flood_log.tell(self.origin.client)
        return wait

    def tell_of_the_clock(self) -> None:
        """For the operator: nobody gets in by a code until it is put right (R11)."""
        self.rim.log.error(
            "The clock of this server shows less than it must: codes are refused, recovery codes work. Set "
            "it. If it is right and had been ahead, run jupyter totp unlock NAME, or use a recovery code."
        )

    async def storing(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what reads or writes the store; people with a login do not stand in the strangers' queue."""
        pool = self.rim.store_pool if self.visitor.login is None else self.rim.member_pool
        return await self._guarded(pool.run(call, *args, **kwargs))

    async def settled(self) -> None:
        """Wait until what was just ended is out of memory, and its sockets are cut."""
        await self._guarded(self.rim.sync())

    async def _guarded(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except (StoreUnavailable, Busy, CannotHash) as error:
            metrics.count_unavailable(error)
            if isinstance(error, StoreUnavailable):
                self.rim.doubt()
            raise Unavailable from None


class PageHandler(TotpHandler):
    """A page made of a form."""

    async def prepare(self) -> None:
        """Forms only. One sent with an open login is a person's input, as a look at a page is not (R25)."""
        await super().prepare()
        if self.request.method != "POST":
            return
        if not is_of_type(self.request, _FORM):
            raise web.HTTPError(415)
        login = self.visitor.login
        if login is not None and not login.locked and self.is_own_request(self.field("_xsrf")):
            await self.storing(self.now.services.logins.active, login)

    def field(self, name: str) -> str:
        """A form field as it was sent: one value, from the body, nothing stripped or replaced.

        tornado's own getters turn control characters into blanks: two passwords would become one.
        """
        values = self.request.body_arguments.get(name, [b""])
        if len(values) != 1:
            raise web.HTTPError(400)
        try:
            return values[0].decode("utf-8")
        except UnicodeDecodeError:
            raise web.HTTPError(400) from None

    def next_url(self) -> str:
        """Where the person wanted to go (``?next=``), as far as it is on this server."""
        values = self.request.query_arguments.get("next", [])
        raw = values[0].decode("utf-8", "replace") if len(values) == 1 else None
        wanted = safe_next(raw, self.rim.base_url)
        # A link that signs a person in only to log them out again leads nowhere, either.
        first = wanted[len(self.rim.base_url) :].partition("?")[0].partition("/")[0]
        return self.rim.base_url if first in _OWN_PAGES else wanted

    def with_next(self, page: str) -> str:
        """The URL of one of our pages, carrying ``next`` along."""
        wanted = self.next_url()
        url = f"{self.rim.base_url}{page}"
        return url if wanted == self.rim.base_url else f"{url}?{urlencode({'next': wanted})}"

    def go(self, url: str) -> None:
        """See other (303): the answer to a form is another page."""
        self.redirect(url, status=303)

    def page(
        self,
        template: str,
        *,
        status: int = 200,
        message: Message | None = None,
        xsrf: str = "",
        **variables: Any,
    ) -> None:
        """Answer with a page under a strict CSP with a fresh nonce.

        ``xsrf``: a token issued in this very request, which the request's own cookie does not hold yet.
        """
        nonce = secrets.token_urlsafe(16)
        self.set_status(status)
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            "img-src 'self' data:; form-action 'self'; base-uri 'none'; object-src 'none'; "
            "frame-ancestors 'none'",
        )
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        variables.setdefault("action", self.with_next(self.request.path[len(self.rim.base_url) :]))
        self.finish(
            self.now.pages.render(
                template,
                nonce=nonce,
                xsrf=xsrf or self.xsrf_value(),
                message=message,
                status=status,
                **variables,
            )
        )

    def throttled(self, seconds: int) -> Message:
        """429, with how long to wait: the same words for every name."""
        self.set_header("Retry-After", str(seconds))
        return Message("error", f"Too many tries. Please wait {_in_words(seconds)}, then try again.")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A page for what has no form to go back to: no trace, no detail."""
        told = in_words(status_code, kwargs.get("exc_info", (None, None))[1])
        if told.retry_after is not None:
            self.set_header("Retry-After", str(told.retry_after))
        try:
            self.page(
                "error.html",
                status=status_code,
                title=told.title,
                text=told.text,
                link_url=f"{self.rim.base_url}login",
                link_text="To the sign-in page",
            )
        except EXHAUSTED:  # no randomness for the nonce, no memory for the page: then in plain words
            self.set_status(503)
            self.set_header("Content-Type", "text/plain; charset=UTF-8")
            self.finish(in_words(503).text)


_MINUTE = 60


def _in_words(seconds: int) -> str:
    if seconds < 2 * _MINUTE:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // _MINUTE)} minutes"


def drift_message(drift: int) -> Message:
    """What to say when a code was right for another minute (seconds; positive: the phone is ahead)."""
    off = _in_words(abs(drift))
    return Message(
        "error",
        f"Your phone's or the server's clock is off by about {off}. Set the phone's clock to be set "
        "automatically, then use the next code.",
    )
