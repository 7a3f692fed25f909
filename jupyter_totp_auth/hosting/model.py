"""What one deployment is: under which name people reach it, where Jupyter listens, who stands in between.

Whatever is in here may stand in every one of the files as it is: no value has a blank, a quote, a brace or
a line end, so no template has to escape anything.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import Enum

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

IDLE_SECONDS = 86400
"""How long a proxy keeps a silent socket. A kernel that computes says nothing; logins end by themselves."""

BODY_BYTES = 512 * 1024 * 1024
"""What Jupyter itself takes (``ServerApp.max_body_size``)."""

HTTPS = 443
HTTP = 80

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_LONGEST_DOMAIN = 253
_BASE_URL = re.compile(r"/((?!\.{1,2}/)[A-Za-z0-9._~-]+/)*", re.ASCII)
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._+,@-]+)+", re.ASCII)
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)
_LONGEST_SOCKET = 107  # sun_path of unix(7), less its closing zero byte
_PORTS = range(1, 65536)


class BadDeployment(ValueError):
    """A deployment that cannot be, in one sentence for the person who described it."""


class Tls(str, Enum):
    """Where the proxy has its certificate from."""

    FILES = "files"
    ACME = "acme"
    NONE = "none"
    """It has none: it speaks plain http."""


@dataclass(frozen=True)
class Upstream:
    """Where Jupyter listens: an address and a port, or a Unix socket."""

    host: str = "127.0.0.1"
    port: int = 8888
    socket: str = ""
    """The path of a Unix socket; host and port then mean nothing."""

    @classmethod
    def parse(cls, text: str) -> Upstream:
        """From ``HOST:PORT``, ``[IPV6]:PORT`` or ``unix:/PATH``. Raises BadDeployment."""
        if text.startswith("unix:"):
            socket = text.removeprefix("unix:")
            _insist_on_path("The Unix socket", socket)
            if len(socket) > _LONGEST_SOCKET:
                raise BadDeployment(f"The path of a Unix socket has at most {_LONGEST_SOCKET} letters.")
            return cls(socket=socket)
        host, colon, port = text.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit():
            raise BadDeployment(f"Jupyter's place is HOST:PORT or unix:/PATH, not {text!r}.")
        _insist_on_port(int(port))
        return cls(host=_host(host), port=int(port))

    @property
    def address(self) -> str:
        """``HOST:PORT``, as it stands in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_remote(self) -> bool:
        """Whether Jupyter is on another machine than the proxy, as far as the address tells."""
        if self.socket or self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True

    @property
    def peers(self) -> tuple[str, ...]:
        """From where Jupyter sees a proxy of its own machine connect, as ``trusted_proxies`` names it."""
        if self.socket:
            return ("unix",)
        if self.host == "localhost":
            return ("127.0.0.1/32", "::1/128")
        return () if self.is_remote else (f"{self.host}/{128 if ':' in self.host else 32}",)


