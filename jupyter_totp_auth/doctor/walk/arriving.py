"""What of a request reaches the server: itself, its path, host, origin, scheme and client."""

from __future__ import annotations

import ipaddress

from ..finding import Blocked, Verdict, check, green, red, yellow
from .lines import Fault
from .visit import FORGED, NAMES, Arrival, Visit
from .wire import Answer, NoAnswer, dial

_DOWN = (502, 503, 504)
_UNAUTHORIZED = 401
_PATHS = ("api/contents/a%2Fb.ipynb", "lab/tree/x%20y%25.ipynb", "api/contents/%C3%A9;v=1", "files/a//b")
_SLOW_CLOCK, _WRONG_CLOCK = 5, 25
"""Seconds. A code is taken for 30 seconds before and after."""


@check(
    "outside-server",
    about="requests do not reach this server: nobody there, another server, another store, HTTP Basic",
    why="Nothing works.",
)
def _server(visit: Visit) -> Verdict:
    answer = visit.first
    if isinstance(answer, NoAnswer):
        return red(f"No answer: {answer}.", visit.line(Fault.UPSTREAM))
    if Arrival.read(answer.document, "") is not None:
        by = f"; {visit.brand.value} passes them on" if visit.brand.is_known else ""
        return green(f"Requests reach this server{by}.")
    if answer.is_ours:
        return _ours(visit, answer)
    if answer.status in _DOWN:
        return _down(visit, answer)
    if answer.status == _UNAUTHORIZED:
        what = "HTTP Basic (or the like) is asked in front of the login."
        return red(what, visit.line(Fault.BASIC))
    if answer.is_moved:
        return red(f"A request is sent on to {answer.get('Location')}.", visit.line(Fault.LOCATION))
    kind = answer.get("Content-Type").partition(";")[0] or "nothing"
    said = f"Something else answers below {visit.address.base_url}: {answer.status}, {kind}."
    return red(said, visit.line(Fault.LOCATION))


def _ours(visit: Visit, answer: Answer) -> Verdict:
    """This package, but no word of how the request arrived."""
    reason = answer.document.get("reason")
    if reason == "host":
        return _host_refused(visit)
    if reason is not None and reason != "unavailable":
        what = "A request reaches the server, but its path does not: part of it is cut off on the way."
        return red(what, visit.line(Fault.PATH))
    if isinstance(visit.issue, str):
        served = "Logins are served" if reason is None else "Logins are not served at the moment"
        said = f"{served}. How requests arrive cannot be asked from here: {visit.issue}"
        return yellow(said, "sudo -u USER jupyter totp doctor URL  (on its machine, as its user)")
    if reason is not None:
        return red(
            "The server's account store does not answer.", "jupyter totp doctor  (without the address)"
        )
    what = "A server answers, but it has another store than this command."
    return red(what, "run it as that server's user, with its configuration")


def _host_refused(visit: Visit) -> Verdict:
    """403: by a proxy that changes the name, or by a server that does not know it."""
    host = visit.address.netloc
    names = visit.subject.settings.allowed_hosts
    if visit.address.host in names or host in names:
        return red(f"The server does not see {host} as the Host, and refuses.", visit.line(Fault.HOST))
    return red(
        f"The server refuses {visit.address.host}: it is not in TotpAuth.allowed_hosts.",
        f"c.TotpAuth.allowed_hosts = {[*names, visit.address.host]}",
    )


def _down(visit: Visit, answer: Answer) -> Verdict:
    """A proxy that reaches nobody: nobody is there, or it looks in another place."""
    said = f"{visit.brand.value} answers {answer.status}: it does not reach Jupyter."
    host, _, port = visit.upstream.rpartition(":")
    if visit.upstream.startswith("unix:"):
        return red(said, visit.line(Fault.UPSTREAM))
    try:
        dial(host.strip("[]"), int(port)).close()
    except OSError:
        return red(f"{said} Nothing listens on {visit.upstream}.", "systemctl status jupyter")
    return red(f"{said} Something listens on {visit.upstream}.", visit.line(Fault.UPSTREAM))


@check(
    "outside-base-url",
    about="base_url is another one than the path that people type",
    why="Pages come, and what is in them is looked for elsewhere: 404, or 'MIME type text/html'.",
)
def _base_url(visit: Visit) -> Verdict:
    seen, address = visit.arrival, visit.address
    if seen.base_url == address.base_url:
        return green(f"base_url is {seen.base_url} on both sides.")
    said = f"People type {address.base_url}, the server's base_url is {seen.base_url}."
    return red(said, f'c.ServerApp.base_url = "{address.base_url}"')


@check(
    "outside-path",
    about="the path changes on the way: a part is cut off, or %2F and the like are decoded",
    why="Pages lose their parts, and files with such names cannot be opened.",
)
def _path(visit: Visit) -> Verdict:
    if visit.arrival.target != visit.arrival.sent:
        said = f"{visit.arrival.sent} arrives as {visit.arrival.target}."
        return red(said, visit.line(Fault.PATH))
    for path in _PATHS:
        sent, seen = visit.target(path), visit.arrives(path)
        if seen is None:
            return red(f"{sent} does not arrive.", visit.line(Fault.PATH))
        if seen.target != sent:
            return red(f"{sent} arrives as {seen.target}.", visit.line(Fault.PATH))
    return green("Paths arrive as they are sent.")


