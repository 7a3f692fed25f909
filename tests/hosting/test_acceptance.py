"""Each proxy's own judge on the files as they stand on a server, and the way of an ACME challenge."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from jupyter_totp_auth.hosting import Deployment, Tls, Upstream, network
from tests.hosting import examples, scribe
from tests.hosting.outside import BRANDS, DOMAIN, HOME, Brand, Paper, Visitor
from tests.services import missing_is_skip, parts
from tests.services.ports import free_port

CHALLENGE = "/.well-known/acme-challenge/token"


def here(text: str, paper: Paper, home: Path) -> str:
    """With what is elsewhere on this machine: certificates, and the folder of challenges."""
    live = f"/etc/letsencrypt/live/{DOMAIN}"
    return (
        text.replace(f"{live}/fullchain.pem", str(paper.certificate))
        .replace(f"{live}/privkey.pem", str(paper.key))
        .replace(f"/etc/haproxy/certs/{DOMAIN}.pem", str(paper.certificate))
        .replace("/var/www/acme", str(home))
    )


@pytest.mark.parametrize("tls", list(Tls))
@pytest.mark.parametrize("listen", ["", "0.0.0.0"])
def test_the_file_with_all_addresses_runs(
    brand: Brand, paper: Paper, tmp_path: Path, tls: Tls, listen: str
) -> None:
    if brand.name == "caddy" and tls is Tls.ACME:  # it would ask for a certificate at once
        tls = Tls.FILES
    own = {"certificate": str(paper.certificate), "key": str(paper.key)} if tls is Tls.FILES else {}
    deployment = Deployment(
        DOMAIN,
        base_url="/a.b/",
        upstream=Upstream(port=free_port()),
        tls=tls,
        behind=(network("192.0.2.0/28"), network("2001:db8::/32")),
        https_port=free_port(""),
        http_port=free_port(""),
        listen=listen,
        **own,
    )
    text = here(brand.text(deployment), paper, tmp_path)
    with missing_is_skip(), brand.running(text, port=deployment.port):
        scheme = "https" if deployment.is_secure else "http"
        visitor = Visitor(f"{scheme}://{DOMAIN}:{deployment.port}/", paper)
        assert visitor.get("a.b").headers["Location"].endswith("/a.b/")
        assert visitor.get("aXb").status_code == 404
        assert visitor.get("a.b/login").status_code in (502, 503)


def test_caddy_finds_its_file_written_as_it_would_write_it(tmp_path: Path) -> None:
    """It warns of anything else at each start."""
    with missing_is_skip():
        program = parts.find("caddy")
    for name, text in examples.examples().items():
        if name.endswith(".Caddyfile"):
            (tmp_path / name).write_text(text)
            done = subprocess.run(
                [program, "fmt", tmp_path / name], capture_output=True, text=True, check=True
            )
            assert done.stdout == text, name


@contextmanager
def with_acme(brand: Brand, paper: Paper, home: Path, more: dict[str, str]) -> Iterator[Deployment]:
    """A proxy with Let's Encrypt's file."""
    deployment = Deployment(
        DOMAIN,
        upstream=Upstream(port=free_port()),
        tls=Tls.ACME,
        https_port=free_port(),
        http_port=free_port(),
        listen=HOME,
    )
    text = here(brand.text(deployment), paper, home)
    for old, new in more.items():
        assert old in text
        text = text.replace(old, new)
    with missing_is_skip(), brand.running(text, port=deployment.http_port):
        yield deployment


def ask(deployment: Deployment, path: str) -> requests.Response:
    """Over plain http, as Let's Encrypt does."""
    url = f"http://{DOMAIN}:{deployment.http_port}{path}"
    return requests.get(url, allow_redirects=False, timeout=10)


@pytest.mark.parametrize("brand", [b for b in BRANDS if b.name in {"nginx", "apache"}], ids=str)
def test_a_challenge_is_answered_from_its_folder(brand: Brand, paper: Paper, tmp_path: Path) -> None:
    file = tmp_path / CHALLENGE.lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_text("proof")
    for folder in (tmp_path, *tmp_path.parents):  # Apache's user has to get there
        if folder.owner() == tmp_path.owner() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    with with_acme(brand, paper, tmp_path, {}) as deployment:
        assert ask(deployment, CHALLENGE).text == "proof"
        assert ask(deployment, "/x").headers["Location"] == f"{deployment.origin}/x"


def test_haproxy_hands_a_challenge_to_certbot(paper: Paper, tmp_path: Path) -> None:
    brand = next(brand for brand in BRANDS if brand.name == "haproxy")
    with scribe.writing() as certbot:
        port = {"server certbot 127.0.0.1:8402": f"server certbot 127.0.0.1:{certbot.port}"}
        with with_acme(brand, paper, tmp_path, port) as deployment:
            assert ask(deployment, CHALLENGE).text == "seen"
            assert certbot.paths == [CHALLENGE]
            assert ask(deployment, "/x").headers["Location"] == f"{deployment.origin}/x"
