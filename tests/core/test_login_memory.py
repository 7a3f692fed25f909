"""``core.login_memory``: what one process remembers of logins, and whom it has to look at when."""

from __future__ import annotations

from dataclasses import replace

from jupyter_totp_auth.core.login_memory import LiveLogin, LoginMemory
from jupyter_totp_auth.core.model import Account, LoginSession, Role
from tests.core.rig import START


def login(
    name: str, owner: str = "ada", *, active_at: int = START, locked_at: int | None = None
) -> LiveLogin:
    account = Account(
        owner, owner, owner, "A", "#123456", Role.MEMBER, False, START, None, True, 1, sealed_password=None
    )
    session = LoginSession(
        *(name.encode(), f"id of {name}", owner, START, START, START + 3600, "192.0.2.1", "Firefox", START),
        active_at=active_at,
        locked_at=locked_at,
    )
    return LiveLogin(session, account)


def digests(logins: list[LiveLogin]) -> list[bytes]:
    return [found.session.digest for found in logins]


def test_a_login_is_found_by_digest_by_id_and_by_account() -> None:
    memory = LoginMemory(10)
    for each in (login("a"), login("b"), login("c", "bob")):
        assert memory.put(each) is None
    assert len(memory) == 3
    assert b"a" in memory
    assert memory.digest_of("id of c") == b"c"
    assert sorted(memory.of_accounts(frozenset({"ada"}))) == [b"a", b"b"]
    assert sorted(memory.of_accounts(frozenset({"bob", "nobody"}))) == [b"c"]
    assert sorted(memory.of_accounts(None)) == [b"a", b"b", b"c"]


def test_nothing_of_a_dropped_login_stays() -> None:
    memory = LoginMemory(10)
    memory.put(login("a"))
    dropped = memory.drop(b"a")
    assert dropped is not None
    assert memory.drop(b"a") is None
    assert memory.get(b"a") is None
    assert memory.digest_of("id of a") is None
    assert memory.of_accounts(frozenset({"ada"})) == []
    assert list(memory) == []


def test_an_id_that_goes_on_under_a_new_digest_is_not_lost_with_the_old_one() -> None:
    memory = LoginMemory(10)
    old, other = login("a"), login("b")
    new = replace(old, session=replace(old.session, digest=b"new"))
    for each in (old, other, new):  # as after a step-up, which gives a login a new bearer
        memory.put(each)
    memory.drop(b"a")
    assert memory.digest_of("id of a") == b"new"
    assert sorted(memory.of_accounts(frozenset({"ada"}))) == [b"b", b"new"]


def test_beyond_its_size_the_oldest_goes_and_is_told() -> None:
    memory = LoginMemory(2)
    memory.put(login("a"))
    memory.put(login("b"))
    assert memory.put(login("a")) is None  # no new one
    gone = memory.put(login("c"))
    assert gone is not None
    assert gone.session.digest == b"a"
    assert sorted(memory.of_accounts(None)) == [b"b", b"c"]


def test_those_whom_nobody_used_since_are_found_once() -> None:
    memory = LoginMemory(10)
    memory.put(login("late", active_at=START + 60))
    memory.put(login("early", active_at=START))
    assert digests(memory.take_idle(START - 1)) == []
    assert digests(memory.take_idle(START)) == [b"early"]
    assert digests(memory.take_idle(START)) == []
    assert digests(memory.take_idle(START + 60)) == [b"late"]


def test_one_that_is_watched_anew_is_found_again() -> None:
    memory = LoginMemory(10)
    memory.put(login("a"))
    [idle] = memory.take_idle(START)
    memory.watch(idle)
    memory.watch(idle)
    assert digests(memory.take_idle(START)) == [b"a"]


def test_one_that_was_used_meanwhile_is_looked_at_in_its_new_time() -> None:
    memory = LoginMemory(10)
    memory.put(login("a", active_at=START))
    memory.put(login("a", active_at=START + 600))
    assert memory.take_idle(START) == []
    assert memory.take_idle(START + 599) == []
    assert digests(memory.take_idle(START + 600)) == [b"a"]


def test_a_locked_one_is_idle_already_and_a_dropped_one_is_nothing() -> None:
    memory = LoginMemory(10)
    memory.put(login("locked", locked_at=START))
    memory.put(login("locked later"))
    memory.put(login("locked later", locked_at=START))
    memory.put(login("dropped"))
    memory.drop(b"dropped")
    assert memory.take_idle(START + 999) == []
    memory.put(login("locked later"))  # unlocked
    assert digests(memory.take_idle(START + 999)) == [b"locked later"]
