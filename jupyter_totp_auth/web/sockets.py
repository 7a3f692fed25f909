"""Every live WebSocket of every login: asked again at open and at each message, closed when it ends (R26).

jupyter_server asks who somebody is only at the upgrade. A kernel or terminal socket would outlive its
login for days.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Protocol
from weakref import WeakSet

from jupyter_server.services.events.handlers import SubscribeWebsocket
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .shared_documents import AWARENESS, kind_of
from .visitor import visitor_of
from .who_ran_what import WhoRanWhat

CLOSE_CODE = 1001
"""Going away. At 4001 JupyterLab says "Kernel died unexpectedly" and loses the kernel; at 1001 it
reconnects after the next login, with variables and outputs."""

_REASON = "signed out"

HINT = json.dumps({"schema_id": "jupyter-totp-auth/stopping"})
"""Comes down the socket of Jupyter's events, which pages hold open: time to look at ``api/totp/me``. Nobody
can send it by ``POST api/events``, where this schema is unknown; and it says nothing by itself."""
_ONE_HINT_IN = 30
"""Seconds, of one socket."""


class Judge(Protocol):
    """Who may have which socket, and send what on it (``reading_along``)."""

    def may_stay(self, handler: WebSocketHandler) -> bool: ...
    def passed(self, handler: WebSocketHandler, message: str | bytes) -> str | bytes | None: ...


class Sockets:
    """The open sockets of this process, by what they were opened with (``Visitor.socket_key``)."""

    def __init__(
        self, is_alive: Callable[[str], bool], judge: Judge, who_ran_what: WhoRanWhat | None = None
    ) -> None:
        self._is_alive = is_alive
        self._judge = judge
        self.who_ran_what = who_ran_what
        self._open: dict[str, WeakSet[WebSocketHandler]] = {}

    def __len__(self) -> int:
        return sum(len(group) for group in self._open.values())

    def may_go_on(self, handler: WebSocketHandler) -> bool:
        """Whether what opened this socket still lives, and may still have it. From memory."""
        key = _key(handler)
        return key is not None and self._is_alive(key) and self._judge.may_stay(handler)

    def passed(self, handler: WebSocketHandler, message: str | bytes) -> str | bytes | None:
        """The message as its handler may have it, or None: what may be run, and where runs are recorded."""
        passed = self._judge.passed(handler, message)
        if passed is None and kind_of(message) != AWARENESS:  # of that, pages send what nobody misses
            self._hint(handler)
        if passed is None or self.who_ran_what is None:
            return passed
        return passed if self.who_ran_what.may_pass(handler, passed) else None

    def add(self, handler: WebSocketHandler, *path: Any) -> None:
        """Remember an open socket; ``path`` is what the URL's pattern gave."""
        if self.who_ran_what is not None:
            self.who_ran_what.opened(handler, *path)
        key = _key(handler)
        if key is not None:
            self._open.setdefault(key, WeakSet()).add(handler)

    def discard(self, handler: WebSocketHandler) -> None:
        """Forget a closed one."""
        if self.who_ran_what is not None:
            self.who_ran_what.closed(handler)
        key = _key(handler)
        group = self._open.get(key) if key is not None else None
        if key is not None and group is not None:
            group.discard(handler)
            if not group:
                del self._open[key]

    def tell(self, kind: type[WebSocketHandler], message: str, *, key: str | None = None) -> None:
        """Send a message down every open socket of this kind; with ``key``, of one login."""
        groups = list(self._open.values()) if key is None else [self._open.get(key, ())]
        for handler in [handler for group in groups for handler in group]:
            if isinstance(handler, kind):
                with suppress(WebSocketClosedError):
                    handler.write_message(message)

    def _hint(self, handler: Any) -> None:
        """Something was refused: the person's pages look who they are by now, and say so."""
        now = time.monotonic()
        if now - getattr(handler, "_totp_hinted_at", -_ONE_HINT_IN) < _ONE_HINT_IN:
            return
        handler._totp_hinted_at = now  # noqa: SLF001 - ours, on another's handler
        for other in list(self._open.get(_key(handler) or "", ())):
            if isinstance(other, SubscribeWebsocket):
                with suppress(WebSocketClosedError):
                    other.write_message(HINT)

    def sweep(self) -> None:
        """Close what does not live any more (expired, ended here or elsewhere), or may not be had now."""
        for key in list(self._open):
            lives = self._is_alive(key)
            for handler in list(self._open.get(key, ())):
                if not (lives and self._judge.may_stay(handler)):
                    handler.close(CLOSE_CODE, _REASON)

    def fitted(self, handler_class: Any) -> Any:
        """Whatever a login is served: a socket ends with it, and what runs something is recorded."""
        if is_socket(handler_class):
            return self.guarded(handler_class)
        return handler_class if self.who_ran_what is None else self.who_ran_what.watched(handler_class)

    def guarded(self, handler_class: type[WebSocketHandler]) -> type[WebSocketHandler]:
        """``handler_class``, with every opening and message asking first."""
        guarded: Any = handler_class
        return _guarded(self, guarded)


@lru_cache(maxsize=256)
def _guarded(sockets: Sockets, handler_class: Any) -> type[WebSocketHandler]:
    """A subclass rather than a change of the class: other applications may use that one too."""

    def open_(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Here, not at the upgrade: a login that ended during the handshake must not run anything.
        if not sockets.may_go_on(self):
            self._totp_refused = True
            self.close(CLOSE_CODE, _REASON)
            return None
        sockets.add(self, *args)
        # Nagle's algorithm meets the proxy's delayed acknowledgement: 40 ms on every cell.
        self.set_nodelay(True)
        return super(guarded, self).open(*args, **kwargs)

    def on_message(self: Any, message: Any) -> Any:
        if not sockets.may_go_on(self):
            self.close(CLOSE_CODE, _REASON)
            return None
        passed = sockets.passed(self, message)
        return None if passed is None else super(guarded, self).on_message(passed)

    def on_close(self: Any) -> Any:
        sockets.discard(self)
        if getattr(self, "_totp_refused", False):
            return None  # its open never ran: there is nothing to undo
        return super(guarded, self).on_close()

    body = {
        "open": open_,
        "on_message": on_message,
        "on_close": on_close,
        "__module__": handler_class.__module__,
    }
    guarded: type[WebSocketHandler] = type(handler_class.__name__, (handler_class,), body)
    return guarded


def is_socket(handler_class: object) -> bool:
    """Whether a handler opens WebSockets."""
    return isinstance(handler_class, type) and issubclass(handler_class, WebSocketHandler)


def _key(handler: WebSocketHandler) -> str | None:
    visitor = visitor_of(handler.request)
    return visitor.socket_key if visitor else None
