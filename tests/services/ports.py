"""Free TCP ports."""

from __future__ import annotations

import socket

_handed_out: set[int] = set()


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that nothing listens on, and that was not handed out before; `""`: on all addresses.

    Between this answer and the listening another program may take the port: services try again.
    """
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
            port: int = probe.getsockname()[1]
        if port not in _handed_out:
            _handed_out.add(port)
            return port


def accepts(port: int) -> bool:
    """Say whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