@dataclass(frozen=True)
class Deployment:
    """One Jupyter server as people reach it. Making one that cannot be raises BadDeployment."""

    domain: str
    base_url: str = "/"
    upstream: Upstream = Upstream()
    tls: Tls = Tls.FILES
    behind: tuple[Network, ...] = ()
    """Proxies further out, whose word about the client counts."""
    https_port: int = HTTPS
    http_port: int = HTTP
    listen: str = ""
    """The one address that the proxy listens on; empty: all of the machine."""
    certificate: str = ""
    key: str = ""
    user: str = "jupyter"
    """The system's account that Jupyter runs as."""
    venv: str = "/opt/jupyter"
    home: str = "/srv/jupyter"

    def __post_init__(self) -> None:
        self._check_address()
        self._check_certificate()
        for what, path in (("venv", self.venv), ("home", self.home)):
            _insist_on_path(f"The {what}", path)
        if not _USER.fullmatch(self.user):
            raise BadDeployment(f"{self.user!r} is no name of a system account.")

    def _check_address(self) -> None:
        if not _DOMAIN.fullmatch(self.domain) or len(self.domain) > _LONGEST_DOMAIN:
            raise BadDeployment(
                f"{self.domain!r} is no host name; write it without scheme, port and path, in small ASCII "
                "letters (jupyter.example.org, or xn--… for a name with others)."
            )
        if not _BASE_URL.fullmatch(self.base_url):
            raise BadDeployment(f"{self.base_url!r} is no path such as /jupyterlab/.")
        for port in (self.https_port, self.http_port):
            _insist_on_port(port)
        if self.https_port == self.http_port:
            raise BadDeployment(f"https and http cannot both be on port {self.http_port}.")
        if self.listen:
            _insist_on_address(self.listen)

    def _check_certificate(self) -> None:
        if bool(self.certificate) != bool(self.key):
            raise BadDeployment("A certificate and its key go together.")
        if self.certificate and self.tls is not Tls.FILES:
            raise BadDeployment(f"A certificate of one's own goes with --tls files, not {self.tls.value}.")
        for what, path in (("certificate", self.certificate), ("key", self.key)):
            if path:
                _insist_on_path(f"The {what}", path)

    # -- how people reach it -----------------------------------------------------------------------

    @property
    def is_secure(self) -> bool:
        """Whether this proxy itself speaks https."""
        return self.tls is not Tls.NONE

    @property
    def origin(self) -> str:
        """Scheme, host and port in the address bar. A proxy further out, if any, is taken to speak https."""
        if self.is_secure:
            return f"https://{self.domain}" + _unless(self.https_port, HTTPS)
        if self.behind:
            return f"https://{self.domain}"
        return f"http://{self.domain}" + _unless(self.http_port, HTTP)

    @property
    def public_url(self) -> str:
        """What people type."""
        return self.origin + self.base_url

    @property
    def port(self) -> int:
        """Where this proxy takes people's requests."""
        return self.https_port if self.is_secure else self.http_port

    @property
    def prefix(self) -> str:
        """``base_url`` without the slash at its end: empty at a host's root."""
        return self.base_url.rstrip("/")

    @property
    def slug(self) -> str:
        """A word of this deployment's own: some names in nginx's files hold for all of its sites."""
        return re.sub(r"[^a-z0-9]+", "_", f"{self.domain}{self.prefix}".lower())

    # -- files -------------------------------------------------------------------------------------

    @property
    def certificate_file(self) -> str:
        """The chain, in PEM."""
        if self.tls is Tls.ACME:
            return f"/etc/letsencrypt/live/{self.domain}/fullchain.pem"
        return self.certificate or f"/etc/ssl/certs/{self.domain}.pem"

    @property
    def key_file(self) -> str:
        """The certificate's key, in PEM."""
        if self.tls is Tls.ACME:
            return f"/etc/letsencrypt/live/{self.domain}/privkey.pem"
        return self.key or f"/etc/ssl/private/{self.domain}.key"

    # -- Jupyter's side ----------------------------------------------------------------------------

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """What ``TotpAuth.trusted_proxies`` has to be. Raises BadDeployment where that cannot be known."""
        if self.upstream.is_remote and not self.behind:
            raise BadDeployment(
                f"Jupyter on {self.upstream.address} is not on the proxy's machine: say with --behind from "
                "which address the proxy connects."
            )
        return (*self.upstream.peers, *map(str, self.behind))


def prefix(text: str) -> str:
    """A base_url as it was typed, with a slash at both ends."""
    bare = text.strip("/")
    return f"/{bare}/" if bare else "/"


def network(text: str) -> Network:
    """One network of proxies. Raises BadDeployment."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadDeployment(f"{text!r} is no network, such as 192.0.2.7/32.") from None
    if found.prefixlen == 0:
        raise BadDeployment(f"{text} is everybody: whoever connects could say who they are. Name the proxy.")
    return found


def _unless(port: int, usual: int) -> str:
    """The port as it stands in a URL: left out where it goes without saying."""
    return "" if port == usual else f":{port}"


def _host(text: str) -> str:
    """A host to connect to: a name or an address, without brackets."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        if _DOMAIN.fullmatch(bare):
            return bare
        raise BadDeployment(f"{text!r} is no host to connect to: write HOST:PORT or unix:/PATH.") from None
    if address.is_unspecified:
        raise BadDeployment(f"{text} means every address; name the one that the proxy connects to.")
    return str(address)


def _insist_on_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise BadDeployment(f"{text!r} is no address to listen on.") from None


def _insist_on_port(port: int) -> None:
    if port not in _PORTS:
        raise BadDeployment(f"{port} is no port.")


def _insist_on_path(what: str, path: str) -> None:
    if not _PATH.fullmatch(path):
        raise BadDeployment(f"{what} needs a whole path of plain letters, not {path!r}.")
