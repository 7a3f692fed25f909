"""``jupyter totp doctor`` on a desk, and what it says under one name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_totp_auth.doctor.finding import Finding
from jupyter_totp_auth.doctor.run import CHECKS, examine
from jupyter_totp_auth.doctor.subject import Subject
from tests.cli.desk import Desk
from tests.services.process import unprivileged


def findings(desk: Desk, *words: str) -> dict[str, dict[str, str]]:
    """Everything that is found, by the names of the checks."""
    result = desk.run("doctor", "--json", *words)
    document = result.document
    found = {finding["id"]: finding for finding in document["findings"]}
    assert list(found) == [check.id for check in CHECKS]
    assert all(found[name]["why"] for name in found)
    assert result.status == (1 if document["red"] else 0), result
    return found


def red(desk: Desk, slug: str, said: str, *words: str) -> None:
    """It is named, with a line, and the status is 1."""
    _seen(desk, slug, said, "red", words)


def yellow(desk: Desk, slug: str, said: str, *words: str) -> None:
    """It is named, with a line."""
    _seen(desk, slug, said, "yellow", words)


def green(desk: Desk, slug: str, *words: str) -> None:
    """It is as it should be, so nothing is to be written."""
    found = findings(desk, *words)[slug]
    assert (found["severity"], found["line"]) == ("green", ""), found


def _seen(desk: Desk, slug: str, said: str, severity: str, words: tuple[str, ...]) -> None:
    found = findings(desk, *words)[slug]
    assert found["severity"] == severity, found
    assert said in found["what"], found
    assert found["line"], found


def alone(slug: str, *options: str, at: int = 1_800_000_000) -> Finding:
    """What one check says, with nothing else looked at."""
    (check,) = [check for check in CHECKS if check.id == slug]
    (found,) = examine(Subject(at, options=options), [check])
    return found


@contextmanager
def not_root(desk: Desk) -> Iterator[None]:
    """Meanwhile we are a user whose files these are. To root every file can be read and written."""
    account = unprivileged()
    if os.geteuid() != 0:
        yield
        return
    for path in (desk.home, *desk.home.rglob("*")):
        account.own(path)
    os.seteuid(account.uid)
    try:
        yield
    finally:
        os.seteuid(0)
