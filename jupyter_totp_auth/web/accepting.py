"""Taking connections where the machine has no descriptor left for one: a pause, not a storm (N20).

tornado lets ``accept`` raise there, and is called again at once, since somebody still waits: the loop is
busy with nothing else, and writes a trace each time, thousands a second, onto the disk.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from tornado.ioloop import IOLoop
from tornado.netutil import add_accept_handler

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE = 0.5
"""Seconds; as long as it takes for somebody to go. Who waits, waits in the kernel's queue."""

_HEADER_SECONDS = 20.0
"""For a request's headers, and for which an idle connection is kept."""


class PatientListener:
    """A listening socket as tornado's ``add_accept_handler`` wants one."""

    def __init__(self, listener: socket.socket, log: Any) -> None:
        self._listener, self._log = listener, log
        self._is_told = False

    def fileno(self) -> int:
        """Of the socket itself."""
        return self._listener.fileno()

    def close(self) -> None:
        """Close the socket itself."""
        self._listener.close()

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises BlockingIOError where there is none, or none can be taken now."""
        try:
            accepted = self._listener.accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._rest(error)
            raise BlockingIOError from None
        self._is_told = False
        return accepted

    def _rest(self, error: OSError) -> None:
        loop: Any = IOLoop.current()
        loop.update_handler(self, IOLoop.ERROR)
        loop.asyncio_loop.call_later(_PAUSE, self._go_on, loop)
        if not self._is_told:
            self._is_told = True
            self._log.error("New connections have to wait (%s).", error.strerror)

    def _go_on(self, loop: Any) -> None:
        if self._listener.fileno() in loop.handlers:  # it may have been closed meanwhile
            loop.update_handler(self, IOLoop.READ)


def hurry(app: Any) -> None:
    """Close connections whose request does not come (G11). tornado waits an hour; Jupyter has no option.

    On the loop, since the HTTP server is made after the identity provider; each new connection asks anew.
    """
    server = getattr(app, "_http_server", None)
    if server is not None:
        server.conn_params.header_timeout = _HEADER_SECONDS
        # After what is queued already: Jupyter binds its port there.
        app.io_loop.add_callback(accept_patiently, server, app.log)


def accept_patiently(server: Any, log: Any) -> None:
    """Have a tornado HTTP server take its connections this way from now on. On the event loop."""
    for descriptor, listener in list(server._sockets.items()):  # noqa: SLF001 - tornado has no other way
        server._handlers[descriptor]()  # noqa: SLF001 - takes tornado's own handler off
        patient: Any = PatientListener(listener, log)
        server._handlers[descriptor] = add_accept_handler(patient, server._handle_connection)  # noqa: SLF001
