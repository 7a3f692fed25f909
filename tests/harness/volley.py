"""HTTP by the byte: what no browser would send, and many requests that arrive at the same moment."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from typing_extensions import Self

from tests.harness.canary import note_shown


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of a header, as often as it stands there."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str:
        """The value of a header; empty where it is missing."""
        return next(iter(self.all(name)), "")

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


def message(
    url: str,
    method: str,
    path: str,
    *,
    cookies: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> bytes:
    """A request as it goes over the wire. ``path`` is absolute."""
    host = urlsplit(url).netloc
    fields = {"Host": host, "Origin": f"http://{host}", **(headers or {})}
    if cookies:
        fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    if body or method == "POST":
        fields["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def form(url: str, path: str, values: Mapping[str, str], cookies: Mapping[str, str]) -> bytes:
    """A form, as a page of the server itself would send it."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode(values).encode()
    return message(url, "POST", path, cookies=cookies, headers=kind, body=body)


class Wire:
    """One connection."""

    def __init__(self, url: str, *, seconds: float = 60) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """All of it, in one write."""
        self._socket.sendall(data)

    def half_close(self) -> None:
        """Say that nothing more will come."""
        self._socket.shutdown(socket.SHUT_WR)

    def read(self) -> bytes:
        """Whatever comes next; empty where the other side has hung up."""
        return self._reader.read1(65_536)

    def answer(self) -> Answer:
        """The next response."""
        response = http.client.HTTPResponse(_Stream(self._reader))  # type: ignore[arg-type]
        response.begin()
        answer = Answer(response.status, tuple(response.getheaders()), response.read())
        note_shown("\n".join([*answer.all("Set-Cookie"), answer.text]))
        return answer

    def ask(self, data: bytes) -> Answer:
        """Send, and take the answer."""
        self.send(data)
        return self.answer()

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Stream:
    """What HTTPResponse wants for a socket: our one reader, which it must not close."""

    def __init__(self, reader: io.BufferedReader) -> None:
        self._reader = reader

    def makefile(self, _mode: str) -> _Stream:
        return self

    def readline(self, limit: int = -1) -> bytes:
        return self._reader.readline(limit)

    def read(self, size: int = -1) -> bytes:
        return self._reader.read(size)

    def readinto(self, buffer: memoryview) -> int:
        return self._reader.readinto(buffer)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def volley(requests: Sequence[tuple[str, bytes]]) -> list[Answer]:
    """Many requests (URL of the server, bytes) at the same moment: the last byte of each is held back."""
    wires: list[Wire] = []
    try:
        for url, data in requests:
            wire = Wire(url)
            wires.append(wire)
            wire.send(data[:-1])
        for wire, (_, data) in zip(wires, requests, strict=True):
            wire.send(data[-1:])
        return [wire.answer() for wire in wires]
    finally:
        for wire in wires:
            wire.close()
