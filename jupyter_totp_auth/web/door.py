"""Where the gate stands: in the place of one application's look-up of handlers (decision 0002)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application

from .gate import Gate
from .routing import Routes


class Door:
    """Put in its place once; a reload puts another gate into it, and the old one ends what it has begun."""

    def __init__(self, application: Application) -> None:
        self.inner: Callable[..., Any] = Routes(application).find_handler
        """The application's own look-up, which a gate stands before."""
        self._asks = self.inner
        self._application = application

    def put(self, gate: Gate) -> None:
        """Have every request from now on go by ``gate``."""
        if self._asks is self.inner:
            self._application.find_handler = self.find_handler  # type: ignore[method-assign]
        self._asks = gate.find_handler

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """What answers this request."""
        return self._asks(request, **kwargs)

    def stands(self, application: Application) -> bool:
        """Whether it is still in its place."""
        return getattr(application.find_handler, "__self__", None) is self
