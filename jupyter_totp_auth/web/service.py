"""The life of the process as a service: ready, alive, read again, ended; told to systemd where it listens."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import stop_note
from .certificates import LOOK_EVERY
from .drain import Drain
from .heartbeat import Heartbeat
from .notify import Notifier
from .reload import reload

if TYPE_CHECKING:
    from .identity import TotpIdentityProvider

_LOOK_EVERY = 0.25
_SERVING = "Logins are served."
_NOT_SERVING = "Logins cannot be served at the moment."
_STOPPING = "Stopping."
_DRAINING = "Stopping in %d s at the latest; people's documents are being saved."


class Service:
    """One server's life. All of it on the event loop's thread."""

    def __init__(self, provider: TotpIdentityProvider, serverapp: Any, notifier: Notifier) -> None:
        self._provider, self._app, self._notifier = provider, serverapp, notifier
        self._status = ""
        self._is_ready = False
        self._beats: list[Heartbeat] = []
        self._drain = Drain(provider.rim, self._end)

    def begin(self) -> None:
        """From now on. To be called on the running event loop, before the server listens."""
        self._hear_of_the_end()
        if threading.current_thread() is threading.main_thread():  # signals are heard nowhere else
            self._hear_of_reloads()
            self._hear_of_termination()
        if self._provider.certificates is not None:
            self._provider.certificates.show_on(self._app.http_server)
            self._beat(self._look_at_certificates, LOOK_EVERY)
        if self._notifier.listens:
            self._beat(self._look, _LOOK_EVERY)
        if self._notifier.watchdog is not None:
            # On the loop itself, so that one that hangs is not fed; half, so that one beat may be late.
            self._beat(self._notifier.alive, self._notifier.watchdog / 2)

    def _beat(self, work: Callable[[], Any], seconds: float) -> None:
        beat = Heartbeat(work, seconds, self._provider.log)
        self._beats.append(beat)
        beat.start()

    # -- ready, and for how long -------------------------------------------------------------------

    def _look(self) -> None:
        """Ready once it listens and logins are served; then a line where that changes."""
        if self._drain.is_under_way:
            return
        serves = self._provider.rim.can_log_in()
        if not self._is_ready:
            server = getattr(self._app, "_http_server", None)
            self._is_ready = serves and bool(getattr(server, "_sockets", None)) and self._say_ready()
            return
        status = _SERVING if serves else _NOT_SERVING
        if status != self._status and self._notifier.status(status):
            self._status = status

    def _say_ready(self) -> bool:
        self._status = _SERVING if self._provider.rim.can_log_in() else _NOT_SERVING
        return self._notifier.ready(self._status)

    # -- read again --------------------------------------------------------------------------------

    def _hear_of_reloads(self) -> None:
        """By SIGHUP, where it can mean nothing else: to whom has a terminal, it says that it was closed."""
        hangup = getattr(signal, "SIGHUP", None)
        if hangup is None or signal.getsignal(hangup) is not signal.SIG_DFL or _has_terminal():
            return

        def heard(*_: object) -> None:
            self._app.io_loop.add_callback_from_signal(self.reload)

        signal.signal(hangup, heard)

    def reload(self) -> None:
        """Read configuration and certificate again. Whatever comes of it, the server goes on."""
        self._notifier.reloading()
        try:
            reload(self._provider, self._app)
        except Exception:
            self._provider.log.exception("jupyter_totp_auth: the reload failed")
        self._say_ready()

    def _look_at_certificates(self) -> None:
        if self._provider.certificates is not None:
            self._provider.certificates.look(self._app.http_server)

    # -- ended -------------------------------------------------------------------------------------

    def _hear_of_the_end(self) -> None:
        """Whatever ends the server comes by ``stop``: a signal, Jupyter's own URL, its idle time."""
        stop: Callable[..., None] = self._app.stop

        def stop_and_tell(*args: Any, **kwargs: Any) -> None:
            self._notifier.stopping(_STOPPING)
            stop(*args, **kwargs)

        self._app.stop = stop_and_tell

    def _end(self) -> None:
        self._app.stop()

    def _hear_of_termination(self) -> None:
        if signal.getsignal(signal.SIGTERM) == self._app._signal_stop:  # noqa: SLF001 - Jupyter's, and nobody else's
            signal.signal(signal.SIGTERM, self._heard)

    def _heard(self, number: int, _frame: object) -> None:
        self._app.io_loop.add_callback_from_signal(self._terminate, number)

    def _terminate(self, number: int) -> None:
        """With a drain where one is wanted; at the second signal at once."""
        wanted = stop_note.take(os.getpid())
        seconds = self._provider.settings.drain_seconds if wanted is None else wanted
        if seconds == 0 or self._drain.is_under_way:
            self._app._signal_stop(number, None)  # noqa: SLF001 - as without us
            return
        signal.signal(signal.SIGINT, self._heard)  # Jupyter's own would ask whether it is meant
        self._notifier.stopping(_DRAINING % seconds)
        self._provider.log.info("jupyter_totp_auth: %s", _DRAINING % seconds)
        self._drain.begin(seconds)


def _has_terminal() -> bool:
    """Whether this process has a controlling terminal."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    os.close(descriptor)
    return True
