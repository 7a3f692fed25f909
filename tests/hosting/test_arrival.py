"""What arrives behind each proxy of what a client has sent, as a server sees it that writes it down."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from jupyter_totp_auth.hosting import Deployment, Upstream
from tests.hosting import http2, outside, scribe
from tests.hosting.outside import CLIENT, DOMAIN, HOME, Brand, Paper
from tests.hosting.scribe import Scribe
from tests.services import missing_is_skip
from tests.services.ports import free_port

FORGED = "forged-by-the-client"
TELLING = (
    *("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server"),
    *("X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded-Prefix", "Forwarded", "X-Real-IP", "X-Scheme"),
    *("X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP"),
    *("X-Url-Scheme", "Front-End-Https", "X-Original-URL", "X-Rewrite-URL"),
    *("X_Forwarded_For", "X_Forwarded_Proto"),
    *("X-SSL-Client-Cert", "X-SSL-Client-S-DN", "X-SSL-Client-Verify"),
)
"""By which something behind a proxy may take a client for another, or its request for another."""
SMUGGLED = f"GET /smuggled HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n"


@pytest.fixture(scope="module")
def book() -> Iterator[Scribe]:
    with scribe.writing() as found:
        yield found


@dataclass(frozen=True)
class Door:
    """A proxy in front of the scribe."""

    brand: Brand
    deployment: Deployment
    paper: Paper

    @property
    def host(self) -> str:
        """As it stands in the Host header."""
        return f"{DOMAIN}:{self.deployment.port}"

    def visitor(self) -> outside.Visitor:
        """A browser."""
        return outside.Visitor(self.deployment.public_url, self.paper)

    def over_http2(self, *more: tuple[str, str], body: bytes = b"", **pseudo: str) -> int | None:
        """A request by the byte: these headers beside the usual ones, or in the place of one of those."""
        usual = {
            "method": "POST" if body else "GET",
            "scheme": "https",
            "authority": self.host,
            "path": "/two",
        }
        first = [(f":{name}", value) for name, value in {**usual, **pseudo}.items()]
        return http2.exchange(self.deployment.port, self.paper.certificate, [*first, *more], body)


@pytest.fixture(scope="module")
def door(brand: Brand, book: Scribe, paper: Paper) -> Iterator[Door]:
    deployment = Deployment(
        DOMAIN,
        upstream=Upstream(port=book.port),
        listen=HOME,
        https_port=free_port(),
        http_port=free_port(),
        certificate=str(paper.certificate),
        key=str(paper.key),
    )
    with missing_is_skip(), brand.running(brand.text(deployment), port=deployment.port):
        yield Door(brand, deployment, paper)


def test_j02_j14_two_headers_tell_of_the_client_and_both_are_the_proxys(door: Door, book: Scribe) -> None:
    sent = dict.fromkeys(TELLING, FORGED)
    assert door.visitor().get("seen", headers=sent).status_code == 200
    assert [pair for pair in book.headers if FORGED in pair[1]] == []
    assert book.values("X-Forwarded-For") == [CLIENT]
    assert book.values("X-Forwarded-Proto") == ["https"]
    assert book.values("Host") == [door.host]


def test_j07_what_connection_names_is_there_all_the_same(door: Door, book: Scribe) -> None:
    named = "close, X-Forwarded-For, x-forwarded-proto, Host"
    door.visitor().get("named", headers={"Connection": named, "X-Forwarded-For": FORGED})
    assert book.values("X-Forwarded-For") == [CLIENT]
    assert book.values("X-Forwarded-Proto") == ["https"]
    assert book.values("Host") == [door.host]


def test_only_websockets_are_upgraded(door: Door, book: Scribe) -> None:
    wants = {"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    door.visitor().get("plain", headers=wants)
    assert book.paths[-1] == "/plain"
    assert book.values("Upgrade") == []


@pytest.mark.parametrize("path", ["a%2Fb", "a%20b%25", "a;b=c", "a?x=%2F&y=%C3%A9", "%C3%A9t%C3%A9.ipynb"])
def test_a_path_arrives_as_it_was_sent(door: Door, book: Scribe, path: str) -> None:
    assert door.visitor().get(path).status_code == 200
    assert book.paths[-1] == f"/{path}"


def test_j11_http2_in_front_is_http1_behind_with_the_same_words(door: Door, book: Scribe) -> None:
    assert door.over_http2(("x-forwarded-for", FORGED), ("x-own", "mine")) == 200
    assert book.paths[-1] == "/two"
    assert book.values("X-Forwarded-For") == [HOME]
    assert book.values("X-Forwarded-Proto") == ["https"]
    assert book.values("Host") == [door.host]
    assert book.values("X-Own") == ["mine"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([("transfer-encoding", "chunked")], f"0\r\n\r\n{SMUGGLED}"),
        ([("content-length", "0")], SMUGGLED),
        ([("content-length", "4")], f"abcd{SMUGGLED}"),
        ([("content-length", "4"), ("content-length", "99")], f"abcd{SMUGGLED}"),
        ([("x", f"a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}")], ""),
        ([("x", f"a\r\n\r\n{SMUGGLED}")], ""),
        ([(f"x: a\r\n\r\n{SMUGGLED}y", "b")], ""),
        ([("x\ny", "b")], ""),
        ([("connection", "transfer-encoding"), ("te", "chunked")], "0\r\n\r\n"),
    ],
    ids=[
        "te",
        "cl 0",
        "cl short",
        "cl twice",
        "te in a value",
        "value",
        "name",
        "lf in a name",
        "hop by hop",
    ],
)
def test_j11_one_request_in_is_at_most_one_behind(
    door: Door, book: Scribe, headers: list[tuple[str, str]], body: str
) -> None:
    before = len(book.requests)
    door.over_http2(*headers, body=body.encode())
    assert door.visitor().get("after").text == "seen"
    after = book.paths[before:]
    assert after in (["/two", "/after"], ["/after"])
    assert not any(FORGED in value or "smuggled" in value for _, value in book.headers)


@pytest.mark.parametrize(
    "pseudo",
    [
        {"path": f"/two HTTP/1.1\r\nHost: a\r\n\r\n{SMUGGLED}"},
        {"path": "/two HTTP/1.1\r\nX-Forwarded-For: 203.0.113.66"},
        {"method": f"GET /smuggled HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\nGET"},
        {"authority": f"{DOMAIN}\r\nX-Forwarded-For: 203.0.113.66"},
        {"scheme": f"https://a/smuggled HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n"},
    ],
    ids=["path", "path with a header", "method", "authority", "scheme"],
)
def test_j11_nor_by_the_first_line(door: Door, book: Scribe, pseudo: dict[str, str]) -> None:
    before = len(book.requests)
    door.over_http2(**pseudo)
    assert door.visitor().get("after").text == "seen"
    assert book.paths[before:] in (["/two", "/after"], ["/after"])
    for request in book.requests[before:]:
        assert "203.0.113.66" not in request.headers.get("X-Forwarded-For", "")


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "Content-Length: 6\r\nContent-Length: 0",
        "Content-Length: +5",
        "Content-Length: 0, 0",
        "Content-Length: 5\r\nConnection: Content-Length",
    ],
)
def test_j11_no_request_gets_past_the_proxy_in_another(door: Door, book: Scribe, head: str) -> None:
    """A second request that the proxy has seen has its word on it; one that only we would see has none."""
    before = len(book.requests)
    sent = f"POST /two HTTP/1.1\r\nHost: {door.host}\r\n{head}\r\n\r\n0\r\n\r\n{SMUGGLED}"
    trust = ssl.create_default_context(cafile=str(door.paper.certificate))
    with (
        socket.create_connection((HOME, door.deployment.port), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname=DOMAIN) as wire,
    ):
        wire.sendall(sent.encode("latin-1"))
        wire.settimeout(0.15)
        with suppress(OSError):  # also where it goes on waiting for a body
            while wire.recv(4096):
                pass
    assert door.visitor().get("after").text == "seen"
    assert book.paths[-1] == "/after"
    for request in book.requests[before:-1]:
        assert request.headers.get_list("X-Forwarded-For") == [HOME], request.uri
        assert request.headers.get_list("X-Forwarded-Proto") == ["https"], request.uri
