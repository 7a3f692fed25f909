"""The files as texts: what stands in each of them, and the examples."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from jupyter_totp_auth.hosting import KINDS, Deployment, Tls, Upstream, network, render
from jupyter_totp_auth.hosting.model import BODY_BYTES, IDLE_SECONDS
from tests.hosting import examples

PROXIES = ["nginx", "apache", "haproxy", "caddy"]
SITE = Deployment("jupyter.example.org")
SOCKET = replace(SITE, upstream=Upstream.parse("unix:/run/jupyter/jupyter.sock"))


def test_the_examples_are_what_the_templates_make() -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in examples.FOLDER.iterdir()}
    assert there == examples.examples(), "write them anew: python -m tests.hosting.examples"


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize("tls", list(Tls))
@pytest.mark.parametrize("base_url", ["/", "/jupyterlab/"])
@pytest.mark.parametrize("upstream", ["127.0.0.1:8888", "unix:/run/jupyter/jupyter.sock", "[::1]:8888"])
@pytest.mark.parametrize("behind", [(), (network("10.0.0.0/8"), network("fd00::/8"))])
def test_every_file_is_whole(name: str, tls: Tls, base_url: str, upstream: str, behind: tuple) -> None:
    text = render(
        KINDS[name],
        Deployment("a.example", base_url=base_url, upstream=Upstream.parse(upstream), tls=tls, behind=behind),
    )
    assert upstream.removeprefix("unix:") in text
    assert base_url in text
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert max(map(len, text.splitlines())) < 200
    assert ("max-age=63072000" in text) is (tls is not Tls.NONE)
    assert all(str(net) in text for net in behind)
    # Braces in pairs; nothing of the template left.
    assert not re.search(r"\{[{%#]|[%#}]\}(?!\})", re.sub(r"%\{[\w-]+\}i?|\$\{\w+\}", "", text))


def test_every_proxy_keeps_a_silent_socket_for_a_day() -> None:
    day = str(IDLE_SECONDS)
    assert f"proxy_read_timeout    {day}s;" in render(KINDS["nginx"], SITE)
    for wstunnel in (False, True):
        text = render(KINDS["apache"], SITE, wstunnel=wstunnel)
        assert f"ProxyTimeout {day}\n" in text
        assert f" timeout={day}" in text
    assert f"timeout tunnel          {day}s" in render(KINDS["haproxy"], SITE)
    assert "timeout" not in render(KINDS["caddy"], SITE).split("reverse_proxy")[1].replace("dial_timeout", "")


@pytest.mark.parametrize("name", PROXIES)
def test_every_proxy_takes_as_much_as_jupyter_does(name: str) -> None:
    from jupyter_server.serverapp import ServerApp

    assert ServerApp.max_body_size.default_value == BODY_BYTES
    assert str(BODY_BYTES) in render(KINDS[name], SITE).replace("512MiB", str(BODY_BYTES))


@pytest.mark.parametrize("name", PROXIES)
def test_only_lets_encrypt_needs_a_way_for_its_challenge(name: str) -> None:
    with_challenge = {tls for tls in Tls if "acme" in render(KINDS[name], replace(SITE, tls=tls)).lower()}
    assert with_challenge == {Tls.ACME}


@pytest.mark.parametrize("name", PROXIES)
def test_plain_http_is_said_in_capitals(name: str) -> None:
    plain = replace(SITE, tls=Tls.NONE)
    assert "PLAIN HTTP" in render(KINDS[name], plain)
    assert "PLAIN HTTP" not in render(KINDS[name], replace(plain, behind=(network("10.0.0.0/8"),)))
    assert "PLAIN HTTP" not in render(KINDS[name], SITE)


@pytest.mark.parametrize("name", PROXIES)
def test_a_way_between_two_machines_is_pointed_out(name: str) -> None:
    there = replace(SITE, upstream=Upstream.parse("192.0.2.5:8888"))
    assert "must be yours alone" in render(KINDS[name], there)
    assert "must be yours alone" not in render(KINDS[name], SITE)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nginx", "listen [2001:db8::7]:8443 ssl http2;"),
        ("apache", "<VirtualHost [2001:db8::7]:8443>"),
        ("haproxy", "bind [2001:db8::7]:8443 ssl"),
        ("caddy", "bind 2001:db8::7\n"),
    ],
)
def test_one_address_and_other_ports(name: str, line: str) -> None:
    assert line in render(KINDS[name], replace(SITE, listen="2001:db8::7", https_port=8443))


def test_two_sites_of_one_nginx_do_not_meet_in_a_name() -> None:
    behind = (network("10.0.0.0/8"),)
    one = render(KINDS["nginx"], replace(SITE, behind=behind))
    other = render(KINDS["nginx"], Deployment("other.example", behind=(network("192.0.2.1"),)))
    shared = set(re.findall(r"(?:geo|log_format|map) .*", one)) & set(
        re.findall(r"(?:geo|log_format|map) .*", other)
    )
    assert len(shared) == 2  # the two of Upgrade, which say the same everywhere
    assert all("$http_upgrade" in line for line in shared)


def test_jupyters_own_file_runs_and_says_what_the_proxy_needs() -> None:
    from traitlets.config import Config

    from jupyter_totp_auth.settings import TotpAuth

    for deployment in (SITE, SOCKET, replace(SITE, base_url="/lab/", behind=(network("10.0.0.0/8"),))):
        config = Config()
        exec(render(KINDS["jupyter"], deployment), {"get_config": lambda c=config: c})  # noqa: S102 - as Jupyter does
        assert config.ServerApp.base_url == deployment.base_url
        settings = TotpAuth(config=config)
        assert settings.trusted_proxies == list(deployment.trusted_proxies)
        assert settings.allowed_hosts == [deployment.domain]
        assert settings.public_url == deployment.public_url
        assert settings.required
        if deployment.upstream.socket:
            assert config.ServerApp.sock == deployment.upstream.socket
        else:
            assert (config.ServerApp.ip, config.ServerApp.port) == ("127.0.0.1", 8888)
