"""What can be a deployment, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_totp_auth.hosting import BadDeployment, Deployment, Tls, Upstream, network, prefix

SITE = Deployment("jupyter.example.org")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"domain": ""}, "no host name"),
        ({"domain": "https://jupyter.example.org"}, "without scheme"),
        ({"domain": "jupyter.example.org:8443"}, "no host name"),
        ({"domain": "jupyter.example.org/x"}, "no host name"),
        ({"domain": "jupyter.müller.de"}, "xn--"),
        ({"domain": "-a.example"}, "no host name"),
        ({"domain": "a..example"}, "no host name"),
        ({"domain": "a.example\n"}, "no host name"),
        ({"domain": ".".join(["a" * 60] * 5)}, "no host name"),
        ({"base_url": "jupyterlab"}, "no path"),
        ({"base_url": "/jupyterlab"}, "no path"),
        ({"base_url": "/../"}, "no path"),
        ({"base_url": "/a//b/"}, "no path"),
        ({"base_url": "/a b/"}, "no path"),
        ({"base_url": "/a;return/"}, "no path"),
        ({"base_url": "/a\n/"}, "no path"),
        ({"https_port": 0}, "0 is no port"),
        ({"http_port": 65536}, "65536 is no port"),
        ({"https_port": 80}, "both be on port 80"),
        ({"listen": "everywhere"}, "no address"),
        ({"certificate": "/a.pem"}, "go together"),
        ({"key": "/a.key"}, "go together"),
        ({"certificate": "/a.pem", "key": "/a.key", "tls": Tls.ACME}, "--tls files, not acme"),
        ({"certificate": "a.pem", "key": "/a.key"}, "whole path"),
        ({"certificate": "/a.pem", "key": "/a b.key"}, "whole path"),
        ({"user": "root; rm"}, "system account"),
        ({"venv": "/opt/../x"}, "whole path"),
        ({"home": "/srv/{x}"}, "whole path"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadDeployment, match=words) as caught:
        replace(SITE, **change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "8888", ":8888", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1:65536"),
        *("0.0.0.0:8888", "[::]:8888", "a b:1", "http://127.0.0.1:8888", "127.0.0.1:٣"),
        *("unix:", "unix:relative", "unix:/a/../b", "unix:/a b", f"unix:/{'a' * 107}"),
    ],
)
def test_where_jupyter_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(BadDeployment):
        Upstream.parse(text)


@pytest.mark.parametrize(
    ("text", "address", "peers"),
    [
        ("127.0.0.1:8888", "127.0.0.1:8888", ("127.0.0.1/32",)),
        ("127.0.0.5:1", "127.0.0.5:1", ("127.0.0.5/32",)),
        ("[::1]:8888", "[::1]:8888", ("::1/128",)),
        ("localhost:8888", "localhost:8888", ("127.0.0.1/32", "::1/128")),
        ("192.0.2.5:8888", "192.0.2.5:8888", ()),
        ("jupyter.internal:8888", "jupyter.internal:8888", ()),
    ],
)
def test_jupyter_sees_a_proxy_of_its_machine_come_from_where_it_listens(
    text: str, address: str, peers: tuple[str, ...]
) -> None:
    upstream = Upstream.parse(text)
    assert (upstream.address, upstream.peers, upstream.socket) == (address, peers, "")
    assert upstream.is_remote is not bool(peers)


def test_a_unix_socket_has_a_word_of_its_own() -> None:
    upstream = Upstream.parse("unix:/run/jupyter/jupyter.sock")
    assert (upstream.socket, upstream.peers) == ("/run/jupyter/jupyter.sock", ("unix",))
    assert not upstream.is_remote


def test_proxies_that_are_trusted_are_this_one_and_those_before_it() -> None:
    assert SITE.trusted_proxies == ("127.0.0.1/32",)
    assert replace(SITE, behind=(network("10.0.0.0/8"),)).trusted_proxies == ("127.0.0.1/32", "10.0.0.0/8")
    elsewhere = replace(SITE, upstream=Upstream.parse("192.0.2.5:8888"))
    assert replace(elsewhere, behind=(network("192.0.2.4"),)).trusted_proxies == ("192.0.2.4/32",)
    with pytest.raises(BadDeployment, match="--behind"):
        _ = elsewhere.trusted_proxies


@pytest.mark.parametrize("text", ["", "proxy", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.0/8;"])
def test_a_network_that_is_none_or_everybody_is_refused(text: str) -> None:
    with pytest.raises(BadDeployment):
        network(text)


@pytest.mark.parametrize(
    ("change", "url"),
    [
        ({}, "https://jupyter.example.org/"),
        ({"base_url": "/jupyterlab/"}, "https://jupyter.example.org/jupyterlab/"),
        ({"https_port": 8443}, "https://jupyter.example.org:8443/"),
        ({"tls": Tls.ACME}, "https://jupyter.example.org/"),
        ({"tls": Tls.NONE}, "http://jupyter.example.org/"),
        ({"tls": Tls.NONE, "http_port": 8080}, "http://jupyter.example.org:8080/"),
        (
            {"tls": Tls.NONE, "http_port": 8080, "behind": (network("10.0.0.1"),)},
            "https://jupyter.example.org/",
        ),
    ],
)
def test_what_people_type(change: dict[str, Any], url: str) -> None:
    assert replace(SITE, **change).public_url == url


@pytest.mark.parametrize(
    ("typed", "base_url"),
    [("", "/"), ("/", "/"), ("lab", "/lab/"), ("/lab", "/lab/"), ("/a/b/", "/a/b/"), ("//lab//", "/lab/")],
)
def test_a_path_may_be_typed_with_and_without_slashes(typed: str, base_url: str) -> None:
    assert prefix(typed) == base_url


@given(st.text(max_size=30), st.sampled_from(["domain", "base_url", "listen", "user", "venv", "home"]))
def test_nothing_gets_in_that_a_file_would_read_as_more_than_a_word(text: str, field: str) -> None:
    try:
        replace(SITE, **{field: text})
    except BadDeployment:
        return
    assert not set(text) & set(" \t\r\n\"'`{}()<>;#$%\\|&*?!^=")
    assert text.isascii()


@given(st.text(max_size=30).map("unix:/{}".format) | st.text(max_size=30).map("{}:80".format))
def test_nor_as_a_place(text: str) -> None:
    try:
        upstream = Upstream.parse(text)
    except BadDeployment:
        return
    assert not set(upstream.socket + upstream.address) & set(" \t\r\n\"'`{}()<>;#$%\\|&*?!^=")
