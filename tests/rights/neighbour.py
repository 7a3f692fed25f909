"""A program behind jupyter-server-proxy, which writes down what it is sent: ``neighbour.py PORT JOURNAL``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tornado import web
from tornado.websocket import WebSocketHandler


def journal(handler: web.RequestHandler) -> None:
    """One line of JSON a request."""
    request = handler.request
    with Path(sys.argv[2]).open("a") as file:
        file.write(json.dumps([request.method, request.uri, dict(request.headers)]) + "\n")


class Page(web.RequestHandler):
    def get(self) -> None:
        journal(self)
        self.add_header("Set-Cookie", "theirs=2; Path=/")
        for name in self.get_query_arguments("cookie"):
            self.add_header("Set-Cookie", f"{name}=planted; Path=/; HttpOnly")
        self.set_header("Service-Worker-Allowed", "/")
        self.finish("the neighbour")

    post = put = patch = delete = get

    def check_xsrf_cookie(self) -> None:
        """It knows of no other site."""


class Echo(WebSocketHandler):
    def check_origin(self, origin: str) -> bool:
        return True

    def open(self) -> None:
        journal(self)

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


async def main() -> None:
    web.Application([("/socket", Echo), ("/.*", Page)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
