"""Whoever answers the doctor can be anybody: it ends, in little memory, and believes nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from jupyter_totp_auth.doctor.finding import Severity
from jupyter_totp_auth.doctor.subject import Subject
from jupyter_totp_auth.doctor.walk import visit, wire
from jupyter_totp_auth.doctor.walk.address import Address
from jupyter_totp_auth.doctor.walk.run import walked
from jupyter_totp_auth.doctor.walk.visit import Visit

ARRIVAL = {
    "target": "/api/totp/health",
    "base_url": "/",
    "headers": [["Host", "x"], ["X-Forwarded-For", "192.0.2.1"]],
    "peer": "203.0.113.9",
    "peer_is_trusted": False,
    "client": "203.0.113.9",
    "scheme": "http",
    "origin_is_own": True,
    "at": 1_800_000_000,
}
MANY = 1 << 24
SWITCH = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@dataclass
class Evil:
    """A server that says what it likes."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def evil(say: Callable[[socket.socket, bytes], None]) -> Iterator[Evil]:
    """``say`` gets each connection, and what came first on it."""
    found, over = Evil(), threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        found.port = server.getsockname()[1]
        server.settimeout(0.1)

        def talk(link: socket.socket) -> None:
            with link, suppress(OSError):
                link.settimeout(5)
                asked = link.recv(65_536)
                found.heard.append(asked)
                say(link, asked)

        def serve() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    link, _ = server.accept()
                    threading.Thread(target=talk, args=(link,), daemon=True).start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield found
        finally:
            over.set()
            thread.join()


def answer(document: object) -> bytes:
    body = json.dumps(document).encode()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


def always(whole: bytes) -> Callable[[socket.socket, bytes], None]:
    """The same to everybody."""
    return lambda link, _: link.sendall(whole)


def is_socket(asked: bytes) -> bool:
    return b"upgrade: websocket" in asked.lower()


def endless(piece: bytes, pause: float = 0) -> Callable[[socket.socket, bytes], None]:
    def say(link: socket.socket, asked: bytes) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            link.sendall(piece)
            time.sleep(pause)

    return say


def well_then(more: Callable[[socket.socket, bytes], None]) -> Callable[[socket.socket, bytes], None]:
    """Right answers, until somebody wants a WebSocket."""

    def say(link: socket.socket, asked: bytes) -> None:
        more(link, asked) if is_socket(asked) else link.sendall(answer(ARRIVAL))

    return say


def accept(asked: bytes) -> bytes:

    (key,) = [
        line.split(b": ")[1] for line in asked.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    ]
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324 - RFC 6455
    return SWITCH + b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"


def big_frame(link: socket.socket, asked: bytes) -> None:
    link.sendall(accept(asked) + b"\x81\x7f" + (1 << 40).to_bytes(8, "big"))
    endless(b"x" * 65_536)(link, asked)


def pings(link: socket.socket, asked: bytes) -> None:
    link.sendall(accept(asked))
    endless(b"\x89\x00", 0.05)(link, asked)


def refusal(link: socket.socket, asked: bytes) -> None:
    link.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 99999999999\r\n\r\n")
    endless(b"x" * 65_536)(link, asked)


def walk_to(port: int, at: int = 1_800_000_000) -> dict[str, object]:
    address = Address(secure=False, host="127.0.0.1", port=port, base_url="/")
    return {found.id: found for found in walked(Visit(Subject(at), address, lambda: "A" * 43))}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_DEADLINE", 0.2)
    monkeypatch.setattr(wire, "PATIENCE", 0.2)
    monkeypatch.setattr(visit, "_SOCKET_SECONDS", 0.2)


@pytest.mark.parametrize(
    "say",
    [
        endless(b"HTTP/1.1 100 Continue\r\n\r\n"),
        endless(b"HTTP/1.1 200 OK\r\nX: y\r\n"),
        endless(b"x" * 65_536),
        well_then(big_frame),
        well_then(pings),
        well_then(refusal),
        well_then(endless(b"X: y\r\n")),
        well_then(endless(b"x" * 65_536)),
    ],
    ids=["100", "headers", "nothing but x", "frame", "pings", "refusal", "socket's headers", "socket's line"],
)
def test_it_ends_in_little_memory(say: Callable[[socket.socket, bytes], None]) -> None:
    begun = time.monotonic()
    with evil(say) as there:
        tracemalloc.start()
        found = walk_to(there.port)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert time.monotonic() - begun < 20
    assert peak < MANY * 2
    assert found["outside-tls"]


def test_a_drip_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(link: socket.socket, asked: bytes) -> None:
        link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        endless(b"x", 0.1)(link, asked)

    begun = time.monotonic()
    with evil(drip) as there:
        assert walk_to(there.port)
    assert time.monotonic() - begun < 15


def test_no_redirect_is_followed_with_the_probe() -> None:
    with evil(always(answer({"reason": "x"}))) as elsewhere:
        to = f"ws://127.0.0.1:{elsewhere.port}/internal".encode()

        def away(link: socket.socket, asked: bytes) -> None:
            link.sendall(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % to)

        with evil(well_then(away)) as there:
            found = walk_to(there.port)
    assert elsewhere.heard == []
    assert found["outside-websocket"].severity is Severity.RED  # type: ignore[attr-defined]


def test_nobody_in_between_has_a_proxy_believed() -> None:
    with evil(always(answer(ARRIVAL))) as there:
        found = walk_to(there.port)
    assert "outside-trusted-proxy" not in found
    assert not any("203.0.113.9" in str(getattr(one, "line", "")) for one in found.values())


@pytest.mark.parametrize(
    "document",
    [{**ARRIVAL, "at": "x"}, {**ARRIVAL, "peer": 5}, {**ARRIVAL, "base_url": {}}, {**ARRIVAL, "headers": 1}],
)
def test_what_has_not_the_form_of_an_arrival_is_none(document: object) -> None:
    with evil(always(answer(document))) as there:
        found = walk_to(there.port)
    assert found["outside-server"].severity is Severity.RED  # type: ignore[attr-defined]


@pytest.mark.parametrize("body", [b"[" * 900_000, b'{"target": "' + b"A" * 900_000 + b'"}'])
def test_what_is_deep_or_long_is_told_in_few_words(body: bytes) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with evil(always(whole)) as there:
        found = walk_to(there.port)
    assert "RecursionError" not in str(found)
    assert len(str(found)) < 20_000


def test_a_long_path_is_told_in_few_words() -> None:
    with evil(always(answer({**ARRIVAL, "target": "/" + "A" * 500_000}))) as there:
        found = walk_to(there.port)
    assert found["outside-path"].severity is Severity.RED  # type: ignore[attr-defined]
    assert len(str(found)) < 20_000


def test_a_connection_is_given_back_at_once_though_its_answer_never_comes_to_an_end() -> None:
    given_back = threading.Event()

    def say(link: socket.socket, asked: bytes) -> None:
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsome")
        if link.recv(1) == b"":
            given_back.set()

    with evil(say) as server:
        way = wire.Wire(Address(secure=False, host="127.0.0.1", port=server.port, base_url="/"), None)
        with pytest.raises(wire.NoAnswer) as kept:
            way.ask("/", wait=0.05)
        assert given_back.wait(2), kept  # and not when nobody knows of the failure any more
