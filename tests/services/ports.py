"""Free TCP ports."""

from __future__ import annotations

import random
import socket

_BELOW = range(15_000, 32_000)
"""Below those that Linux gives to outgoing connections (32768 and up), of which the tests make thousands."""
_handed_out: set[int] = set()


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that nothing listens on, and that was not handed out before; `""`: on all addresses.

    Between this answer and the listening another program may take the port: services try again.
    """
    while True:
        port = random.choice(_BELOW)  # noqa: S311 - other processes choose at the same time
        if port not in _handed_out and _is_free(address, port):
            _handed_out.add(port)
            return port


def _is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Say whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
