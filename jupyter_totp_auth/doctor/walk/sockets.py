"""WebSockets: whether they open where kernels and terminals have theirs, and how long they may be silent."""

from __future__ import annotations

import json
import time
from contextlib import closing, suppress

import websocket

from ..finding import Blocked, Verdict, check, green, red
from .lines import Fault
from .visit import KERNEL, Arrival, Visit
from .wire import NoAnswer, in_words

_PATHS = {"kernels": KERNEL, "terminals": "terminals/websocket/1"}
_WORD = "still there?"


@check(
    "outside-websocket",
    about="WebSockets do not open, or not with the right Host and Origin",
    why="Pages load, but no cell runs and no terminal opens.",
)
def _opens(visit: Visit) -> Verdict:
    visit.insist_on_arrival()
    for name, path in _PATHS.items():
        wrong = _wrong_with(visit, path)
        if wrong is not None:
            what, fault = wrong
            return red(f"WebSockets of {name}: {what}.", visit.line(fault))
    return green("WebSockets open, for kernels and for terminals.")


def _wrong_with(visit: Visit, path: str) -> tuple[str, Fault] | None:
    try:
        live, seen = visit.opened(path)
    except websocket.WebSocketBadStatusException as refused:
        return _refused(refused, visit.target(path))
    except (NoAnswer, websocket.WebSocketException) as error:
        return str(error) or type(error).__name__, Fault.UPGRADE
    with closing(live):
        if seen.origin_is_own:
            return None
    host, origin = seen.all("Host"), seen.all("Origin")
    said = f"Host {', '.join(host)} and Origin {', '.join(origin) or '(none)'} do not fit"
    return said, Fault.ORIGIN if host == [visit.address.netloc] else Fault.HOST


def _refused(refused: websocket.WebSocketBadStatusException, sent: str) -> tuple[str, Fault]:
    """An answer in the place of the upgrade: the server's own word tells which header it lacked."""
    with suppress(ValueError, TypeError):
        seen = Arrival.read(json.loads(refused.resp_body or ""), sent)
        if seen is not None:
            return "the header Upgrade does not arrive", Fault.UPGRADE
    body = bytes(refused.resp_body or b"")
    if b"Connection" in body and b"Upgrade" in body:
        return "the header Connection: Upgrade does not arrive", Fault.UPGRADE
    return f"answered with {refused.status_code}", Fault.UPGRADE


@check(
    "outside-idle",
    about="a WebSocket that is silent is cut (looked at with --idle SECONDS)",
    why="A kernel that computes for long says nothing; its outputs are then lost to the page.",
)
def _idle(visit: Visit) -> Verdict:
    try:
        live, _ = visit.opened(KERNEL)
    except (NoAnswer, websocket.WebSocketException):
        raise Blocked("outside-websocket") from None
    began = time.monotonic()
    with closing(live):
        why = _cut(live, visit.idle)
    silent = round(time.monotonic() - began)
    if why:
        return red(f"A silent WebSocket is cut after {silent} seconds ({why}).", visit.line(Fault.IDLE))
    return green(f"A WebSocket is silent for {visit.idle} seconds, and lives.")


def _cut(live: websocket.WebSocket, seconds: int) -> str:
    """Why it is over before that; empty where it still answers then."""
    try:
        live.settimeout(seconds)
        with suppress(websocket.WebSocketTimeoutException):
            if not live.recv():
                return "closed"
        live.settimeout(10)
        live.send(_WORD)
        return "" if live.recv() == _WORD else "closed"
    except websocket.WebSocketException as error:
        return str(error) or type(error).__name__
    except OSError as error:
        return in_words(error)


CHECKS, ON_REQUEST = (_opens,), (_idle,)
