"""The gate's two ways of letting a request wait: for its login to be looked up, and for its body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)

StartLine = RequestStartLine | ResponseStartLine


class Deferred(HTTPMessageDelegate):
    """A request whose login has to be looked up before anything is decided; its body waits."""

    def __init__(self, decide: Callable[[], Awaitable[HTTPMessageDelegate]]) -> None:
        self._decide = decide
        self._inner: HTTPMessageDelegate | None = None

    async def headers_received(self, start_line: StartLine, headers: HTTPHeaders) -> None:
        """Ask, then go on as if the answer had been known."""
        self._inner = await self._decide()
        result = self._inner.headers_received(start_line, headers)
        if result is not None:
            await result

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass on."""
        return self._inner.data_received(chunk) if self._inner else None

    def finish(self) -> None:
        """Pass on."""
        if self._inner is not None:
            self._inner.finish()

    def on_connection_close(self) -> None:
        """Pass on."""
        if self._inner is not None:
            self._inner.on_connection_close()


class Reasked(HTTPMessageDelegate):
    """A request with a body: whether it may still be answered is asked again when the body has arrived.

    Else a body sent slowly would keep a request in hand that runs long after its login, or its right, was
    taken away. ``refusal``: an answer in the place of the handler's, or None.
    """

    def __init__(
        self,
        inner: HTTPMessageDelegate,
        request: HTTPServerRequest,
        *,
        refusal: Callable[[], HTTPMessageDelegate | None],
    ) -> None:
        self._inner = inner
        self._request = request
        self._refusal = refusal

    def headers_received(self, start_line: StartLine, headers: HTTPHeaders) -> Awaitable[None] | None:
        """Pass on."""
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass on."""
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        """Ask again, then let the handler run."""
        is_streaming = getattr(self._inner, "stream_request_body", False)
        answer = None if is_streaming else self._refusal()
        if answer is None:
            self._inner.finish()
            return
        start = RequestStartLine(self._request.method or "", self._request.path, "HTTP/1.1")
        answer.headers_received(start, self._request.headers)
        answer.finish()

    def on_connection_close(self) -> None:
        """Pass on."""
        self._inner.on_connection_close()