@check(
    "outside-host",
    about="the Host header does not arrive as it was sent",
    why="Forms and WebSockets are refused as coming from another site, and redirects lead elsewhere.",
)
def _host(visit: Visit) -> Verdict:
    seen = ", ".join(visit.arrival.all("Host"))
    if seen.lower() == visit.address.netloc:
        return green(f"The Host arrives as it was sent: {seen}.")
    return red(f"The Host {visit.address.netloc} arrives as {seen}.", visit.line(Fault.HOST))


@check(
    "outside-origin",
    about="the Origin header does not arrive as it was sent",
    why="It tells whether a request comes from our own pages; without it WebSockets are refused.",
)
def _origin(visit: Visit) -> Verdict:
    seen = ", ".join(visit.arrival.all("Origin"))
    if seen == visit.address.origin:
        return green(f"The Origin arrives as it was sent: {seen}.")
    return red(f"The Origin {visit.address.origin} arrives as {seen or 'nothing'}.", visit.line(Fault.ORIGIN))


@check(
    "outside-trusted-proxy",
    about="the proxy is not in trusted_proxies",
    why="Nothing that it says counts: everybody has its address in the log, and cookies are not Secure.",
)
def _trusted(visit: Visit) -> Verdict:
    seen = visit.arrival
    if seen.peer_is_trusted:
        return green(f"{seen.peer} is believed, as a proxy.")
    if _is_alone(visit):
        return green("There is no proxy in between.")
    if not visit.is_proven:
        raise Blocked("outside-tls")
    entry = _entry(seen.peer)
    trusted = [*visit.subject.settings.trusted_proxies, entry]
    return red(f"The proxy connects from {seen.peer}.", f"c.TotpAuth.trusted_proxies = {trusted}")


def _entry(peer: str) -> str:
    """As ``trusted_proxies`` names it. Raises ValueError for what is no address."""
    return peer if peer == "unix" else str(ipaddress.ip_network(peer))


def _is_alone(visit: Visit) -> bool:
    """Whether there is no proxy: the server sees this machine itself, and hears nothing of anybody else."""
    return not _tells(visit.arrival) and visit.arrival.peer == visit.own_address


def _tells(seen: Arrival) -> bool:
    """Whether somebody in between says anything of the client."""
    return any(seen.all(name) for name in ("X-Forwarded-For", "X-Forwarded-Proto"))


@check(
    "outside-scheme",
    about="the server does not learn that people come by https",
    why="Its cookies are not marked Secure, and go in the clear where a browser is made to use http.",
)
def _scheme(visit: Visit) -> Verdict:
    seen = visit.arrival
    if not visit.address.secure:
        raise Blocked("outside-tls")
    if seen.scheme == "https":
        return green("The server knows that people come by https.")
    _insist_on_trust(seen)
    said = ", ".join(seen.all("X-Forwarded-Proto")) or "nothing"
    return red(f"X-Forwarded-Proto arrives as {said}.", visit.line(Fault.SCHEME))


@check(
    "outside-client",
    about="the server does not learn people's addresses",
    why="Everybody has one address in the log, for fail2ban and for the limit of tries.",
)
def _client(visit: Visit) -> Verdict:
    seen = visit.arrival
    _insist_on_trust(seen)
    if not seen.all("X-Forwarded-For") and seen.peer_is_trusted:
        return red(f"No X-Forwarded-For arrives: everybody is {seen.peer}.", visit.line(Fault.CLIENT))
    return green(f"The server takes this machine for {seen.client}.")


@check(
    "outside-forged",
    about="a client can say who it is (red), or tell an extension so in another header (yellow)",
    why="Limits and logs by address then hold whom the client likes; fail2ban bans others.",
)
def _forged(visit: Visit) -> Verdict:
    seen = visit.forged
    if seen.client == FORGED:
        return red("A client that writes X-Forwarded-For itself is believed.", visit.line(Fault.CLIENT))
    if visit.arrival.scheme != seen.scheme:
        return red("A client that writes X-Forwarded-Proto itself is believed.", visit.line(Fault.SCHEME))
    through = [name for name in NAMES if FORGED in " ".join(seen.all(name))]
    if through and not _is_alone(visit):
        said = f"A client's own {', '.join(through)} arrives. Nothing of this package reads it."
        return yellow(said, visit.line(Fault.OTHERS, name=through[0]))
    return green("What a client says of itself does not arrive.")


def _insist_on_trust(seen: Arrival) -> None:
    if _tells(seen) and not seen.peer_is_trusted:
        raise Blocked("outside-trusted-proxy")


@check(
    "outside-clock",
    about="the server's clock is off",
    why="Codes from the phone are of the time; a server that is half a minute off refuses them.",
)
def _clock(visit: Visit) -> Verdict:
    off = visit.arrival.at - visit.subject.at
    if abs(off) <= _SLOW_CLOCK:
        return green("The server's clock is this machine's.")
    said = f"The server's clock is {abs(off)} seconds {'ahead of' if off > 0 else 'behind'} this machine's."
    line = "timedatectl set-ntp true  (on both)"
    return red(said, line) if abs(off) > _WRONG_CLOCK else yellow(said, line)


CHECKS = (
    _server,
    _base_url,
    _path,
    _host,
    _origin,
    _trusted,
    _scheme,
    _client,
    _forged,
    _clock,
)
