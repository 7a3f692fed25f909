"""An extension full of doors that Jupyter does not guard: raw handlers, raw sockets, late ones.

Whatever of it runs writes its name into the file named by DOORS_JOURNAL; DOORS_ROUTES gets every rule of
the running server, once everything is loaded.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.routing import PathMatches, Router
from tornado.websocket import WebSocketHandler

SECRET = "the-protected-bytes"
HANDSHAKE_SECONDS = 2.0
LATE_SECONDS = 0.5


def journal(what: str) -> None:
    """Note that code behind the gate ran."""
    with Path(os.environ["DOORS_JOURNAL"]).open("a") as file:
        file.write(f"{what}\n")


class RawHandler(web.RequestHandler):
    """A plain tornado handler: Jupyter's own flag does not reach it."""

    SUPPORTED_METHODS = (*web.RequestHandler.SUPPORTED_METHODS, "TRACE", "FOO")

    def get(self) -> None:
        journal("raw")
        self.finish(SECRET)

    post = put = patch = delete = head = options = trace = foo = get

    def check_xsrf_cookie(self) -> None:
        """Careless, on purpose."""


class OpensHandler(RawHandler):
    """Adds another door to an application that runs, in front of the others."""

    def get(self) -> None:
        super().get()
        self.application.add_handlers(".*$", [(self.request.path + "-later", RawHandler)])


class OwnPrepareHandler(JupyterHandler):
    """Its own ``prepare`` leaves Jupyter's checks out."""

    def prepare(self) -> None:
        journal("own-prepare")

    def get(self) -> None:
        journal("own-prepare-get")
        self.finish(SECRET)


class UndecoratedHandler(JupyterHandler):
    def get(self) -> None:
        journal("undecorated")
        self.finish(SECRET)


class UndecoratedApiHandler(APIHandler):
    def get(self) -> None:
        journal("undecorated-api")
        self.finish(json.dumps({"secret": SECRET}))


class BodyHandler(web.RequestHandler):
    """Does something with a whole body."""

    def post(self) -> None:
        journal(f"body {self.request.body.decode()}")
        self.finish("done")

    def check_xsrf_cookie(self) -> None:
        """Careless, on purpose."""


class RawSocket(WebSocketHandler):
    """A raw WebSocket, open to every origin."""

    name = "raw-socket"

    def check_origin(self, origin: str) -> bool:
        return True

    def open(self) -> None:
        journal(f"{self.name} open")
        self.write_message("hello")

    def on_message(self, message: str | bytes) -> None:
        journal(f"{self.name} message {message!r}")
        self.write_message(message)


class LspSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Put together as jupyter-lsp's is."""

    def open(self) -> None:  # type: ignore[override]
        journal("lsp open")
        self.write_message("hello")

    def on_message(self, message: str | bytes) -> None:
        journal(f"lsp message {message!r}")
        self.write_message(message)


class FailingHandler(JupyterHandler):
    """Breaks down with the whole request in hand."""

    def get(self) -> None:
        raise RuntimeError(f"{type(self).__name__} broke down")

    post = get

    def check_xsrf_cookie(self) -> None:
        """Careless, on purpose."""


class FailingApiHandler(FailingHandler, APIHandler):
    pass


class SlowHandshakeSocket(RawSocket):
    """Takes its time before the upgrade, as a kernel's socket does while the kernel answers."""

    name = "slow-get"

    async def get(self, *args: Any, **kwargs: Any) -> None:
        await asyncio.sleep(HANDSHAKE_SECONDS)
        await super().get(*args, **kwargs)


class SlowPrepareSocket(RawSocket):
    name = "slow-prepare"

    async def prepare(self) -> None:
        await asyncio.sleep(HANDSHAKE_SECONDS)


class SlowOpenSocket(RawSocket):
    """Takes its time inside ``open``, and goes on after it."""

    name = "slow-open"

    async def open(self) -> None:  # type: ignore[override]
        journal("slow-open open")
        await asyncio.sleep(HANDSHAKE_SECONDS)


HANDLERS: dict[str, type[web.RequestHandler]] = {
    "raw/http": RawHandler,
    "raw/opens": OpensHandler,
    "raw/own-prepare": OwnPrepareHandler,
    "raw/undecorated": UndecoratedHandler,
    "raw/undecorated-api": UndecoratedApiHandler,
    "raw/body": BodyHandler,
    "raw/fails": FailingHandler,
    "raw/fails-api": FailingApiHandler,
    "raw/socket": RawSocket,
    "raw/lsp/ws/x": LspSocket,
    "raw/slow-get": SlowHandshakeSocket,
    "raw/slow-prepare": SlowPrepareSocket,
    "raw/slow-open": SlowOpenSocket,
    # Beside public pages, where a list of public *paths* alone would let strangers in.
    "login/backdoor": RawHandler,
    "logout/": RawHandler,
    "api/totp/health/more": RawHandler,
    "favicon.ico/x": RawHandler,
    # The path is public, but not with this handler.
    "login/static/page.js": RawHandler,
}


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "doors"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    _add(serverapp, HANDLERS)

    def late() -> None:
        _add(serverapp, {"raw/late": RawHandler, "raw/late-socket": RawSocket})
        dump(serverapp.web_app)

    serverapp.io_loop.call_later(LATE_SECONDS, late)


def _add(serverapp: Any, handlers: dict[str, type[web.RequestHandler]]) -> None:
    base = serverapp.base_url
    rules: list[Any] = [(url_path_join(base, path), handler) for path, handler in handlers.items()]
    serverapp.web_app.add_handlers(".*$", rules)


def dump(application: web.Application) -> None:
    """Every rule that this server has: ``pattern``, tab, the handler's full name."""
    found: list[str] = []
    for router in (application.default_router, application.wildcard_router):
        _walk(router, found)
    place = Path(os.environ["DOORS_ROUTES"])
    place.with_suffix(".new").write_text("\n".join(dict.fromkeys(found)))
    place.with_suffix(".new").rename(place)


def _walk(router: Any, found: list[str]) -> None:
    for rule in router.rules:
        if isinstance(rule.matcher, PathMatches):
            target = rule.target
            name = f"{getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', target)}"
            found.append(f"{rule.matcher.regex.pattern}\t{name}")
        if isinstance(rule.target, Router):
            _walk(rule.target, found)
