"""A person at a browser, on another machine than the guide's."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

import websocket

from tests.guides.machine import Machine
from tests.harness.canary import note
from tests.harness.client import PASSWORD, Client, Person

_LINK = re.compile(r"(https?://\S+/)enroll#([\w-]{43})")


class Visitor(Client):
    """A browser that trusts what the machine trusts."""

    def __init__(self, url: str, machine: Machine, **headers: str) -> None:
        super().__init__(url, **headers)
        self._trusted = str(machine.file("/etc/ssl/certs/ca-certificates.crt"))
        self.session.verify = self._trusted

    def socket(self, path: str, *, origin: str | None = "", **options: Any) -> websocket.WebSocket:
        """An open WebSocket over TLS."""
        trust = {"ca_certs": self._trusted, "cert_reqs": ssl.CERT_REQUIRED}
        # As browsers do, once they know what Basic asks for.
        sent = {
            name: str(self.session.headers[name])
            for name in ("Authorization",)
            if name in self.session.headers
        }
        options.setdefault("header", sent)
        return super().socket(path, origin=origin, **{"sslopt": trust, **options})


def link_in(text: str) -> tuple[str, str]:
    """The address and the enrollment code of the last link that was printed."""
    url, code = _LINK.findall(text)[-1]
    note("enrollment-code", code)
    return url, code


def enrolled(machine: Machine, said: str, name: str) -> tuple[Visitor, Person]:
    """Somebody who opens the link in `said` and goes through all of its pages."""
    url, code = link_in(said)
    visitor = Visitor(url, machine)
    return visitor, visitor.enroll(code, username=name, password=PASSWORD)


def signed_in(machine: Machine, url: str, person: Person, **headers: str) -> Visitor:
    """Both factors, in a browser that was never there."""
    visitor = Visitor(url, machine, **headers)
    visitor.log_in(person)
    return visitor


def works(visitor: Visitor) -> None:
    """A cell runs, and a terminal."""
    kernel = visitor.kernel_socket(visitor.start_kernel())
    assert visitor.execute(kernel, "print(6 * 7)", 60) == "42\n"
    terminal = visitor.socket(f"terminals/websocket/{visitor.start_terminal()}")
    terminal.send('["stdin", "echo $((6 * 7))-done\\r"]')
    while "42-done" not in terminal.recv():
        pass


def log_of(machine: Machine, unit: str) -> Path:
    """What a service has said."""
    return machine.file(f"/var/log/units/{unit}.log")
