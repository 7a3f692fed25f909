"""The whole way, step by step. What is behind a step that fails is not judged, but named."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from ...store import StoreRefused, StoreUnavailable
from ...store.issuing import probes
from ..finding import Blocked, Check, Finding, Verdict, yellow
from ..run import examined
from ..subject import Subject
from . import arriving, reaching, serving, sockets
from .address import Address
from .visit import Visit

CHECKS: tuple[Check[Visit], ...] = (
    *reaching.CHECKS,
    *arriving.CHECKS,
    *sockets.CHECKS,
    *sockets.ON_REQUEST,
    *serving.CHECKS,
)

_LONGEST = 400

_BEHIND = Check[Visit](
    "outside-behind",
    "what could not be looked at, since something before it is wrong",
    "There may be more behind it.",
    lambda _: yellow("", ""),
)


def walk(subject: Subject, address: Address, *, idle: int = 0) -> list[Finding]:
    """Go there, and tell what is found, in the order of the way."""
    with ExitStack() as stack:
        try:
            issue = partial(stack.enter_context(probes(subject.places)), subject.at)
        except (StoreRefused, StoreUnavailable) as error:
            return walked(Visit(subject, address, f"the store cannot be written: {error}", idle))
        return walked(Visit(subject, address, issue, idle))


def _shortened(verdict: Verdict) -> Verdict:
    """What was said by the other side can be as long as it likes."""
    what = verdict.what if len(verdict.what) <= _LONGEST else f"{verdict.what[:_LONGEST]}…"
    return replace(verdict, what=what)


def walked(visit: Visit) -> list[Finding]:
    """The findings of one walk."""
    found, behind, blocks = [], [], []
    for check in CHECKS if visit.idle else (check for check in CHECKS if check not in sockets.ON_REQUEST):
        try:
            found.append(check.finding(_shortened(examined(check, visit))))
        except Blocked as blocked:
            behind.append(check.id)
            blocks.append(str(blocked))
    if behind:
        said = f"Not looked at, until that is mended: {', '.join(behind)}."
        found.append(_BEHIND.finding(yellow(said, f"mend first: {', '.join(dict.fromkeys(blocks))}")))
    return found
