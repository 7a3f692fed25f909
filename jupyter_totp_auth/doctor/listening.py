"""How people reach the server: where it listens, TLS, the proxies that are believed, names and paths."""

from __future__ import annotations

import re
from datetime import timezone
from pathlib import Path
from urllib.parse import urlsplit

from ..core.policy import DAY
from .finding import Verdict, check, green, red, yellow
from .subject import Subject, is_loopback

_WIDE = {4: 16, 6: 48}
"""A network of more than so many addresses is no proxy's."""
_SOON = 14 * DAY
_NOBODYS = {"home", "internal", "lan", "local", "localhost", "test"}
"""Top-level domains in which nobody can have a name registered (RFC 6761, RFC 6762, ICANN 2024)."""
_BEHIND = "c.TotpAuth.trusted_proxies = ['127.0.0.1/32']  (the proxy's address)"
_LOCAL = 'c.ServerApp.ip = "127.0.0.1"'


@check(
    "plain-http",
    about="listening beyond this machine with neither TLS nor a proxy that is named",
    why="Passwords, codes and cookies can be read on the network.",
)
def _plain_http(subject: Subject) -> Verdict:
    trusted = subject.settings.trusted_proxies
    if subject.is_reachable and not subject.has_tls and not trusted:
        allowed = " TotpAuth.allow_plain_http lets it start." if subject.settings.allow_plain_http else ""
        address = subject.server("ip") or "*"
        return red(f"The server listens on {address} in plain http.{allowed}", _LOCAL)
    return green("Nobody reaches the server in plain http from outside.")


@check(
    "around-the-proxy",
    about="a proxy on this machine in front, and the server listening beyond it in plain http",
    why="People can go around the proxy, and are then without TLS.",
)
def _around(subject: Subject) -> Verdict:
    networks = subject.settings.proxy_networks()
    named = bool(subject.settings.trusted_proxies)
    if named and subject.is_reachable and not subject.has_tls and all(n.is_loopback for n in networks):
        return red("The server listens beyond this machine, and its proxy is on this machine.", _LOCAL)
    return green("Nobody goes around the proxy.")


@check(
    "trusted-proxies",
    about="trusted_proxies takes in everybody (red) or a wide network (yellow)",
    why="Whoever is in there may say who they are, and in whose name wrong passwords are counted.",
)
def _trusted(subject: Subject) -> Verdict:
    networks = subject.settings.proxy_networks()
    if any(network.prefixlen == 0 for network in networks):
        return red("TotpAuth.trusted_proxies trusts every address.", _BEHIND)
    wide = [str(n) for n in networks if not n.is_loopback and n.prefixlen < _WIDE[n.version]]
    if wide:
        return yellow(f"TotpAuth.trusted_proxies trusts wide networks: {', '.join(wide)}.", _BEHIND)
    return green("Only named proxies are believed.")


@check(
    "proxy-unnamed",
    about="people come by https, and neither TLS nor a proxy is configured",
    why="The proxy's word that it speaks https is not believed: the cookie is not Secure, and every client "
    "is counted as the proxy.",
)
def _unnamed(subject: Subject) -> Verdict:
    https = urlsplit(subject.settings.public_url).scheme == "https"
    if https and not subject.has_tls and not subject.settings.trusted_proxies:
        return red("TotpAuth.public_url is https, but no proxy is named in trusted_proxies.", _BEHIND)
    return green("Who speaks https is known.")


@check(
    "trust-xheaders",
    about="ServerApp.trust_xheaders is on",
    why="Any client's X-Real-IP then overrides X-Forwarded-For in Jupyter's own log.",
)
def _xheaders(subject: Subject) -> Verdict:
    if subject.server("trust_xheaders"):
        return yellow("ServerApp.trust_xheaders is on.", "# c.ServerApp.trust_xheaders = True  (remove it)")
    return green("Jupyter's log believes no header.")


@check(
    "allowed-hosts",
    about="the host check is off, or takes in whole domains",
    why="A site can point its own name here, and act in a visitor's browser as this server (DNS rebinding).",
)
def _hosts(subject: Subject) -> Verdict:
    hosts = subject.settings.allowed_hosts
    line = 'c.TotpAuth.allowed_hosts = ["jupyter.example.org"]'
    if subject.server("allow_remote_access") and not hosts:
        return red(
            "ServerApp.allow_remote_access takes the host check away; the server refuses to start.", line
        )
    wide = [host for host in hosts if re.fullmatch(r"\*\.[^.]+", host) and host[2:] not in _NOBODYS]
    if wide:
        return red(f"TotpAuth.allowed_hosts takes in a whole top-level domain: {', '.join(wide)}.", line)
    return green("Only named hosts are answered.")


