"""The rim on a bare tornado application, in this process: gate, pages and API without Jupyter around them.

Quick enough for every save; the real server is what tests/attacks and tests/host are for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import argon2
from tornado import web, websocket
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from typing_extensions import Self

from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.web.assembly import make_now
from jupyter_totp_auth.web.client_address import ClientAddresses
from jupyter_totp_auth.web.cookies import Cookies
from jupyter_totp_auth.web.door import Door
from jupyter_totp_auth.web.gate import Gate
from jupyter_totp_auth.web.hosts import Hosts
from jupyter_totp_auth.web.pool import BoundedPool, HashPool
from jupyter_totp_auth.web.probe import Probes
from jupyter_totp_auth.web.reading_along import ReadingAlong
from jupyter_totp_auth.web.rights import Rights
from jupyter_totp_auth.web.rim import Rim
from jupyter_totp_auth.web.routes import handlers, public_routes
from jupyter_totp_auth.web.sockets import Sockets
from jupyter_totp_auth.web.tokens import TokenPlaces
from jupyter_totp_auth.web.visitor import lives
from jupyter_totp_auth.web.xsrf import Xsrf
from jupyter_totp_auth.wiring import Services, build, system_clock

LOG = logging.getLogger("tests.web")


class PrivateHandler(web.RequestHandler):
    """Somebody's raw handler, with no rule of its own."""

    calls: int = 0

    def get(self) -> None:
        self.write("private")

    def post(self) -> None:
        type(self).calls += 1
        self.write(str(len(self.request.body)))

    def check_xsrf_cookie(self) -> None:
        pass


class EchoSocket(websocket.WebSocketHandler):
    """Somebody's raw WebSocket."""

    heard: list[str] = []  # noqa: RUF012 - shared on purpose: the test looks into it

    def on_message(self, message: str | bytes) -> None:
        self.heard.append(str(message))
        self.write_message(f"echo {message!s}")


class Clock:
    """A wall clock that only a test moves: a slow machine must not change a result."""

    def __init__(self) -> None:
        self._start = system_clock()
        self.offset = 0

    def __call__(self) -> int:
        return self._start + self.offset


class SmallServer:
    """``with SmallServer(tmp_path) as server`` – a thread with its own event loop."""

    def __init__(
        self, home: Path, *, base_url: str = "/", proxies: tuple[str, ...] = (), **options: Any
    ) -> None:
        self.home = home
        self.base_url = base_url
        self.clock = Clock()
        settings = TotpAuth(
            database_url=f"sqlite:///{home / 'store' / 'totp.sqlite3'}",
            key_file=str(home / "key" / "keyring"),
            **options,
        )
        self.services: Services = build(
            settings, clock=self.clock, hasher=Hasher(argon2.profiles.CHEAPEST), audit_log=None
        )
        self._proxies = [ipaddress.ip_network(entry) for entry in proxies]
        self._settings = settings
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    def call(self, function: Callable[[], Any]) -> Any:
        """Run on the server's event loop."""

        async def run() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def forget_logins(self) -> None:
        """As after a restart."""
        logins = self.services.logins
        for login in list(logins):
            logins._drop(login.session.digest)

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        server = HTTPServer(self._application())
        server.add_sockets(sockets)
        self.rim.start()
        self._ready.set()
        await self._stop.wait()
        self.rim.stop()
        server.stop()
        await server.close_all_connections()

    def _application(self) -> web.Application:
        logins = self.services.logins
        store_pool = BoundedPool("store", threads=2, queue=64, patience=9)
        rights = Rights(self.services)
        self.rim = Rim(
            now=make_now(self._settings, self.services, self.base_url),
            base_url=self.base_url,
            cookies=Cookies(self.base_url, port=lambda: str(self.port)),
            xsrf=Xsrf(self.services.store.sealer, self.base_url),
            rights=rights,
            sockets=Sockets(
                lambda key: lives(self.services, key) and not self.rim.is_stale(), ReadingAlong(rights)
            ),
            hash_pool=HashPool("hash", threads=1, queue=16, reserved=4, patience=9),
            store_pool=store_pool,
            member_pool=BoundedPool("member", threads=2, queue=64, patience=9),
            log=LOG,
        )
        prefix = self.base_url.rstrip("/")
        rules: list[Any] = [(prefix + rule[0], *rule[1:]) for rule in handlers(self.rim)]
        application = web.Application(
            [*rules, (prefix + "/private", PrivateHandler), (prefix + "/socket", EchoSocket)],
            xsrf_cookies=True,
            log_function=lambda _handler: None,
        )
        door = Door(application)
        addresses = ClientAddresses(self._proxies, trust_unix=False, log=LOG)
        gate = Gate(
            door.inner,
            base_url=self.base_url,
            public=public_routes(),
            logins=logins,
            access_tokens=self.services.access_tokens,
            token_places=TokenPlaces(self.base_url, self._settings.token_in_url),
            cookies=self.rim.cookies,
            hosts=Hosts(self._settings.allowed_hosts),
            addresses=addresses,
            rights=rights,
            sockets=self.rim.sockets,
            pool=store_pool,
            probes=Probes(
                application,
                self.services.store.probes,
                base_url=self.base_url,
                addresses=addresses,
                pool=store_pool,
                clock=self.clock,
            ),
            is_stale=self.rim.is_stale,
            allow_origin=lambda _origin: False,
            log=LOG,
        )
        door.put(gate)
        return application

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self.rim.hash_pool.stop()
        self.rim.store_pool.stop()
        self.rim.member_pool.stop()
        self.services.close()
