"""What comes back: redirects, files, cookies, bodies that are taken, answers as they come."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urljoin

from ...public_routes import STATIC_FILES
from ..finding import Blocked, Verdict, check, green, red, yellow
from .lines import Fault
from .visit import Arrival, Visit
from .wire import Answer, NoAnswer

_OK, _TOO_LARGE = 200, 413
_MEBIBYTE = 1 << 20
_MANY, _FEW = 100, 10
"""Mebibytes: a large notebook, and one that everybody has."""
_UPLOAD_SECONDS = 60.0
_REFUSED_BY_THEN = 1.0
"""Seconds for a proxy to refuse a body by its length alone."""
_FILES = {"login/static/page.css": "css", "login/static/page.js": "javascript"}
_LABS = ("lab/extensions/a/static/b.js", "static/lab/c.css", "lab/api/themes/d.woff2", "nbextensions/e.png")
_FLOWS = 0.4
"""Seconds between the first line and the rest, which the server sends a second apart."""

assert {name.rpartition("/")[2] for name in _FILES} == set(STATIC_FILES)  # noqa: S101


@check(
    "outside-redirect",
    about="a redirect leads to another host, port, scheme or path",
    why="People end up at an address that is not theirs to reach, or at the wrong site.",
)
def _redirect(visit: Visit) -> Verdict:
    address = visit.address
    visit.insist_on_path()
    bare = address.base_url.rstrip("/")
    if bare and _landing(visit, bare) != address.url:
        said = f"{address.origin}{bare} does not lead to {address.url}."
        return yellow(said, f"a redirect in the proxy from {bare} to {address.base_url}")
    to = _landing(visit, address.base_url)
    if to.startswith(f"{address.url}login"):
        return green("Redirects stay on this address.")
    return red(f"{address.url} leads to {to or 'nowhere'}.", visit.line(Fault.REDIRECT))


def _landing(visit: Visit, target: str) -> str:
    """Where a browser is sent from there, as a whole address; empty: nowhere."""
    try:
        answer = visit.wire.ask(target, {"Sec-Fetch-Mode": "navigate"})
    except NoAnswer:
        return ""
    if not answer.is_moved:
        return ""
    return urljoin(visit.address.origin + target, answer.get("Location"))


@check(
    "outside-static",
    about="scripts and styles come from somewhere else, or as something else",
    why="Browsers refuse a script that comes as text/html (MIME type): an empty page.",
)
def _static(visit: Visit) -> Verdict:
    visit.insist_on_path()
    for path, kind in _FILES.items():
        answer = _file(visit, path)
        found = "no answer" if answer is None else f"{answer.status}, {answer.get('Content-Type')}"
        if answer is None or answer.status != _OK or kind not in answer.get("Content-Type"):
            return red(f"{visit.target(path)} comes as: {found}.", visit.line(Fault.STATIC))
    if not isinstance(visit.issue, str):
        for path in _LABS:
            if visit.arrives(path) is None:
                return red(f"{visit.target(path)} does not reach the server.", visit.line(Fault.STATIC))
    return green("Scripts and styles come from the server, as what they are.")


def _file(visit: Visit, path: str) -> Answer | None:
    try:
        return visit.wire.ask(visit.target(path))
    except NoAnswer:
        return None


@check(
    "outside-cookies",
    about="cookies change on the way: not Secure, another path, another domain",
    why="Not Secure, it goes in the clear; with another path the login is lost, or another site's.",
)
def _cookies(visit: Visit) -> Verdict:
    lines = visit.login_page.all("Set-Cookie")
    if not lines:
        return red("The login page puts no cookie.", visit.line(Fault.COOKIES))
    if not isinstance(visit.issue, str) and visit.address.secure and visit.arrival.scheme != "https":
        raise Blocked("outside-scheme")
    for line in lines:
        wrong = _wrong_with(line, visit)
        if wrong:
            return red(f"The login page's cookie {wrong}.", visit.line(Fault.COOKIES))
    return green("Cookies come as the server puts them.")


def _wrong_with(line: str, visit: Visit) -> str:
    try:
        ((_, cookie),) = SimpleCookie(line).items()
    except (CookieError, ValueError):
        return "cannot be read"
    if visit.address.secure and not cookie["secure"]:
        return "is not Secure"
    if cookie["path"] not in ("/", visit.address.base_url):
        return f"is for the path {cookie['path'] or '(none)'}"
    if cookie["domain"]:
        return f"is for {cookie['domain']} and all below"
    return "" if cookie["samesite"] else "has lost its SameSite"


@check(
    "outside-body",
    about="the proxy refuses bodies of 10 MB (red), or of 100 MB (yellow)",
    why="A notebook with pictures is not saved (413), and its owner finds out late.",
)
def _body(visit: Visit) -> Verdict:
    visit.insist_on_path()
    taken = _taken(visit)
    if taken is not None and not taken:
        return red(f"A body of {_FEW} MB does not get through.", visit.line(Fault.BODY))
    if _is_too_long(visit):
        return yellow(f"The proxy refuses a body of {_MANY} MB.", visit.line(Fault.BODY))
    return green(f"Bodies of {_MANY} MB are not refused.")


def _taken(visit: Visit) -> bool | None:
    """Whether one that everybody has gets through; None where the server cannot be asked to take it."""
    if isinstance(visit.issue, str):
        return None
    body = bytes(_FEW * _MEBIBYTE)
    headers = {**visit.credential(), "Content-Length": str(len(body))}
    try:
        answer = visit.wire.ask(
            visit.target("api/contents/x"), headers, method="PUT", body=body, wait=_UPLOAD_SECONDS
        )
    except NoAnswer:
        return False
    return Arrival.read(answer.document, "") is not None


def _is_too_long(visit: Visit) -> bool:
    """Whether a length alone is refused, and not by the server: that asks for a login."""
    headers = {"Content-Length": str(_MANY * _MEBIBYTE)}
    try:
        answer = visit.wire.ask(visit.target("api/contents/x"), headers, method="PUT", wait=_REFUSED_BY_THEN)
    except NoAnswer:  # it waits for the body
        return False
    return answer.status == _TOO_LARGE and not answer.is_ours


@check(
    "outside-buffering",
    about="the proxy holds answers back until they are whole",
    why="Progress, downloads and streams of extensions come in lumps, and fill the proxy's disk.",
)
def _buffering(visit: Visit) -> Verdict:
    visit.insist_on_arrival()
    try:
        answer = visit.probing("api/totp/health?slowly")
    except NoAnswer:
        raise Blocked("outside-server") from None
    if Arrival.read(answer.document, "") is None:
        raise Blocked("outside-server")
    if answer.pause < _FLOWS:
        return yellow("An answer in two pieces comes in one.", visit.line(Fault.BUFFERING))
    return green("Answers come as the server sends them.")


CHECKS = (_redirect, _static, _cookies, _body, _buffering)