@check(
    "public-url-host",
    about="the host of public_url is not one of allowed_hosts",
    why="The links that are printed, and everybody who comes that way, get 403.",
)
def _public_host(subject: Subject) -> Verdict:
    parts = urlsplit(subject.settings.public_url)
    host = (parts.hostname or "").lower()
    hosts = subject.settings.allowed_hosts
    entries = [*hosts, *subject.server("local_hostnames", default=())]
    names = {re.sub(r":\d+$", "", entry).strip("[]") for entry in entries}
    below = tuple(entry[1:] for entry in hosts if entry.startswith("*."))
    if host and not is_loopback(host) and host not in names and not host.endswith(below or ("\0",)):
        return red(
            f"TotpAuth.public_url leads to {host}, which is not allowed.",
            f'c.TotpAuth.allowed_hosts = ["{host}"]',
        )
    return green("The address that people type is answered.")


@check(
    "public-url-path",
    about="public_url does not end in base_url",
    why="Links lead nowhere; on a proxy's side such a difference shows as 404, or as a wrong MIME type.",
)
def _public_path(subject: Subject) -> Verdict:
    path = urlsplit(subject.settings.public_url).path.rstrip("/") + "/"
    # A part of the proxy's own may stand before base_url; where there is none, the path is all of it.
    differs = path != "/" if subject.base_url == "/" else not path.endswith(subject.base_url)
    if subject.settings.public_url and differs:
        return red(
            f"TotpAuth.public_url ends in {path}, ServerApp.base_url is {subject.base_url}.",
            f'c.ServerApp.base_url = "{path}"',
        )
    return green("Both sides have one path.")


@check(
    "public-url-plain",
    about="public_url is plain http on another machine's network",
    why="Passwords, codes and one-time links can be read on the way.",
)
def _public_plain(subject: Subject) -> Verdict:
    parts = urlsplit(subject.settings.public_url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        line = f'c.TotpAuth.public_url = "https://{parts.hostname}{parts.path or "/"}"'
        return red("TotpAuth.public_url is plain http.", line)
    return green("Links do not lead to plain http.")


@check(
    "port-retries",
    about="behind a proxy, and the server may take another port",
    why="Where its port is taken, it starts on the next one, which the proxy does not know: 502 or 503.",
)
def _retries(subject: Subject) -> Verdict:
    behind = subject.settings.trusted_proxies and not subject.server("sock")
    if behind and int(subject.server("port_retries", default=50)) != 0:
        return yellow(
            "The server may start on a port that the proxy does not know.", "c.ServerApp.port_retries = 0"
        )
    return green("The server keeps its port.")


@check(
    "socket-mode",
    about="everybody on this machine can connect to the Unix socket",
    why="Its peers are believed as proxies: they may say who they are.",
)
def _socket(subject: Subject) -> Verdict:
    mode = str(subject.server("sock_mode", default="0600"))
    if subject.server("sock") and int(mode, 8) & 0o006:
        return red(f"ServerApp.sock_mode is {mode}.", 'c.ServerApp.sock_mode = "0660"')
    return green("Nobody else connects to a Unix socket of Jupyter's.")


@check(
    "certificate",
    about="Jupyter's TLS certificate is missing or has ended (red), or ends within 14 days (yellow)",
    why="Browsers warn, and people learn to click warnings away.",
)
def _certificate(subject: Subject) -> Verdict:
    configured = subject.server("certfile")
    if not configured:
        return green("Jupyter itself has no certificate.")
    path = Path(str(configured)).expanduser()
    if not path.is_file():
        return red(f"There is no certificate {path}.", 'c.ServerApp.certfile = "…"')
    from cryptography import x509  # noqa: PLC0415 - on need

    last = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    left = int(last.astimezone(timezone.utc).timestamp()) - subject.at
    if left <= 0:
        return red(f"The certificate {path} has ended.", "certbot renew")
    if left < _SOON:
        return yellow(f"The certificate {path} ends in {left // DAY} days.", "certbot renew")
    return green(f"The certificate is good for {left // DAY} days.")


CHECKS = (
    _plain_http,
    _around,
    _trusted,
    _unnamed,
    _xheaders,
    _hosts,
    _public_host,
    _public_path,
    _public_plain,
    _retries,
    _socket,
    _certificate,
)
