"""kill -9 at any instant: no acknowledged write is lost, nothing consumed can be used again (N10, R43)."""

from __future__ import annotations

import secrets
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_totp_auth.core.model import Claim, EndReason
from jupyter_totp_auth.store import Store, open_store
from jupyter_totp_auth.store.opening import Places
from tests.store.makers import AT, code_for, enrollment_with, grant, pended, session_of

ROUNDS, MANY_ROUNDS = 4, 40
_LINES = 60
ROOT = Path(__file__).parents[2]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(f"sqlite:///{tmp_path}/totp/totp.sqlite3", tmp_path / "totp-key" / "keyring")
    open_store(places, at=AT).close()
    return places


def killed_after(url: str, lines: int) -> list[list[str]]:
    """What a stream of writes had said when it was killed, so many lines on."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.stream", url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
        assert child.wait(10) == -signal.SIGKILL
    assert all(line.endswith("\n") for line in said)
    return [line.split() for line in said]


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(MANY_ROUNDS, marks=pytest.mark.soak)])
def test_what_was_acknowledged_is_there_and_what_was_used_stays_used(places: Places, rounds: int) -> None:
    said: list[list[str]] = []
    for number in range(rounds):  # the first so late that everything was said once
        said += killed_after(places.database_url, 1 + (secrets.randbelow(_LINES) if number else _LINES))
        path = places.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as connection:  # the first to open it after the kill
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        store = open_store(places, at=AT)
        check(store, said)
        store.close()
    assert {words[0] for words in said} == set(CHECKS)


def check(store: Store, said: list[list[str]]) -> None:
    ended = {words[1] for words in said if words[0] == "ended"}
    for kind, *words in said:
        if kind in {"step", "recovery"} and words[2] not in ended:
            assert store.logins.find(bytes.fromhex(words[2]), at=AT) is not None or was_ended(store, words[2])
        CHECKS[kind](store, *words)


def was_ended(store: Store, digest: str) -> bool:
    """The end may have been written, and not yet said."""
    found = store.logins.ended(bytes.fromhex(digest))
    return found is not None and found.reason is EndReason.LOGGED_OUT


def still_works(store: Store, account_id: str, claim: Claim) -> bool:
    account = store.accounts.by_id(account_id)
    assert account is not None
    return grant(store, pended(store, account), claim, session_of(account))


def step(store: Store, account_id: str, number: str, _: str) -> None:
    (phone,) = store.accounts.authenticators(account_id)
    assert phone.last_step >= int(number)
    assert not still_works(store, account_id, Claim(authenticator_id=phone.id, step=int(number)))


def recovery(store: Store, account_id: str, code: str, _: str) -> None:
    assert not still_works(store, account_id, Claim(recovery_digest=bytes.fromhex(code)))


def over(store: Store, digest: str) -> None:
    assert store.logins.find(bytes.fromhex(digest), at=AT) is None
    assert was_ended(store, digest)


def there(store: Store, account_id: str) -> None:
    assert store.accounts.by_id(account_id) is not None


def spent(store: Store, digest: str) -> None:
    again = replace(code_for(None), digest=bytes.fromhex(digest))
    assert store.enrollments.start(enrollment_with(again), at=AT) is False


CHECKS: dict[str, Callable[..., None]] = {
    "enrolled": there,
    "added": there,
    "step": step,
    "recovery": recovery,
    "ended": over,
    "spent": spent,
}
