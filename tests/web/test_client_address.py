"""The true client address: from the socket, or from a proxy that was named (R33)."""

from __future__ import annotations

import ipaddress
import logging
import socket
from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPHeaders

from jupyter_totp_auth.web.client_address import ClientAddresses, parse_hop

LOG = logging.getLogger("tests.client_address")
PROXY = ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]


def resolve(
    peer: str, headers: list[tuple[str, str]], *, trusted: list[str] = PROXY, tls: bool = False
) -> tuple[str, bool]:
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    context = SimpleNamespace(
        address_family=family, address=(peer, 1), protocol="https" if tls else "http", remote_ip="6.6.6.6"
    )
    given = HTTPHeaders()
    for name, value in headers:
        given.add(name, value)
    request = SimpleNamespace(connection=SimpleNamespace(context=context), headers=given)
    addresses = ClientAddresses([ipaddress.ip_network(n) for n in trusted], trust_unix=False, log=LOG)
    found = addresses.resolve(request)  # type: ignore[arg-type]
    return found.address, found.secure


def test_headers_of_a_stranger_count_for_nothing() -> None:
    forged = [
        ("X-Forwarded-For", "1.1.1.1"),
        ("X-Real-IP", "1.1.1.1"),
        ("Forwarded", "for=1.1.1.1;proto=https"),
        ("X-Forwarded-Proto", "https"),
        ("X-Scheme", "https"),
    ]
    assert resolve("9.9.9.9", forged) == ("9.9.9.9", False)


def test_no_proxy_is_trusted_unless_it_was_named() -> None:
    headers = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https")]
    assert resolve("127.0.0.1", headers, trusted=[]) == ("127.0.0.1", False)


def test_the_rightmost_hop_that_is_no_proxy_is_the_client() -> None:
    assert resolve("127.0.0.1", [("X-Forwarded-For", "6.6.6.6, 1.1.1.1, 10.1.1.1")])[0] == "1.1.1.1"
    two = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "1.1.1.1")]
    assert resolve("127.0.0.1", two)[0] == "1.1.1.1"


def test_x_real_ip_never_overrides() -> None:
    headers = [("X-Forwarded-For", "1.1.1.1"), ("X-Real-IP", "6.6.6.6")]
    assert resolve("127.0.0.1", headers)[0] == "1.1.1.1"


@pytest.mark.parametrize(
    "garbage", ["", "unknown", "1.1.1", "<script>", "1.1.1.1, nonsense", ",,,", "_hidden"]
)
def test_garbage_falls_back_to_the_last_hop_that_can_be_believed(garbage: str) -> None:
    assert resolve("127.0.0.1", [("X-Forwarded-For", garbage)])[0] == "127.0.0.1"


def test_ten_thousand_hops_are_read_from_the_right_only() -> None:
    chain = ", ".join(["6.6.6.6"] * 10_000 + ["1.1.1.1"])
    assert resolve("127.0.0.1", [("X-Forwarded-For", chain)])[0] == "1.1.1.1"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("1.2.3.4:567", "1.2.3.4"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        (" 1.2.3.4 ", "1.2.3.4"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_one_address_has_one_spelling(text: str, address: str) -> None:
    assert str(parse_hop(text)) == address


def test_the_scheme_is_the_proxys_word_or_the_sockets() -> None:
    assert resolve("127.0.0.1", [("X-Forwarded-Proto", "https")])[1]
    assert not resolve("127.0.0.1", [("X-Forwarded-Proto", "https, http")])[1]
    assert not resolve("127.0.0.1", [])[1]
    assert resolve("9.9.9.9", [], tls=True)[1]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto"])
def test_a_strange_proxy_is_named_once_in_the_log(header: str, caplog: pytest.LogCaptureFixture) -> None:
    context = SimpleNamespace(address_family=socket.AF_INET, address=("9.9.9.9", 1), protocol="http")
    headers = HTTPHeaders({header: "https"})
    request = SimpleNamespace(connection=SimpleNamespace(context=context), headers=headers)
    addresses = ClientAddresses([], trust_unix=False, log=LOG)
    for _ in range(3):
        addresses.resolve(request)  # type: ignore[arg-type]
    assert caplog.text.count("trusted_proxies") == 1


def test_a_unix_socket_is_a_proxy_only_by_its_word() -> None:
    context = SimpleNamespace(address_family=socket.AF_UNIX, address="", protocol="http")
    headers = HTTPHeaders({"X-Forwarded-For": "1.1.1.1"})
    request = SimpleNamespace(connection=SimpleNamespace(context=context), headers=headers)
    for trust, expected in ((False, "unix"), (True, "1.1.1.1")):
        addresses = ClientAddresses([], trust_unix=trust, log=LOG)
        assert addresses.resolve(request).address == expected  # type: ignore[arg-type]
