"""To the proxy: name, port, certificate, plain http."""

from __future__ import annotations

import calendar
import socket
import ssl
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from ...core.policy import DAY
from ..finding import Blocked, Verdict, check, green, red, yellow
from .lines import Fault
from .visit import Visit
from .wire import NoAnswer, Wire, dial, in_words

_SOON = 14 * DAY
_LISTEN = "listen, in the proxy, on this address and port; or take the address out of the DNS"
_TLS = "TLS on this port of the proxy: a certificate and its key"
_VERIFY_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_VERIFY_EXPIRED = 10
_VERIFY_SELF = (18, 19)


@check(
    "outside-dns",
    about="the name has no address",
    why="Nobody finds the server.",
)
def _dns(visit: Visit) -> Verdict:
    address = visit.address
    try:
        found = {str(place[4][0]) for place in _places(visit)}
    except OSError as error:
        line = f"an A record (and AAAA) for {address.host}, or a line in /etc/hosts"
        return red(f"{address.host} has no address: {error.strerror}.", line)
    return green(f"{address.host} is {', '.join(sorted(found))}.")


@check(
    "outside-connect",
    about="nothing answers at the address, or not at all of its addresses",
    why="Browsers try one address after the other, IPv6 first; people wait, or get nothing.",
)
def _connect(visit: Visit) -> Verdict:
    try:
        places = sorted({str(place[4][0]) for place in _places(visit)})
    except OSError:
        raise Blocked("outside-dns") from None
    dead = {place: why for place in places if (why := _why_not(place, visit.address.port))}
    said = "; ".join(f"{place}: {why}" for place, why in dead.items())
    if len(dead) == len(places):
        return red(f"Port {visit.address.port} cannot be reached ({said}).", f"{_LISTEN}; open the firewall")
    if dead:
        return yellow(f"Port {visit.address.port} is not there at every address ({said}).", _LISTEN)
    return green(f"Port {visit.address.port} takes connections.")


def _places(visit: Visit) -> list[Any]:
    return socket.getaddrinfo(visit.address.host, visit.address.port, type=socket.SOCK_STREAM)


def _why_not(place: str, port: int) -> str:
    try:
        dial(place, port).close()
    except OSError as error:
        return in_words(error)
    return ""


@check(
    "outside-tls",
    about="plain http, or a certificate that browsers do not take: its name, its chain, its dates",
    why="Without TLS passwords can be read on the way; with a warning people learn to click it away.",
)
def _tls(visit: Visit) -> Verdict:
    if not visit.address.secure:
        return red("The address begins with http://.", visit.line(Fault.PLAIN))
    found = visit.certificate
    if isinstance(found, dict):
        return green(f"The certificate holds for {visit.address.host}.")
    if isinstance(found, NoAnswer):
        return red(f"No TLS: {found}.", _TLS)
    if not isinstance(found, ssl.SSLCertVerificationError):
        return red(f"No TLS: {found.reason or 'what comes back is none'}.", _TLS)
    return red(
        f"The certificate does not hold: {_judged(found, visit.address.host)}.", visit.line(Fault.CHAIN)
    )


def _judged(error: ssl.SSLCertVerificationError, host: str) -> str:
    code = error.verify_code
    if code in _VERIFY_NAME:
        return f"it is not for {host}"
    if code == _VERIFY_EXPIRED:
        return "it has expired"
    if code in _VERIFY_SELF:
        return "it is signed by itself, or by somebody that this machine does not know"
    return f"{error.verify_message} (is it the whole chain?)"


@check(
    "outside-expiry",
    about="the certificate ends within 14 days",
    why="Then no browser comes in; a certificate that nobody renews by hand is renewed before.",
)
def _expiry(visit: Visit) -> Verdict:
    if not visit.address.secure or not isinstance(visit.certificate, dict):
        raise Blocked("outside-tls")
    ends = calendar.timegm(time.strptime(str(visit.certificate["notAfter"]), "%b %d %H:%M:%S %Y %Z"))
    days = (ends - visit.subject.at) // DAY
    if ends - visit.subject.at < _SOON:
        return yellow(f"The certificate ends in {days} days.", "certbot renew  (and a timer for it)")
    return green(f"The certificate is good for {days} days.")


@check(
    "outside-plain",
    about="http:// shows the login, or does not lead to https://",
    why="Who types the name without https would send a password in the clear, or finds nothing.",
)
def _plain(visit: Visit) -> Verdict:
    address = visit.address
    if not address.secure:
        raise Blocked("outside-tls")
    if address.http_port is None:
        return green("https has a port of its own here: http is somebody else's.")
    bare = replace(address, secure=False, port=address.http_port)
    try:
        answer = Wire(bare, None).ask(bare.base_url, {"Sec-Fetch-Mode": "navigate"})
    except NoAnswer as error:
        return yellow(f"Plain http, port {bare.port}: {error}.", visit.line(Fault.PLAIN))
    to = urljoin(bare.url, answer.get("Location"))
    if answer.is_moved and to.startswith(address.origin + "/"):
        return green("http:// leads to https://.")
    if answer.is_moved and to.startswith("https://"):
        return red(f"http:// leads to {to}, not to {address.origin}.", visit.line(Fault.PLAIN))
    return red(f"http:// answers {answer.status} and does not lead to https://.", visit.line(Fault.PLAIN))


@check(
    "outside-hsts",
    about="browsers are not told to come by https only",
    why="On a strange network, the first http:// request can be kept from ever reaching https (RFC 6797).",
)
def _hsts(visit: Visit) -> Verdict:
    if not visit.address.secure:
        raise Blocked("outside-tls")
    said = visit.login_page.get("Strict-Transport-Security")
    if "max-age=" not in said or "max-age=0" in said.replace(" ", "").split(";"):
        return yellow("No Strict-Transport-Security comes with the login page.", visit.line(Fault.HSTS))
    return green("Browsers are told to come by https only.")


CHECKS = (_dns, _connect, _tls, _expiry, _plain, _hsts)
