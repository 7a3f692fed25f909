"""A service manager, as far as a service hears and sees it: the socket of sd_notify(3), held by the test."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from typing_extensions import Self


class Manager:
    """Hears what a server says; ``address`` goes into its ``NOTIFY_SOCKET``."""

    def __init__(self, folder: Path | None = None) -> None:
        """On a path in ``folder``, or on an abstract socket."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if folder is None:
            self.address = f"@totp-test-{os.getpid()}-{id(self)}"
            self._socket.bind("\0" + self.address[1:])
        else:
            self.address = str(folder / "notify")
            self._socket.bind(self.address)
        self.heard: list[list[str]] = []

    def listen(self, seconds: float) -> list[list[str]]:
        """What it says in this time: the lines of each message."""
        begun, before = time.monotonic(), len(self.heard)
        while (left := begun + seconds - time.monotonic()) > 0:
            self._take(left)
        return self.heard[before:]

    def wait_for(
        self, line: str, seconds: float = 30, *, meanwhile: Callable[[], object] | None = None
    ) -> list[str]:
        """The next message that has this line; ``meanwhile`` is done before each look."""
        deadline, seen = time.monotonic() + seconds, len(self.heard)
        while time.monotonic() < deadline:
            if meanwhile is not None:
                meanwhile()
            self._take(0.05)
            for message in self.heard[seen:]:
                if line in message:
                    return message
            seen = len(self.heard)
        raise AssertionError(f"{line} was not said: {self.heard}")

    def _take(self, seconds: float) -> None:
        self._socket.settimeout(seconds)
        try:
            self.heard.append(self._socket.recv(4096).decode().split("\n"))
        except TimeoutError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()
