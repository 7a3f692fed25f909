"""What is outside: a name for this machine, browsers with an address of their own, and a proxy in between."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
import websocket
from requests.adapters import HTTPAdapter

from jupyter_totp_auth.hosting import KINDS, Deployment, Tls, Upstream, render
from tests.harness.backstage import Backstage, backstage
from tests.harness.client import Client, Person
from tests.harness.lean import lean
from tests.harness.server import JupyterServer
from tests.harness.tls import self_signed
from tests.services.ports import free_port
from tests.services.process import folder
from tests.services.proxies import PROXIES, Proxy

DOMAIN = "lab.example"
"""The name that Chromium is told, too (tests/browser/chrome.py)."""
HOME = "127.0.0.1"
CLIENT = "127.0.0.5"
"""Where browsers come from: another address than the proxy's."""
OUTER = "127.0.0.9"
"""Where a proxy further out comes from."""

_numbers = count(1)


@dataclass(frozen=True)
class Brand:
    """A proxy, and one of the ways to run it."""

    name: str
    wstunnel: bool = False

    def __str__(self) -> str:
        return f"{self.name}-wstunnel" if self.wstunnel else self.name

    def text(self, deployment: Deployment) -> str:
        """Its file."""
        return render(KINDS[self.name], deployment, wstunnel=self.wstunnel)

    @contextmanager
    def running(self, text: str, *, port: int) -> Iterator[Proxy]:
        """Started with this text."""
        more = {"wstunnel": True} if self.wstunnel else {}
        with PROXIES[self.name](text, port=port, **more) as proxy:
            yield proxy


BRANDS = (
    Brand("nginx"),
    Brand("apache"),
    Brand("apache", wstunnel=True),
    Brand("haproxy"),
    Brand("caddy"),
)


class Paper:
    """The certificate of DOMAIN, as files; or another one."""

    def __init__(self, home: Path, files: tuple[Path, Path] | None = None) -> None:
        self.certificate, self.key = files or self_signed(home, DOMAIN)
        # HAProxy wants both in one file; to the others the key behind the chain does no harm.
        self.certificate.write_bytes(self.certificate.read_bytes() + self.key.read_bytes())
        home.chmod(0o755)
        for file in (self.certificate, self.key):
            file.chmod(0o644)


@contextmanager
def a_name_for_this_machine() -> Iterator[None]:
    """DOMAIN and www.DOMAIN are 127.0.0.1, for everything in this process, as /etc/hosts would have it."""
    ask = socket.getaddrinfo

    def answer(host: Any, *arguments: Any, **options: Any) -> Any:
        return ask(HOME if host in (DOMAIN, f"www.{DOMAIN}") else host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", answer)
        yield


class _From(HTTPAdapter):
    """Connects from one address."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self._address, 0))


class Visitor(Client):
    """A browser with an address, which knows the certificate."""

    def __init__(self, url: str, paper: Paper, *, address: str = CLIENT, **headers: str) -> None:
        super().__init__(url, **headers)
        self._paper = paper
        self.session.verify = str(paper.certificate)
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, _From(address))

    def socket(self, path: str, *, origin: str | None = "", **options: Any) -> websocket.WebSocket:
        """An open WebSocket, over TLS where the page is."""
        trust = {"ca_certs": str(self._paper.certificate), "cert_reqs": ssl.CERT_REQUIRED}
        return super().socket(path, origin=origin, **{"sslopt": trust, **options})


@dataclass
class House:
    """A Jupyter server with the package's own file for this deployment, behind no proxy yet."""

    stage: Backstage
    deployment: Deployment
    kernel: str = ""

    def somebody(self) -> Person:
        """A person of this test's own: a code opens only one login."""
        return self.stage.enrolled(f"person{next(_numbers)}")

    def kernel_of(self, visitor: Client) -> str:
        """One kernel for all who come: it takes a second to start."""
        self.kernel = self.kernel or visitor.start_kernel()
        return self.kernel


@contextmanager
def house(
    home: Path,
    *,
    base_url: str,
    unix: bool,
    more: str = "",
    front_end: bool = False,
    certificate: Path | None = None,
    **described: Any,
) -> Iterator[House]:
    """Start one. Without a limit for the crowd of one address that these tests are.

    ``certificate``: of a server that speaks https itself.
    """
    with folder("totp-sock-") as place:
        place.chmod(0o755)
        sock = place / "jupyter.sock"
        upstream = Upstream(socket=str(sock)) if unix else Upstream(port=free_port())
        deployment = Deployment(DOMAIN, base_url=base_url, upstream=upstream, **described)
        text = render(KINDS["jupyter"], deployment) + "\nc.TotpAuth.address_burst = 0\n"
        # Apache's processes are of a user who is in no group of ours.
        text += 'c.ServerApp.sock_mode = "0666"\n' if unix else ""
        settings: dict[str, Any] = {"base_url": base_url, "config": text + more, "certificate": certificate}
        server = JupyterServer(home, app="lab", **settings) if front_end else lean(home, **settings)
        server.sock = sock if unix else None
        server.port = upstream.port
        with server, backstage(server) as stage:
            yield House(stage, deployment)


@dataclass(frozen=True)
class Site:
    """A proxy in front of a server."""

    brand: Brand
    house: House
    deployment: Deployment
    proxy: Proxy
    paper: Paper

    @property
    def url(self) -> str:
        """What people type."""
        return self.deployment.public_url

    def visitor(self, *, address: str = CLIENT, **headers: str) -> Visitor:
        """A browser that was never here."""
        return Visitor(self.url, self.paper, address=address, **headers)

    def signed_in(self, **options: str) -> Visitor:
        """The same, with a login through the pages."""
        visitor = self.visitor(**options)
        visitor.log_in(self.house.somebody())
        return visitor

    def has(self, answer: requests.Response) -> bool:
        """Whether a redirect stays on the outer host, its port and its path."""
        return urljoin(answer.url, answer.headers["Location"]).startswith(self.url)


def facing(house: House, paper: Paper, **described: Any) -> Deployment:
    """The same deployment with free ports for a proxy."""
    own = {"certificate": str(paper.certificate), "key": str(paper.key)}
    return replace(
        house.deployment,
        listen=HOME,
        https_port=free_port(),
        http_port=free_port(),
        **{**own, **described},
    )


@contextmanager
def site(brand: Brand, house: House, paper: Paper, **described: Any) -> Iterator[Site]:
    """A proxy in front of a house."""
    deployment = facing(house, paper, **described)
    with brand.running(brand.text(deployment), port=deployment.port) as proxy:
        yield Site(brand, house, deployment, proxy, paper)


__all__ = [
    "BRANDS",
    "CLIENT",
    "DOMAIN",
    "HOME",
    "OUTER",
    "Brand",
    "House",
    "Paper",
    "Site",
    "Tls",
    "Visitor",
    "a_name_for_this_machine",
    "facing",
    "house",
    "site",
]
