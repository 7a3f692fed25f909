"""A server extension that measures from inside: what a check costs, without the network around it.

For benchmarks only; ``contenders.py`` puts it on the path of the servers that it starts.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado import web

_REMEMBERED = "_jupyter_current_user"


class CheckCost(JupyterHandler):
    """Microseconds of one ``get_user``, and of the look-up of this very request's handler."""

    @web.authenticated
    async def get(self) -> None:
        """``?times=N``."""
        times = int(self.get_argument("times", "2000"))
        self.finish({"get_user": await self._get_user(times), "find_handler": self._find_handler(times)})

    async def _get_user(self, times: int) -> float:
        check: Callable[[Any], Any] = self.identity_provider.get_user
        forget = vars(self).pop  # stock remembers, for one request
        first = self._once(check)
        is_awaited = inspect.isawaitable(first)
        if is_awaited:
            await first
        begun = time.perf_counter()
        for _ in range(times if is_awaited else 0):
            await self._once(check)
        for _ in range(0 if is_awaited else times):
            forget(_REMEMBERED, None)
            check(self)
        return (time.perf_counter() - begun) / times * 1e6

    def _once(self, check: Callable[[Any], Any]) -> Any:
        vars(self).pop(_REMEMBERED, None)
        found = check(self)
        assert found is not None
        return found

    def _find_handler(self, times: int) -> float:
        request, find = self.request, self.application.find_handler
        changed: dict[str, Any] = vars(request.connection)  # the gate puts its own there, once a request
        kept = changed.pop("write_headers", None)
        begun = time.perf_counter()
        for _ in range(times):
            find(request)
            changed.pop("write_headers", None)
        seconds = time.perf_counter() - begun
        if kept is not None:
            changed["write_headers"] = kept
        return seconds / times * 1e6


class Remember(JupyterHandler):
    """Have this process know every login of a file of bearers, as if each of them had asked for something."""

    @web.authenticated
    def get(self) -> None:
        """``?bearers=FILE``, a bearer a line."""
        provider: Any = self.identity_provider
        logins = provider.services.logins
        for text in Path(self.get_argument("bearers")).read_text().split():
            assert logins.load(text) is not None
        self.finish({"live": len(logins)})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "from_inside"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    base = rf"{serverapp.base_url}from-inside/"
    serverapp.web_app.add_handlers(".*$", [(f"{base}check", CheckCost), (f"{base}remember", Remember)])
