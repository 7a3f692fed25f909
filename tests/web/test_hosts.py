"""Under which names the server answers, and what counts as its own page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPHeaders

from jupyter_totp_auth.web.hosts import Hosts, is_from_own_page, is_own_origin


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8888", "127.0.0.1", "127.9.9.9:1", "[::1]:8888", "LOCALHOST", "a.localhost"],
)
def test_loopback_names_are_always_allowed(host: str) -> None:
    assert Hosts([]).allows(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "",
        "a b",
        "localhost:8888:1",
        "[::1",
        "::1",
        "evil.example/.localhost",
        "evil.example@.localhost",
        "evil.example#.localhost",
        "evil.example&.localhost",
        "local\u212aost",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert not Hosts([]).allows(host)


def test_names_with_any_port_or_one_port_and_subdomains() -> None:
    hosts = Hosts(["jupyter.example", "other.example:8443", "*.wild.example"])
    assert hosts.allows("jupyter.example")
    assert hosts.allows("Jupyter.Example:1234")
    assert hosts.allows("jupyter.example.")
    assert hosts.allows("other.example:8443")
    assert not hosts.allows("other.example")
    assert hosts.allows("a.b.wild.example")
    assert not hosts.allows("wild.example")
    assert not hosts.allows("evilwild.example")


def request(**headers: str) -> SimpleNamespace:
    given = HTTPHeaders({"Host": "jupyter.example:8443"})
    for name, value in headers.items():
        given[name.replace("_", "-")] = value
    return SimpleNamespace(headers=given)


@pytest.mark.parametrize("origin", ["https://jupyter.example:8443", "http://JUPYTER.example:8443"])
def test_an_origin_is_ours_by_host_and_port(origin: str) -> None:
    assert is_own_origin(request(), origin)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://jupyter.example",
        "https://evil.example",
        "https://jupyter.example:8443.evil.example",
        "https://jupyter.example:8443/x",
        "https://a@jupyter.example:8443",
        "ftp://jupyter.example:8443",
        "https://evil.example#jupyter.example:8443",
    ],
)
def test_any_other_origin_is_not(origin: str) -> None:
    assert not is_own_origin(request(), origin)  # type: ignore[arg-type]


def test_default_ports_may_be_left_out() -> None:
    plain = SimpleNamespace(headers=HTTPHeaders({"Host": "jupyter.example"}))
    assert is_own_origin(plain, "https://jupyter.example")  # type: ignore[arg-type]
    assert is_own_origin(plain, "https://jupyter.example:443")  # type: ignore[arg-type]
    assert not is_own_origin(plain, "https://jupyter.example:80")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"Origin": "https://jupyter.example:8443"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Referer": "https://evil.example/x"}, False),
        ({"Referer": "https://jupyter.example:8443/login"}, True),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "same-site"}, False),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://jupyter.example:8443"}, True),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://evil.example"}, False),
        ({"Sec_Fetch_Site": "none"}, True),
    ],
)
def test_a_state_change_must_come_from_our_own_page(headers: dict[str, str], expected: bool) -> None:
    assert is_from_own_page(request(**headers)) is expected  # type: ignore[arg-type]
