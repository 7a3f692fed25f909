"""Tells systemd how the server is: sd_notify(3), a datagram a message (decision 0015).

A service manager's variables are taken out of the environment: a kernel that has them could speak for the
server, or be taken for it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import MutableMapping

_SOCKET, _WATCHDOG, _WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
_PER_SECOND = 1_000_000


class Notifier:
    """Speaks to the service manager, where there is one; elsewhere everything it does is nothing.

    A message that cannot be sent is no error: the server serves people, and systemd only looks on.
    """

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog = watchdog if self._address else None
        """Seconds within which it has to hear :meth:`alive`; None: it does not listen for it."""

    @property
    def listens(self) -> bool:
        """Whether anybody wants to be told."""
        return bool(self._address)

    def ready(self, status: str) -> bool:
        """Logins are served: at the start, and after a reload. Whether it was sent."""
        return self._tell("READY=1", f"STATUS={status}")

    def status(self, status: str) -> bool:
        """One short line for ``systemctl status``."""
        return self._tell(f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again; :meth:`ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """The server is about to end."""
        self._tell("STOPPING=1", f"STATUS={status}")

    def alive(self) -> None:
        """The event loop turns."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> bool:
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)  # noqa: FBT003 - a full queue must not stop the event loop
                channel.sendto("\n".join(lines).encode(), self._address)
        except (OSError, ValueError):
            return False
        return True


def taken_from(environment: MutableMapping[str, str], *, pid: int) -> Notifier:
    """What the environment says of a service manager; its variables are gone from there afterwards.

    The watchdog may mean another process than ``pid``: then it is not ours to feed.
    """
    address = environment.pop(_SOCKET, "")
    microseconds, meant = environment.pop(_WATCHDOG, ""), environment.pop(_WATCHDOG_PID, str(pid))
    if not address.startswith(("/", "@")):
        return Notifier()
    counts = microseconds.isascii() and microseconds.isdigit() and int(microseconds) > 0
    if not counts or meant != str(pid):
        return Notifier(address)
    return Notifier(address, int(microseconds) / _PER_SECOND)
