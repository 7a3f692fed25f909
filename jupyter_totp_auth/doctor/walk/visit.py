"""One walk: what was asked, and what came back. Each thing is asked once, when a check wants it first."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import websocket

from ..finding import Blocked
from ..subject import Subject
from .address import Address
from .brands import Brand, brand_of
from .lines import Fault, line_for
from .wire import Answer, NoAnswer, Wire, dial, in_words

SCHEME = "Probe"
"""Also in ``web/probe``: neither floor knows the other, and a test holds the two together."""

FORGED = "203.0.113.66"
"""Nobody's (RFC 5737): what a client says of itself that wants to be somebody else."""

NAMES = ("X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Forwarded-Host")
"""Headers that nothing in here reads, but that an extension behind the login might."""

_TOLD: dict[str, type] = {
    "target": str,
    "base_url": str,
    "peer": str,
    "peer_is_trusted": bool,
    "client": str,
    "scheme": str,
    "origin_is_own": bool,
    "at": int,
}

_SOCKET_SECONDS = 30

KERNEL = "api/kernels/00000000-0000-0000-0000-000000000000/channels"


@dataclass(frozen=True)
class Arrival:
    """A request as the server saw it."""

    sent: str
    """Its target as it was sent."""
    target: str
    base_url: str
    """The server's own."""
    headers: tuple[tuple[str, str], ...]
    peer: str
    peer_is_trusted: bool
    client: str
    scheme: str
    origin_is_own: bool
    at: int

    @classmethod
    def read(cls, document: dict[str, Any], sent: str) -> Arrival | None:
        """From what the server told; None where it told nothing."""
        try:
            headers = tuple((str(name), str(value)) for name, value in document["headers"])
            told = {name: document[name] for name in _TOLD}
            if any(type(told[name]) is not kind for name, kind in _TOLD.items()):
                return None
            return cls(sent, headers=headers, **told)
        except (KeyError, TypeError, ValueError):
            return None

    def all(self, name: str) -> list[str]:
        """All lines of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True)
class Visit:
    """A walk to an address, with what is known on this machine of the server behind it."""

    subject: Subject
    address: Address
    issue: Callable[[], str] | str
    """Makes a probe; or why none can be made here."""
    idle: int = 0
    """Seconds of silence that an open WebSocket has to survive; 0: not asked."""

    # -- the way there -----------------------------------------------------------------------------

    @cached_property
    def refusal(self) -> str:
        """Why nobody gets through to its port; empty where somebody does."""
        try:
            dial(self.address.host, self.address.port).close()
        except OSError as error:
            return in_words(error)
        return ""

    @cached_property
    def certificate(self) -> dict[str, Any] | ssl.SSLError | NoAnswer:
        """What its certificate says, where it holds for this name; else what is wrong."""
        self._insist_on_port()
        try:
            return Wire(self.address, ssl.create_default_context()).certificate()
        except ssl.SSLError as error:
            return error
        except OSError as error:
            return NoAnswer(in_words(error))

    @cached_property
    def wire(self) -> Wire:
        """The way on, with a certificate that does not hold, too: that is said once. Raises Blocked."""
        self._insist_on_port()
        if not self.address.secure:
            return Wire(self.address, None)
        trust = ssl.create_default_context()
        if not isinstance(self.certificate, dict):
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        return Wire(self.address, trust)

    @cached_property
    def own_address(self) -> str:
        """Where this machine's requests come from, as whoever stands there sees it. Raises Blocked."""
        try:
            with self.wire.connect() as wire:
                return str(wire.getsockname()[0])
        except OSError:
            raise Blocked("outside-tls") from None

    def _insist_on_port(self) -> None:
        if self.refusal:
            raise Blocked("outside-connect")

    @cached_property
    def brand(self) -> Brand:
        """The proxy in front."""
        return brand_of(self.first if isinstance(self.first, Answer) else None, self.wire.say)

    def line(self, fault: Fault, *, name: str = "") -> str:
        """What to write in the proxy's file."""
        known = {
            "domain": self.address.host,
            "origin": self.address.origin,
            "base_url": self.address.base_url,
            "upstream": self.upstream,
            "name": name,
        }
        return line_for(fault, self.brand, **known)

    @property
    def upstream(self) -> str:
        """Where Jupyter listens, as far as its configuration says."""
        sock = self.subject.server("sock")
        if sock:
            return f"unix:{sock}"
        ip = self.subject.server("ip", default="localhost")
        return f"{'127.0.0.1' if ip == 'localhost' else ip}:{self.subject.server('port', default=8888)}"

    # -- what comes back ---------------------------------------------------------------------------

    def target(self, path: str) -> str:
        """A path behind base_url, as it is sent."""
        return self.address.base_url + path

    def credential(self) -> dict[str, str]:
        """The header with a probe that nobody has used yet. Raises Blocked where none can be made."""
        if isinstance(self.issue, str):
            raise Blocked("outside-server")
        return {"Authorization": f"{SCHEME} {self.issue()}"}

    def probing(self, path: str, **headers: str) -> Answer:
        """The answer to a request with a probe of its own. Raises NoAnswer and Blocked."""
        return self.wire.ask(self.target(path), {**self.credential(), **headers})

    def arrives(self, path: str, **headers: str) -> Arrival | None:
        """How such a request arrives; None where it does not. Raises Blocked."""
        try:
            answer = self.probing(path, **headers)
        except NoAnswer:
            return None
        return Arrival.read(answer.document, self.target(path))

    @cached_property
    def first(self) -> Answer | NoAnswer:
        """The answer to a first request, with a probe where there is one. Raises Blocked."""
        _ = self.own_address  # nobody is asked where not even TLS is spoken
        health = "api/totp/health"
        headers = {"Origin": self.address.origin}
        with suppress(Blocked):
            try:
                return self.probing(health, **headers)
            except NoAnswer as error:
                return error
        try:
            return self.wire.ask(self.target(health), headers)
        except NoAnswer as error:
            return error

    @cached_property
    def arrival(self) -> Arrival:
        """How that one arrived. Raises Blocked."""
        if isinstance(self.first, Answer):
            found = Arrival.read(self.first.document, self.target("api/totp/health"))
            if found is not None:
                return found
        raise Blocked("outside-server")

    @cached_property
    def forged(self) -> Arrival:
        """How one arrives that lies about its client. Raises Blocked."""
        lies = dict.fromkeys(NAMES, FORGED) | {"X-Forwarded-For": FORGED, "X-Forwarded-Proto": "http"}
        self.insist_on_arrival()
        found = self.arrives("api/totp/health", **lies)
        if found is None:
            raise Blocked("outside-server")
        return found

    @cached_property
    def login_page(self) -> Answer:
        """The page that a browser lands on. Raises Blocked."""
        self.insist_on_path()
        try:
            return self.wire.ask(self.target("login"), {"Sec-Fetch-Mode": "navigate"})
        except NoAnswer:
            raise Blocked("outside-server") from None

    @property
    def is_proven(self) -> bool:
        """Whether it is sure who answers. What anybody in between says must not become a line to write."""
        return self.address.secure and isinstance(self.certificate, dict)

    def insist_on_arrival(self) -> None:
        """Raises Blocked where no request reaches the server."""
        _ = self.arrival

    def insist_on_path(self) -> None:
        """Raises Blocked where whatever is asked below base_url would be answered by somebody else."""
        if isinstance(self.issue, str):
            if not (isinstance(self.first, Answer) and self.first.is_ours):
                raise Blocked("outside-server")
            return
        if self.arrival.base_url != self.address.base_url:
            raise Blocked("outside-base-url")
        if self.arrival.target != self.arrival.sent:
            raise Blocked("outside-path")

    def opened(self, path: str) -> tuple[websocket.WebSocket, Arrival]:
        """An open WebSocket, and how its handshake arrived. Raises WebSocketException, NoAnswer, Blocked."""
        seconds = self.idle + _SOCKET_SECONDS
        live = self.wire.open_socket(self.target(path), self.credential(), seconds=seconds)
        with suppress(ValueError, websocket.WebSocketException, OSError):
            found = Arrival.read(json.loads(live.recv()), self.target(path))
            if found is not None:
                return live, found
        live.shutdown()
        raise NoAnswer("the WebSocket opens, but nothing comes on it")
