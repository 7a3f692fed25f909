"""Requests as they stand on the wire: paths that no client would leave as they are, and Unix sockets."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.harness.canary import note_shown
from tests.harness.server import JupyterServer

WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}

FORM = "application/x-www-form-urlencoded"

# ATTACKS.md, PROBE set: what every way in is tried on.
PAGES = ["lab", "lab/tree/x", "files/x", "view/x", "nbconvert/html/x.ipynb", "metrics", "tree", "notebooks/x"]
READS = [
    "api/contents",
    "api/me",
    "api/kernels",
    "api/sessions",
    "api/terminals",
    "api/config/x",
    "api/spec.yaml",
    "lab/api/settings",
    "lab/api/workspaces",
    "lsp/status",
    *PAGES,
]
WRITES = ["api/kernels", "api/terminals", "api/contents"]
SOCKETS = [
    "api/kernels/00000000-0000-0000-0000-000000000000/channels",
    "terminals/websocket/1",
    "api/events/subscribe",
    "lsp/ws/x",
]


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def cookies(self) -> list[str]:
        """Every Set-Cookie."""
        return self.headers.get_all("Set-Cookie") or []


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(self._path)


def connection_to(server: JupyterServer) -> http.client.HTTPConnection:
    """A fresh connection, by port or by Unix socket."""
    if server.sock:
        return UnixConnection(server.sock)
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)


def ask(
    server: JupyterServer,
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Reply:
    """One request with exactly this target (behind base_url, unless it begins with a slash)."""
    connection = connection_to(server)
    path = target if target.startswith("/") else f"{server.base_url}{target}"
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        if answer.status == 101:
            return Reply(101, answer.headers, b"")
        reply = Reply(answer.status, answer.headers, answer.read())
        note_shown("\n".join([*reply.cookies, reply.body.decode("utf-8", "replace")]))
        return reply
    finally:
        connection.close()


def assert_denied(reply: Reply, what: str, base_url: str = "/") -> None:
    """DENY of ATTACKS.md: 403 in JSON, or 302 to the login; no protected byte, no cookie at all."""
    assert reply.status in (302, 403), f"{what}: {reply.status} {reply.body[:200]!r}"
    assert reply.cookies == [], f"{what}: {reply.cookies}"
    assert reply.headers["Server"] is None, f"{what}: {reply.headers['Server']}"
    if reply.status == 302:
        location = reply.headers["Location"]
        assert location.startswith(f"{base_url}login?next="), f"{what}: {location}"
        assert reply.body == b"", what
    elif reply.body:  # a HEAD has none
        document = reply.json()
        assert document.keys() == {"message", "reason"}, f"{what}: {document}"
        assert document["reason"] == "signed-out", f"{what}: {document}"
        # Before it, for a login's own cookie, how that ended.
        assert document["message"].endswith("Please sign in."), f"{what}: {document}"


def assert_all_denied(server: JupyterServer, headers: dict[str, str] | None = None, query: str = "") -> None:
    """The whole PROBE set, with these headers and this query, is DENY."""
    given = headers or {}
    xsrf = {"Cookie": "_xsrf=x", "X-XSRFToken": "x", "Origin": f"http://localhost:{server.port}"}
    merged = {**xsrf, **given}
    if "Cookie" in given:
        merged["Cookie"] = f"_xsrf=x; {given['Cookie']}"
    for path in READS:
        assert_denied(ask(server, "GET", path + query, given), f"GET {path}", server.base_url)
    for path in WRITES:
        assert_denied(ask(server, "POST", path + query, merged, b"{}"), f"POST {path}", server.base_url)
    for path in SOCKETS:
        reply = ask(server, "GET", path + query, {**merged, **WEBSOCKET})
        assert_denied(reply, f"WS {path}", server.base_url)
        assert reply.status == 403, path


def own_origin(url: str) -> str:
    """The origin of a server's own pages."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
