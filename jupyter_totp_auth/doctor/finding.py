"""What a check is, and what it finds: frozen values, and nothing that looks at the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

Seen = TypeVar("Seen")
"""What is looked at: this machine's set-up, or a walk from outside."""


class Severity(str, Enum):
    """How bad it is. Part of the documents that programs read: never renamed."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


@dataclass(frozen=True)
class Verdict:
    """What a check says of this machine."""

    severity: Severity
    what: str
    line: str = ""
    """To write or to run; empty where nothing is to be done."""


def red(what: str, line: str) -> Verdict:
    """A door that is open, or something that does not work."""
    return Verdict(Severity.RED, what, line)


def yellow(what: str, line: str) -> Verdict:
    """Weaker than it could be; somebody may have meant it."""
    return Verdict(Severity.YELLOW, what, line)


def green(what: str) -> Verdict:
    """As it should be."""
    return Verdict(Severity.GREEN, what)


@dataclass(frozen=True)
class Finding:
    """A verdict with the name of its check, and why anybody should care."""

    id: str
    severity: Severity
    what: str
    why: str
    line: str


@dataclass(frozen=True)
class Check(Generic[Seen]):
    """One thing that is looked at. ``look`` may raise: whoever runs it makes a finding of that."""

    id: str
    """A slug, for scripts: never renamed."""
    about: str
    """What is wrong where it is not green, for the table in the documentation."""
    why: str
    look: Callable[[Seen], Verdict]

    def finding(self, verdict: Verdict) -> Finding:
        """The verdict under this check's name."""
        return Finding(self.id, verdict.severity, verdict.what, self.why, verdict.line)


def check(slug: str, *, about: str, why: str) -> Callable[[Callable[[Seen], Verdict]], Check[Seen]]:
    """Make a check of the function that looks."""

    def made(look: Callable[[Seen], Verdict]) -> Check[Seen]:
        return Check(slug, about, why, look)

    return made


class CannotLook(Exception):
    """Something that a check needs is not there; the message says what, and carries no secret."""


class NothingThere(CannotLook):
    """What a check is about does not exist here, and that is no fault of its own."""


class Blocked(Exception):
    """Nothing to be seen before something else is mended; the message is the id of that check."""
