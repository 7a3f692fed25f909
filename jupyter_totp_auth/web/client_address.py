"""The true client address and scheme: what the socket says, or what a trusted proxy says (R33).

X-Forwarded-For is read from the right, up to the first hop that is not a trusted proxy. X-Real-IP,
Forwarded and the rest are ignored: from anybody's hand they would override the truth.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from tornado.httputil import HTTPServerRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNIX = "unix"
_MOST_HOPS = 32


@dataclass(frozen=True)
class Peer:
    """Where a request comes from: an address in its shortest form (or ``unix``), and its scheme."""

    address: str
    secure: bool


class ClientAddresses:
    """Resolves requests, given the networks of the proxies that may speak for others."""

    def __init__(
        self,
        trusted: Sequence[Network],
        *,
        trust_unix: bool,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._trusted = trusted
        self._trust_unix = trust_unix
        self._log = log
        self._warned = False

    def resolve(self, request: HTTPServerRequest) -> Peer:
        """The client's address and scheme."""
        context = request.connection.context  # type: ignore[union-attr]
        own_tls = _own_scheme(context) == "https"
        peer = _socket_peer(context)
        if not self._is_trusted(peer):
            self._warn_once(request, peer)
            return Peer(UNIX if peer is None else str(peer), own_tls)
        proto = request.headers.get_list("X-Forwarded-Proto")
        last = proto[-1].rpartition(",")[2].strip().lower() if proto else ""
        secure = last in ("https", "wss") if last else own_tls
        client = self._rightmost_untrusted(request, peer)
        return Peer(UNIX if client is None else str(client), secure)

    def peer(self, request: HTTPServerRequest) -> tuple[str, bool]:
        """The other end of the socket itself, and whether it may speak for others."""
        peer = _socket_peer(request.connection.context)  # type: ignore[union-attr]
        return UNIX if peer is None else str(peer), self._is_trusted(peer)

    def _rightmost_untrusted(self, request: HTTPServerRequest, peer: Address | None) -> Address | None:
        hops = ",".join(request.headers.get_list("X-Forwarded-For")).split(",")
        client = peer
        for hop in reversed(hops[-_MOST_HOPS:]):
            address = parse_hop(hop)
            if address is None:  # garbage: nothing further left can be believed
                break
            client = address
            if not self._is_trusted(address):
                break
        return client

    def _is_trusted(self, address: Address | None) -> bool:
        if address is None:
            return self._trust_unix
        return any(address.version == net.version and address in net for net in self._trusted)

    def _warn_once(self, request: HTTPServerRequest, peer: Address | None) -> None:
        sent = [name for name in ("X-Forwarded-For", "X-Forwarded-Proto") if name in request.headers]
        if self._warned or not sent:
            return
        self._warned = True
        self._log.warning(
            "A request from %s carries %s, which is ignored: if that is your proxy, "
            "set c.TotpAuth.trusted_proxies = ['%s'].",
            peer or UNIX,
            sent[0],
            peer or UNIX,
        )


def parse_hop(text: str) -> Address | None:
    """One entry of X-Forwarded-For: an address, maybe with a port or in brackets; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return _parse(text)


def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _socket_peer(context: object) -> Address | None:
    """The other end of the socket, whatever headers made of ``remote_ip``; None on a Unix socket."""
    if getattr(context, "address_family", None) not in (socket.AF_INET, socket.AF_INET6):
        return None
    address = getattr(context, "address", None)
    return _parse(str(address[0])) if address else None


def _own_scheme(context: object) -> str:
    """http or https as it came in here, whatever headers made of it."""
    return str(getattr(context, "_orig_protocol", None) or getattr(context, "protocol", "http"))
