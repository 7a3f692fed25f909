"""A server extension that leaves one part of a request's way out for a moment, then another.

For ``benchmarks/request_parts.py``, on servers that nobody else uses: what it leaves out are protections.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from secrets import SystemRandom
from typing import Any
from unittest.mock import patch

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.log import log_request
from tornado import web
from tornado.ioloop import PeriodicCallback

from jupyter_totp_auth.web import gate

AS_IT_IS = "as it is"
_TURN_MS = 60
_FEWEST = 20
"""Requests of a turn that is worth noting."""


class _Forgetful(dict[Any, Any]):
    """Takes nothing in."""

    def __setitem__(self, *_: Any) -> None:
        pass


def _without(serverapp: Any) -> dict[str, Callable[[], Any]]:
    """What is put in its place for each part; each is a context manager."""
    ours, jupyters = gate.Gate, partial(log_request, record_prometheus_metrics=True)
    settings = serverapp.web_app.settings
    routes = serverapp.identity_provider.door.inner.__self__
    return {
        AS_IT_IS: ExitStack,
        "without the private head of the answer": partial(patch.object, gate, "keep_private", _nothing),
        "without rights": partial(patch.object, ours, "_without_right", _nothing),
        "without when it was seen last": partial(patch.object, ours, "_seen", _nothing),
        "without whose work it is": partial(patch.object, ours, "_fitted", lambda _self, kind, *_: kind),
        "without Jupyter's flag that denies": partial(
            patch.dict, settings, {"allow_unauthenticated_access": True}
        ),
        "without access log and metrics": partial(patch.dict, settings, {"log_function": _nothing}),
        "with all rules tried for each request": partial(patch.object, routes, "_known", _Forgetful()),
        "with lines of the access log that nobody reads": partial(
            patch.dict, settings, {"log_function": jupyters}
        ),
    }


def _nothing(*_: Any) -> None:
    pass


class Turns:
    """Parts in turn, in an order of chance, and the processor time of a request without each."""

    def __init__(self, serverapp: Any) -> None:
        application = serverapp.web_app
        self._parts = _without(serverapp)
        self.found: dict[str, list[float]] = {name: [] for name in self._parts}
        self._order: list[str] = []
        self._requests = 0
        self._log_request, application.log_request = application.log_request, self._counted
        self._turn = self._turns()

    def _counted(self, handler: web.RequestHandler) -> None:
        self._requests += 1
        self._log_request(handler)

    def next(self) -> None:
        """End the turn that is, and begin another."""
        next(self._turn)

    def _turns(self) -> Iterator[None]:
        while True:
            if not self._order:
                self._order = SystemRandom().sample(list(self._parts), len(self._parts))
            name = self._order.pop()
            with self._parts[name](), self._measured(name):
                yield

    @contextmanager
    def _measured(self, name: str) -> Iterator[None]:
        requests, begun = self._requests, time.thread_time()
        yield
        requests, seconds = self._requests - requests, time.thread_time() - begun
        if requests >= _FEWEST:
            self.found[name].append(seconds / requests * 1e6)


class Found(JupyterHandler):
    """What was found since it was asked last."""

    turns: Turns

    @web.authenticated
    def get(self) -> None:
        """Microseconds of each turn, by what was left out."""
        self.finish({name: _taken(values) for name, values in self.turns.found.items()})


def _taken(values: list[float]) -> Sequence[float]:
    taken = values[:]
    values.clear()
    return taken


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "in_parts"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    Found.turns = Turns(serverapp)
    serverapp.web_app.add_handlers(".*$", [(rf"{serverapp.base_url}from-inside/parts", Found)])
    timer = PeriodicCallback(Found.turns.next, _TURN_MS)
    serverapp.io_loop.add_callback(timer.start)
