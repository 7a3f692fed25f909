"""A server that writes down what arrives. Tornado's, as Jupyter is: what it takes for a request is one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.hosting.outside import HOME

HEALTH = "/api/totp/health"
"""HAProxy asks for it by itself."""


@dataclass
class Scribe:
    """What came in, in order."""

    port: int = 0
    requests: list[HTTPServerRequest] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Of all requests, with their queries."""
        return [request.uri or "" for request in self.requests]

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Of the last one."""
        return list(self.requests[-1].headers.get_all())

    def values(self, name: str) -> list[str]:
        """All lines of one header of the last request."""
        return self.requests[-1].headers.get_list(name)


@contextmanager
def writing() -> Iterator[Scribe]:
    """Run one, in a thread of its own."""
    book, ready = Scribe(), threading.Event()
    loop = asyncio.new_event_loop()

    class Answer(RequestHandler):
        def prepare(self) -> None:
            if self.request.path != HEALTH:
                book.requests.append(self.request)
            self.finish("seen")

    async def serve() -> None:
        sockets = bind_sockets(0, HOME)
        book.port = sockets[0].getsockname()[1]
        server = HTTPServer(Application([(r".*", Answer)], log_function=lambda _: None))
        server.add_sockets(sockets)
        ready.set()
        await stopped.wait()
        server.stop()
        await server.close_all_connections()

    stopped = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield book
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        loop.close()
