"""The life of the process as a service: it says when logins are served, that it lives, and that it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .heartbeat import Heartbeat
from .notify import Notifier
from .rim import Rim

_LOOK_EVERY = 0.25
_SERVING = "Logins are served."
_NOT_SERVING = "Logins cannot be served at the moment."
_STOPPING = "Stopping."


class Service:
    """One server's word to the service manager. All of it on the event loop's thread."""

    def __init__(self, serverapp: Any, rim: Rim, notifier: Notifier) -> None:
        self._app, self._rim, self._notifier = serverapp, rim, notifier
        self._status = ""
        self._is_ready = False
        self._beats: list[Heartbeat] = []

    def begin(self) -> None:
        """From now on. To be called on the running event loop."""
        stop: Callable[..., None] = self._app.stop

        def stop_and_tell(*args: Any, **kwargs: Any) -> None:
            self._notifier.stopping(_STOPPING)
            stop(*args, **kwargs)

        # Whatever ends the server comes by here: a signal, Jupyter's own URL, its idle time.
        self._app.stop = stop_and_tell
        if not self._notifier.listens:
            return
        self._beats = [Heartbeat(self._look, _LOOK_EVERY, self._rim.log)]
        if self._notifier.watchdog is not None:
            # On the loop itself, so that one that hangs is not fed; half, so that one beat may be late.
            self._beats.append(Heartbeat(self._notifier.alive, self._notifier.watchdog / 2, self._rim.log))
        for beat in self._beats:
            beat.start()

    def _look(self) -> None:
        """Ready once it listens and logins are served; then a line where that changes."""
        if not self._is_ready:
            self._is_ready = self._serves() and self._notifier.ready(_SERVING)
            self._status = _SERVING
            return
        status = _SERVING if self._rim.can_log_in() else _NOT_SERVING
        if status != self._status and self._notifier.status(status):
            self._status = status

    def _serves(self) -> bool:
        server = getattr(self._app, "_http_server", None)
        return self._rim.can_log_in() and bool(getattr(server, "_sockets", None))
