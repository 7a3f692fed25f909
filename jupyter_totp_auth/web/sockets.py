"""Every live WebSocket of every login: asked again at open and at each message, closed when it ends (R26).

jupyter_server asks who somebody is only at the upgrade. A kernel or terminal socket would outlive its
login for days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from weakref import WeakSet

from tornado.websocket import WebSocketHandler

from .visitor import visitor_of

CLOSE_CODE = 1001
"""Going away. At 4001 JupyterLab says "Kernel died unexpectedly" and loses the kernel; at 1001 it
reconnects after the next login, with variables and outputs."""

_REASON = "signed out"


class Sockets:
    """The open sockets of this process, by the login's id: a step-up changes its bearer only."""

    def __init__(self, is_open: Callable[[str], bool]) -> None:
        self._is_open = is_open
        self._open: dict[str, WeakSet[WebSocketHandler]] = {}

    def may_go_on(self, handler: WebSocketHandler) -> bool:
        """Whether the login that opened this socket lives and is not locked. From memory."""
        login_id = _login_id(handler)
        return login_id is not None and self._is_open(login_id)

    def add(self, handler: WebSocketHandler) -> None:
        """Remember an open socket."""
        login_id = _login_id(handler)
        if login_id is not None:
            self._open.setdefault(login_id, WeakSet()).add(handler)

    def discard(self, handler: WebSocketHandler) -> None:
        """Forget a closed one."""
        login_id = _login_id(handler)
        group = self._open.get(login_id) if login_id is not None else None
        if login_id is not None and group is not None:
            group.discard(handler)
            if not group:
                del self._open[login_id]

    def close(self, login_ids: Iterable[str]) -> None:
        """Close all sockets of these logins."""
        for login_id in login_ids:
            for handler in list(self._open.get(login_id, ())):
                handler.close(CLOSE_CODE, _REASON)

    def sweep(self) -> None:
        """Close the sockets of all logins that are not served any more (expired, locked, ended elsewhere)."""
        self.close([login_id for login_id in self._open if not self._is_open(login_id)])

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
        sockets.add(self)
        # Nagle's algorithm meets the proxy's delayed acknowledgement: 40 ms on every cell.
        self.set_nodelay(True)
        return super(guarded, self).open(*args, **kwargs)

    def on_message(self: Any, message: Any) -> Any:
        if not sockets.may_go_on(self):
            self.close(CLOSE_CODE, _REASON)
            return None
        return super(guarded, self).on_message(message)

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


def _login_id(handler: WebSocketHandler) -> str | None:
    visitor = visitor_of(handler.request)
    return visitor.login.session.id if visitor and visitor.login else None
