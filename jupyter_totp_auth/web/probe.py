"""How a request arrived: told to whoever carries a one-time probe, as the doctor does (``doctor https://…``).

On any path, since a proxy treats paths differently; before routing, so it takes no path from anybody, and no
login comes of it. A probe that is none changes nothing: the request is answered as if it had none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.web import Application, stream_request_body
from tornado.websocket import WebSocketHandler

from .._version import __version__
from ..core import bearer
from ..core.bearer import Kind
from ..store import StoreUnavailable
from ..store.probes import SqlProbes
from .answers import SAFETY_HEADERS
from .client_address import ClientAddresses
from .failing import FailsClosed
from .hosts import is_own_origin
from .pool import BoundedPool, Busy
from .request_shape import has_body, wants_websocket

SCHEME = "Probe"
"""In ``Authorization``, which proxies keep out of their logs. Also in ``doctor/walk``: neither floor knows
the other, and a test holds the two together."""

_SLOWLY = "slowly"
_PAUSE = 1.0
_ECHO_BYTES = 1024
_MOST_BYTES = 16 << 20
_BODY_SECONDS = 120
_SOCKET_SECONDS = 900.0
_TOLD = frozenset(
    {
        *(
            "host",
            "origin",
            "upgrade",
            "connection",
            "content-length",
            "forwarded",
            "x-real-ip",
            "x-client-ip",
        ),
        *("true-client-ip", "cf-connecting-ip", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"),
    }
)
"""What the doctor asks about. Nothing else: a proxy adds secrets of its own, and a probe can be caught by
whoever stands in between."""


class Probes:
    """Recognises probes, uses them up, and answers."""

    def __init__(
        self,
        application: Application,
        probes: SqlProbes,
        *,
        base_url: str,
        addresses: ClientAddresses,
        pool: BoundedPool,
        clock: Callable[[], int],
    ) -> None:
        self._application = application
        self._probes = probes
        self._base_url = base_url
        self._addresses = addresses
        self._pool = pool
        self._clock = clock

    def digest(self, request: HTTPServerRequest) -> bytes | None:
        """The digest of what may be a probe; for nearly every request None, at the price of one look."""
        values = request.headers.get_list("Authorization")
        scheme, _, text = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        # A body only where it is the question, and with its length: it is thrown away as it comes.
        if scheme != SCHEME or request.method != ("PUT" if has_body(request) else "GET"):
            return None
        return bearer.digest(Kind.PROBE, text)

    async def answer(self, request: HTTPServerRequest, digest: bytes) -> HTTPMessageDelegate | None:
        """What answers the holder of a good probe, which is used up by it; else None."""
        try:
            good = await self._pool.run(self._probes.claim, digest, at=self._clock())
        except (StoreUnavailable, Busy, MemoryError):
            return None
        if not good:
            return None
        handler = ProbeSocket if wants_websocket(request) else ProbeHandler
        connection: Any = request.connection
        connection.set_max_body_size(_MOST_BYTES)
        connection.set_body_timeout(_BODY_SECONDS)
        return self._application.get_handler_delegate(
            request, handler, target_kwargs={"arrival": self._arrival(request)}
        )

    def _arrival(self, request: HTTPServerRequest) -> dict[str, Any]:
        """The request as this server sees it."""
        peer, is_trusted = self._addresses.peer(request)
        headers = [pair for pair in request.headers.get_all() if pair[0].lower() in _TOLD]
        return {
            "version": __version__,
            "base_url": self._base_url,
            "target": request.uri,
            "http": request.version,
            "headers": headers,
            "peer": peer,
            "peer_is_trusted": is_trusted,
            "client": request.remote_ip,  # the gate has put the truth there
            "scheme": request.protocol,
            "origin_is_own": all(is_own_origin(request, o) for o in request.headers.get_list("Origin")),
            "at": self._clock(),
        }


@stream_request_body
class ProbeHandler(FailsClosed):
    """The arrival as JSON; with ``?slowly`` a line, a pause, and then the JSON. A body is thrown away."""

    def initialize(self, arrival: dict[str, Any]) -> None:
        """tornado's way to hand things to a handler."""
        self._arrival = arrival

    def set_default_headers(self) -> None:
        """R32."""
        self.clear_header("Server")
        for name, value in {**SAFETY_HEADERS, "Content-Type": "application/json"}.items():
            self.set_header(name, value)

    async def get(self, *_: str) -> None:
        """Whatever the path."""
        if self.request.query == _SLOWLY:
            self.write("\n")
            await self.flush()
            await asyncio.sleep(_PAUSE)
        self.finish(json.dumps(self._arrival))

    def check_xsrf_cookie(self) -> None:
        """Not asked: nothing is changed."""

    def data_received(self, chunk: bytes) -> None:
        """Thrown away."""
        del chunk

    async def put(self, *_: str) -> None:
        """The same, when all of the body is there."""
        self.finish(json.dumps(self._arrival))


class ProbeSocket(WebSocketHandler):
    """The arrival as the first message; then an echo, until the other side has seen enough."""

    def initialize(self, arrival: dict[str, Any]) -> None:
        """tornado's way to hand things to a handler."""
        self._arrival = arrival
        self._end: asyncio.TimerHandle | None = None

    def check_origin(self, origin: str) -> bool:
        """Any: whether it is our own is what is told."""
        del origin
        return True

    @property
    def max_message_size(self) -> int:
        """Small: it is no way to send something."""
        return _ECHO_BYTES

    @property
    def ping_interval(self) -> float | None:
        """None: whether silence is survived is what the doctor asks."""
        return None

    def open(self, *_: str, **__: str) -> None:
        """Tell, and end by itself one day."""
        self.write_message(json.dumps(self._arrival))
        self._end = asyncio.get_running_loop().call_later(_SOCKET_SECONDS, self.close, 1001)

    def on_message(self, message: str | bytes) -> None:
        """Back to the sender."""
        self.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        """Nothing is held."""
        if self._end is not None:
            self._end.cancel()
