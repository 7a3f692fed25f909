"""Requests as a browser's would go, one connection each; redirects are not followed."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any

import websocket

from .address import Address

PATIENCE = 10.0
"""Seconds to connect, and for each piece of an answer."""

_MOST_BYTES = 1 << 20
_DEADLINE = 30.0
"""Seconds for a whole exchange, however it drips: what answers can be anybody."""
_SWITCHED = 101
_STRANGER = "127.83.84.82"
"""Where requests to this machine's own loopback come from: the proxy in front, which is believed, comes from
127.0.0.1, and would not be told apart from its client."""


class NoAnswer(Exception):
    """A connection that ends with no answer on it; the message says how."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    pause: float
    """Seconds between its first and its last byte."""

    def all(self, name: str) -> list[str]:
        """All lines of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        """The first line of a header; empty where there is none."""
        return next(iter(self.all(name)), "")

    @property
    def is_moved(self) -> bool:
        """Whether it sends a browser on."""
        return self.status in (301, 302, 303, 307, 308)

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in it; empty where it is none."""
        with suppress(ValueError, RecursionError):
            found = json.loads(self.body)
            return found if isinstance(found, dict) else {}
        return {}

    @property
    def is_ours(self) -> bool:
        """Whether this package has written it: its errors and its health are JSON of a form of their own."""
        return isinstance(self.document.get("reason"), str) or self.document == {"status": "ok"}


@dataclass(frozen=True)
class Wire:
    """The way to an address."""

    address: Address
    trust: ssl.SSLContext | None
    """What its certificate is judged by; None: it speaks plain http."""

    def certificate(self) -> dict[str, Any]:
        """What the other side's says of itself, judged. Raises OSError, ssl.SSLError among them."""
        with self.connect() as wire:
            return dict(wire.getpeercert() or {}) if isinstance(wire, ssl.SSLSocket) else {}

    def connect(self) -> socket.socket:
        """A connection. Raises OSError, ssl.SSLError among them."""
        plain = dial(self.address.host, self.address.port)
        if self.trust is None:
            return plain
        try:
            return self.trust.wrap_socket(plain, server_hostname=self.address.host)
        except BaseException:
            plain.close()
            raise

    def ask(
        self,
        target: str,
        headers: dict[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes = b"",
        wait: float | None = None,
    ) -> Answer:
        """One request; ``wait``: seconds for each piece of the answer. Raises NoAnswer."""
        wait = PATIENCE if wait is None else wait
        try:
            wire = self.connect()
            wire.settimeout(wait)
            speaker = http.client.HTTPConnection(self.address.host, self.address.port)
            speaker.sock = wire
            with wire, ended_after(wire, max(wait, _DEADLINE)):
                speaker.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
                for name, value in {"Host": self.address.netloc, **(headers or {})}.items():
                    speaker.putheader(name, value)
                speaker.endheaders()
                with suppress(BrokenPipeError, ConnectionResetError):  # refused before it has all of it
                    wire.sendall(body)
                with speaker.getresponse() as answer:  # which holds the connection open, too
                    return _read(answer)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(in_words(error)) from None

    def say(self, text: bytes) -> bytes:
        """What comes back until the other side closes, whatever was sent. Raises NoAnswer."""
        said = b""
        try:
            with self.connect() as wire, ended_after(wire, _DEADLINE):
                wire.settimeout(PATIENCE)
                wire.sendall(text)
                while len(said) < _MOST_BYTES and (piece := wire.recv(4096)):
                    said += piece
        except OSError as error:
            if not said:
                raise NoAnswer(in_words(error)) from None
        return said

    def open_socket(self, target: str, headers: dict[str, str], *, seconds: float) -> websocket.WebSocket:
        """An open WebSocket, for so many seconds at most. Raises WebSocketException and NoAnswer."""
        opened = websocket.WebSocket()
        scheme = "ws" if self.trust is None else "wss"
        try:
            opened.connect(
                f"{scheme}://{self.address.netloc}{target}",
                socket=Bounded(self.connect(), seconds),
                header=headers,
                origin=self.address.origin,
                host=self.address.netloc,
                timeout=PATIENCE,
                redirect_limit=0,
            )
            if opened.getstatus() != _SWITCHED:  # a redirect that is not followed is no error to the library
                raise NoAnswer(f"answered with {opened.getstatus()}")
        except websocket.WebSocketException:
            opened.shutdown()
            raise
        except OSError as error:
            opened.shutdown()
            raise NoAnswer(in_words(error)) from None
        return opened


@contextmanager
def ended_after(wire: socket.socket, seconds: float) -> Iterator[None]:
    """Cut a connection that lasts longer: a limit for each piece of an answer is none for the whole."""
    timer = Timer(seconds, _cut, (wire,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(wire: socket.socket) -> None:
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


class Bounded:
    """A connection that takes no more than so much, and lasts no longer: the library has no limits."""

    def __init__(self, wire: socket.socket, seconds: float) -> None:
        self._wire, self._left = wire, _MOST_BYTES
        self._timer = Timer(seconds, _cut, (wire,))
        self._timer.daemon = True
        self._timer.start()

    def recv(self, size: int) -> bytes:
        """Raises OSError where it becomes too much."""
        if self._left <= 0:
            raise OSError(errno.EMSGSIZE, "more comes back than there can be")
        piece = self._wire.recv(min(size, self._left))
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """And its time."""
        self._timer.cancel()
        self._wire.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)


def dial(host: str, port: int) -> socket.socket:
    """A TCP connection to the first address that takes one. Raises OSError."""
    refusal: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        wire = socket.socket(family, kind, protocol)
        try:
            wire.settimeout(PATIENCE)
            if family == socket.AF_INET and str(place[0]).startswith("127."):
                with suppress(OSError):  # Linux has the whole network; elsewhere it is one address
                    wire.bind((_STRANGER, 0))
            wire.connect(place)
        except OSError as error:
            wire.close()
            refusal = error
        else:
            return wire
    raise refusal


def in_words(error: Exception) -> str:
    """What went wrong on a connection, for a person."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)):
        return "the connection is cut without an answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "what comes back is no HTTP"


def _read(answer: http.client.HTTPResponse) -> Answer:
    first = answer.read(1)
    begun = time.monotonic()
    rest = answer.read(_MOST_BYTES)
    took = time.monotonic() - begun
    return Answer(answer.status, tuple(answer.getheaders()), first + rest, took)
