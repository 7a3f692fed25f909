"""Answers that the gate writes itself, before any handler exists and before a body is read.

And the same refusal, where a handler is there already.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Awaitable, Mapping
from typing import Any

from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.web import RequestHandler

from .failing import COME_AGAIN

_DRAIN_BYTES = 256 * 1024 * 1024
_DRAIN_SECONDS = 5

SAFETY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Answer(HTTPMessageDelegate):
    """A complete response, sent at once.

    What is still coming of the body is thrown away for a while, unread, before the connection closes:
    closing on a client that is still sending loses it the answer.
    """

    def __init__(
        self,
        request: HTTPServerRequest,
        status: int,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> None:
        self._connection: Any = request.connection
        self._expects = "Expect" in request.headers
        self._status = status
        self._body = body
        self._headers = HTTPHeaders({**SAFETY_HEADERS, **headers, "Content-Length": str(len(body))})
        self._head_only = request.method == "HEAD"
        self._left = _DRAIN_BYTES
        self._ended = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Send the response."""
        del start_line, headers
        connection = self._connection
        connection.set_max_body_size(_DRAIN_BYTES * 4)
        connection.set_body_timeout(_DRAIN_SECONDS)
        line = ResponseStartLine("HTTP/1.1", self._status, http.client.responses.get(self._status, ""))
        connection.write_headers(line, self._headers, None if self._head_only else self._body)
        if self._expects:  # nobody has begun to send, and now nobody will
            self._end()
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Throw it away."""
        self._left -= len(chunk)
        if self._left < 0:
            self._end()
        return None

    def finish(self) -> None:
        """The request is over, so is the response."""
        self._end()

    def on_connection_close(self) -> None:
        """Nothing is held."""
        self._ended = True

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._connection.finish()


def json_answer(request: HTTPServerRequest, status: int, reason: str, message: str) -> Answer:
    """The contract's error: ``{"message", "reason"}``."""
    body = json.dumps({"message": message, "reason": reason}).encode()
    return Answer(request, status, {"Content-Type": "application/json"}, body)


def redirect_answer(request: HTTPServerRequest, location: str) -> Answer:
    """A redirect within this server."""
    return Answer(request, 302, {"Location": location})


def unavailable_answer(request: HTTPServerRequest) -> Answer:
    """The store does not answer, so nobody can be told from anybody."""
    headers = {"Content-Type": "application/json", "Retry-After": str(COME_AGAIN)}
    body = b'{"message": "Logins cannot be checked at the moment.", "reason": "unavailable"}'
    return Answer(request, 503, headers, body)


def refuse(handler: RequestHandler, reason: str, message: str) -> None:
    """The contract's 403, by a handler whose own work is then not done: the caller sees to that."""
    handler.set_status(403)
    for name, value in SAFETY_HEADERS.items():
        handler.set_header(name, value)
    handler.set_header("Content-Type", "application/json")
    handler.finish(json.dumps({"message": message, "reason": reason}))
