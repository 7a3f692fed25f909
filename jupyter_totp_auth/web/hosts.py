"""Under which names this server may be reached, and whether a request comes from its own pages."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from jupyter_server.utils import origin_matches_pat
from tornado.httputil import HTTPServerRequest

from ..risky_settings import matches_anybody

# The characters of DNS names, and of a Unix socket's path as URLs write it. Not whatever is no colon: a name
# with a slash or an @ ends early in a URL, and ".localhost" behind it would let any other pass.
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._~%-]+)(?::([0-9]{1,5}))?", re.ASCII)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Hosts:
    """The Host check, which keeps DNS rebinding out (I17). Loopback names are always allowed."""

    def __init__(self, allowed: Sequence[str], *, local: Sequence[str] = (), sock: str = "") -> None:
        self._exact = {entry for entry in allowed if not entry.startswith("*.")} | set(local)
        self._below = tuple(entry[1:] for entry in allowed if entry.startswith("*."))
        self._sock = sock

    def allows(self, host: str) -> bool:
        """Whether ``host`` (name, or name:port, as in the Host header) is one of ours."""
        match = _HOST.fullmatch(host.lower())
        if match is None:
            return False
        name = match.group(1).rstrip(".")
        if name in self._exact or f"{name}:{match.group(2)}" in self._exact:
            return True
        if is_loopback(name) or (self._below and name.endswith(self._below)):
            return True
        return bool(self._sock) and unquote(name) == self._sock.lower()


def is_loopback(name: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def is_own_origin(request: HTTPServerRequest, origin: str) -> bool:
    """Whether ``origin`` names the host and port that the request was sent to.

    Not the scheme: behind a proxy that does not tell it, the login must still work.
    """
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return False
    if parts.scheme not in _DEFAULT_PORTS or not parts.netloc or parts.path or "@" in parts.netloc:
        return False
    host = request.headers.get("Host", "").lower()
    default = _DEFAULT_PORTS[parts.scheme]
    return bool(host) and _with_port(parts.netloc, default) == _with_port(host, default)


def _with_port(host: str, default: str) -> str:
    match = _HOST.fullmatch(host)
    return f"{match.group(1)}:{match.group(2) or default}" if match else host


def is_from_own_page(request: HTTPServerRequest) -> bool:
    """Whether a state change was asked for by one of our own pages, as far as the browser tells (R30).

    Sec-Fetch-Site and Origin must hold where they are sent. Where neither is (no browser), a Referer must
    not be foreign; the double-submit token is asked for in any case.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origins = request.headers.get_list("Origin")
    if origins:
        return len(origins) == 1 and is_own_origin(request, origins[0])
    referer = request.headers.get("Referer")
    if site is None and referer:
        return is_own_origin(request, "/".join(referer.split("/", 3)[:3]))
    return True


def is_allowed_origin(app: Any, origin: str) -> bool:
    """An origin that the configuration names. Not ``*`` or ``.*``: with a cookie they mean everybody."""
    if app.allow_origin:
        return app.allow_origin not in ("", "*") and app.allow_origin == origin
    pattern = app.allow_origin_pat
    named = bool(pattern) and not matches_anybody(pattern)
    return named and origin_matches_pat(pattern, origin)
