"""Logins in memory: true to the store, also when something ends at the worst moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jupyter_totp_auth.core import logins as logins_module
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.logins import LiveLogin, Logins
from jupyter_totp_auth.core.model import EndedLogin, EndReason, Role
from jupyter_totp_auth.core.policy import Policy
from tests.core.rig import HERE, OTHER_PASSWORD, START, Person, Rig


class Interrupted:
    """A login store during whose answers something else happens, once."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.after: dict[str, Callable[[], object]] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def interrupted(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            self.after.pop(name, lambda: None)()
            return answer

        return interrupted


@pytest.fixture
def store(rig: Rig) -> Interrupted:
    return Interrupted(rig.store.logins)


@pytest.fixture
def logins(rig: Rig, store: Interrupted) -> Logins:
    return Logins(store, rig.policy, rig.clock)


def loaded(logins: Logins, rig: Rig, person: Person) -> LiveLogin:
    login = logins.load(rig.log_in(person).bearer)
    assert login is not None
    return login


# -- from memory -----------------------------------------------------------------------------------


def test_a_login_is_known_once_it_was_loaded(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    digest = done.value.session.digest
    assert rig.logins.live(digest) is None
    login = rig.logins.load(done.bearer)
    assert login == LiveLogin(done.value.session, alice.account)
    assert rig.logins.live(digest) == login


def test_what_it_was_a_moment_ago_is_not_what_it_is(rig: Rig, alice: Person) -> None:
    login = loaded(rig.logins, rig, alice)
    assert rig.logins.is_current(login)
    rig.clock.now += rig.policy.activity_step
    assert rig.logins.active(login)
    assert not rig.logins.is_current(login)  # another stands in its place now
    now = rig.logins.open_login(login.session.id)
    assert now is not None
    assert rig.logins.is_current(now)


def test_nobody_is_current_once_idle_or_at_the_end(rig: Rig, alice: Person) -> None:
    login = loaded(rig.logins, rig, alice)
    rig.clock.now = login.session.active_at + rig.policy.idle_timeout - 1
    assert rig.logins.is_current(login)
    rig.clock.now += 1
    assert not rig.logins.is_current(login)
    rig.logins.follow(replace(rig.policy, idle_timeout=0))
    assert rig.logins.is_current(login)
    rig.clock.now = login.session.expires_at - 1
    assert rig.logins.is_current(login)
    rig.clock.now += 1
    assert not rig.logins.is_current(login)


def test_a_locked_login_is_not_current(rig: Rig, alice: Person) -> None:
    login = loaded(rig.logins, rig, alice)
    rig.logins.lock(login, HERE.client)
    rig.logins.sync()
    locked = rig.logins.live(login.session.digest)
    assert locked is not None
    assert not rig.logins.is_current(locked)


@pytest.mark.parametrize("bearer", ["", "x", "A" * 43, "A" * 44])
def test_what_is_no_login_is_not_loaded(rig: Rig, alice: Person, bearer: str) -> None:
    assert rig.logins.load(bearer) is None
    assert rig.logins.why_ended(bearer) is None


def test_a_bearer_gives_its_login_or_how_that_ended_or_nothing(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    login = rig.logins.load_or_why(done.bearer)
    assert isinstance(login, LiveLogin)
    rig.logins.log_out(login, "")
    ended = rig.logins.load_or_why(done.bearer)
    assert isinstance(ended, EndedLogin)
    assert ended.reason is EndReason.LOGGED_OUT
    assert rig.logins.load_or_why("x") is None


@pytest.mark.parametrize(
    ("timeout", "idle", "told"), [(900, 900, 900), (900, 899, None), (900, 5000, 900), (0, 5000, None)]
)
def test_a_locked_login_tells_what_has_locked_it(
    rig: Rig, alice: Person, timeout: int, idle: int, told: int | None
) -> None:
    logins = Logins(rig.store.logins, replace(rig.policy, idle_timeout=timeout), rig.clock)
    session = rig.log_in(alice).value.session
    assert logins.idle_for(replace(session, locked_at=session.active_at + idle)) == told


def test_a_known_login_is_answered_without_the_store(logins: Logins, rig: Rig, alice: Person) -> None:
    login = loaded(logins, rig, alice)
    logins._store = None  # type: ignore[assignment]
    assert logins.live(login.session.digest) == login


def test_a_login_ends_to_the_second_by_itself() -> None:
    rig = Rig(Policy(idle_timeout=0))
    done = rig.log_in(rig.person("alice"))
    login = rig.logins.load(done.bearer)
    assert login is not None
    rig.clock.now = login.session.expires_at - 1
    assert rig.logins.live(login.session.digest) == login
    assert rig.logins.load(done.bearer) == login
    rig.clock.now += 1
    assert rig.logins.live(login.session.digest) is None
    assert rig.logins.load(done.bearer) is None
    ended = rig.logins.why_ended(done.bearer)
    assert ended is not None
    assert (ended.ended_at, ended.reason) == (login.session.expires_at, EndReason.EXPIRED)


def test_what_has_expired_is_forgotten_and_what_lives_is_not(rig: Rig, alice: Person) -> None:
    old = loaded(rig.logins, rig, alice)
    rig.clock.now += 3600
    new = loaded(rig.logins, rig, alice)
    rig.clock.now = old.session.expires_at
    assert len(rig.logins) == 2
    rig.logins.forget_expired()
    assert len(rig.logins) == 1
    assert list(rig.logins) == [new]


def test_memory_is_bounded_and_the_oldest_goes_first(
    rig: Rig, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig.logins._memory, "_most", 2)
    first, second, third = (loaded(rig.logins, rig, alice) for _ in range(3))
    assert list(rig.logins) == [second, third]
    assert rig.logins.live(first.session.digest) is None


def test_bringing_a_full_memory_up_to_date_drops_nobody(
    rig: Rig, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig.logins._memory, "_most", 2)
    both = [loaded(rig.logins, rig, alice).session for _ in range(2)]
    rig.accounts.set_role("alice", Role.ADMIN, actor="operator")
    assert rig.logins.sync() == frozenset()
    assert all(rig.logins.is_open(session.id) for session in both)


# -- kept true -------------------------------------------------------------------------------------


def test_an_end_elsewhere_is_learned_by_the_next_sync(rig: Rig, alice: Person) -> None:
    mine, other = loaded(rig.logins, rig, alice), loaded(rig.logins, rig, alice)
    elsewhere = Logins(rig.store.logins, rig.policy, rig.clock)
    assert elsewhere.end(mine, other.session.id, "192.0.2.9")
    assert rig.logins.live(other.session.digest) is not None
    assert rig.logins.sync() == {other.session.id}
    assert rig.logins.live(other.session.digest) is None
    assert rig.logins.live(mine.session.digest) == mine
    assert rig.logins.sync() == frozenset()


def test_a_sync_with_nothing_new_looks_at_one_number(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    loaded(logins, rig, alice)
    logins.sync()
    store.after["find_many"] = lambda: pytest.fail("asked for the rows")
    assert logins.sync() == frozenset()


@pytest.mark.parametrize("act", ["password", "reset", "disable", "delete", "end"])
def test_whatever_ends_a_login_ends_it_in_memory(rig: Rig, alice: Person, act: str) -> None:
    login, bobs = loaded(rig.logins, rig, alice), loaded(rig.logins, rig, rig.person("bob"))
    match act:
        case "password":
            rig.accounts.set_password("alice", OTHER_PASSWORD, actor="operator")
        case "reset":
            rig.accounts.reset("alice", actor="operator")
        case "disable":
            rig.accounts.set_disabled("alice", disabled=True, actor="operator")
        case "delete":
            rig.accounts.delete("alice", actor="operator")
        case "end":
            rig.accounts.end_logins("alice", actor="operator")
    assert rig.logins.sync() == {login.session.id}
    assert rig.logins.live(login.session.digest) is None
    assert rig.logins.live(bobs.session.digest) == bobs


def test_an_account_that_reaches_its_end_is_dropped_by_a_sync(rig: Rig, alice: Person) -> None:
    login = loaded(rig.logins, rig, alice)
    rig.store.rows.accounts[alice.id] = replace(alice.account, expires_at=rig.clock.now + 10)
    rig.store.rows.step(alice.id)
    assert rig.logins.sync() == frozenset()
    rig.clock.now += 10
    rig.store.rows.step(alice.id)
    assert rig.logins.sync() == {login.session.id}


def test_a_new_role_is_effective_after_the_next_sync(rig: Rig, alice: Person) -> None:
    login = loaded(rig.logins, rig, alice)
    rig.accounts.set_role("alice", Role.ADMIN, actor="operator")
    assert rig.logins.sync() == frozenset()
    now = rig.logins.live(login.session.digest)
    assert now is not None
    assert now.account.role is Role.ADMIN


def test_more_logins_than_a_batch_are_all_compared(
    rig: Rig, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins_module, "_BATCH", 2)
    all_of_them = [loaded(rig.logins, rig, alice).session for _ in range(5)]
    rig.accounts.end_logins("alice", actor="operator", login_id=all_of_them[4].id)
    assert rig.logins.sync() == {all_of_them[4].id}
    rig.accounts.end_logins("alice", actor="operator")
    assert rig.logins.sync() == {one.id for one in all_of_them[:4]}


def test_a_sync_that_failed_is_not_done(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins_module, "_BATCH", 1)
    first, second = loaded(logins, rig, alice), loaded(logins, rig, alice)
    logins.sync()
    rig.accounts.end_logins("alice", actor="operator")

    class Lost(Exception):
        pass

    def lose() -> None:
        raise Lost

    store.after["find_many"] = lose
    with pytest.raises(Lost):
        logins.sync()
    assert logins.sync() == {first.session.id, second.session.id}
    assert logins.live(first.session.digest) is None
    assert logins.live(second.session.digest) is None


def test_a_revision_that_was_set_back_is_a_change_too(rig: Rig, alice: Person) -> None:
    # A store restored from a backup counts from there.
    rig.store.rows.steps.extend([None] * 7)
    login = loaded(rig.logins, rig, alice)
    rig.logins.sync()
    rig.store.rows.logins.clear()
    del rig.store.rows.steps[3:]
    assert rig.logins.sync() == {login.session.id}


# -- races -----------------------------------------------------------------------------------------


def test_a_login_that_ends_between_revision_and_row_is_not_loaded(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    done = rig.log_in(alice)
    store.after["revision"] = lambda: rig.accounts.end_logins("alice", actor="operator")
    assert logins.load(done.bearer) is None
    assert logins.live(done.value.session.digest) is None


def test_a_login_that_ends_and_is_synced_between_row_and_memory_is_not_loaded(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    done = rig.log_in(alice)

    def end_and_sync() -> None:
        rig.accounts.end_logins("alice", actor="operator")
        logins.sync()

    store.after["find"] = end_and_sync
    assert logins.load(done.bearer) is None
    assert logins.live(done.value.session.digest) is None


def test_a_login_that_ends_between_row_and_memory_is_ended_by_the_next_sync(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    done = rig.log_in(alice)
    logins.sync()
    store.after["find"] = lambda: rig.accounts.end_logins("alice", actor="operator")
    logins.load(done.bearer)
    assert logins.sync() == {done.value.session.id}
    assert logins.live(done.value.session.digest) is None


def test_a_store_that_changes_faster_than_it_can_be_read_lets_nobody_in(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    done = rig.log_in(alice)

    def change_and_sync() -> None:
        rig.store.rows.step(None)
        logins.sync()
        store.after["find"] = change_and_sync

    change_and_sync()
    assert logins.load(done.bearer) is None
    store.after.clear()
    assert logins.load(done.bearer) is not None


def test_what_was_dropped_during_a_sync_does_not_come_back_with_it(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    done = rig.log_in(alice)
    logins.load(done.bearer)

    def end_and_load() -> None:
        rig.accounts.end_logins("alice", actor="operator")
        logins.load(done.bearer)

    store.after["find_many"] = end_and_load
    logins.sync()
    assert logins.live(done.value.session.digest) is None


def test_loading_what_has_ended_drops_it_from_memory(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    rig.logins.load(done.bearer)
    rig.accounts.end_logins("alice", actor="operator")
    assert rig.logins.load(done.bearer) is None
    assert rig.logins.live(done.value.session.digest) is None


def overtaken_sync(logins: Logins, store: Interrupted, rig: Rig, act: Callable[[], object]) -> None:
    """A sync during which ``act`` happens and another thread syncs, if it can."""

    def act_and_sync() -> None:
        act()
        logins.sync()

    faster = threading.Thread(target=act_and_sync)

    def overtaken() -> None:
        faster.start()
        faster.join(0.1)

    rig.store.rows.step(None)
    store.after["find_many"] = overtaken
    logins.sync()
    faster.join()


@pytest.mark.race
def test_of_two_syncs_at_once_the_slower_does_not_revive_what_the_faster_ended(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    login = loaded(logins, rig, alice)
    overtaken_sync(logins, store, rig, lambda: rig.accounts.end_logins("alice", actor="operator"))
    assert logins.live(login.session.digest) is None


@pytest.mark.race
def test_of_two_syncs_at_once_the_slower_does_not_give_back_a_role(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    rig.accounts.set_role("alice", Role.ADMIN, actor="operator")
    digest = loaded(logins, rig, alice).session.digest
    overtaken_sync(logins, store, rig, lambda: rig.accounts.set_role("alice", Role.MEMBER, actor="operator"))
    now = logins.live(digest)
    assert now is not None
    assert now.account.role is Role.MEMBER


@pytest.mark.race
def test_loads_and_syncs_and_ends_at_once_leave_nothing_alive(rig: Rig, alice: Person) -> None:
    done = [rig.log_in(alice) for _ in range(8)]
    begin, stop = threading.Barrier(4), threading.Event()
    broken: list[BaseException] = []

    def keep(act: Callable[[], object]) -> None:
        begin.wait()
        try:
            while not stop.is_set():
                act()
        except BaseException as error:  # noqa: BLE001 - shown by the test's thread
            broken.append(error)

    load = lambda: [rig.logins.load(one.bearer) for one in done]  # noqa: E731
    threads = [threading.Thread(target=keep, args=(act,)) for act in (load, rig.logins.sync, rig.logins.sync)]
    for thread in threads:
        thread.start()
    begin.wait()
    for one in done:
        rig.accounts.end_logins("alice", actor="operator", login_id=one.value.session.id)
    stop.set()
    for thread in threads:
        thread.join()
    rig.logins.sync()
    assert broken == []
    assert [rig.logins.live(one.value.session.digest) for one in done] == [None] * 8


# -- ends ------------------------------------------------------------------------------------------


def test_logging_out_ends_this_login_and_no_other(rig: Rig, alice: Person) -> None:
    mine, other = loaded(rig.logins, rig, alice), loaded(rig.logins, rig, alice)
    rig.logins.log_out(mine, HERE.client)
    assert rig.logins.sync() == {mine.session.id}
    assert rig.logins.live(other.session.digest) == other
    ended = rig.store.logins.ended(mine.session.digest)
    assert ended is not None
    assert ended.reason is EndReason.LOGGED_OUT
    event = rig.events[-1]
    assert (event.kind, event.account, event.actor) == (EventKind.LOGIN_ENDED, "alice", "alice")
    assert (event.client, event.login, event.detail) == (HERE.client, mine.session.id, "logged-out")


def test_one_of_ones_own_logins_can_be_ended_once(rig: Rig, alice: Person) -> None:
    mine, other = loaded(rig.logins, rig, alice), loaded(rig.logins, rig, alice)
    assert rig.logins.end(mine, other.session.id, HERE.client)
    assert not rig.logins.end(mine, other.session.id, HERE.client)
    ended = rig.store.logins.ended(other.session.digest)
    assert ended is not None
    assert ended.reason is EndReason.ENDED_ELSEWHERE


def test_nobody_ends_the_login_of_somebody_else(rig: Rig, alice: Person) -> None:
    mine, bobs = loaded(rig.logins, rig, alice), loaded(rig.logins, rig, rig.person("bob"))
    assert not rig.logins.end(mine, bobs.session.id, HERE.client)
    assert rig.store.logins.find(bobs.session.digest, at=rig.clock.now) is not None


def test_all_other_logins_end_and_the_one_that_asks_stays(rig: Rig, alice: Person) -> None:
    others = [loaded(rig.logins, rig, alice) for _ in range(3)]
    mine, bobs = loaded(rig.logins, rig, alice), loaded(rig.logins, rig, rig.person("bob"))
    assert rig.logins.end_others(mine, HERE.client) == 3
    assert rig.logins.sync() == {one.session.id for one in others}
    assert rig.logins.live(mine.session.digest) == mine
    assert rig.logins.live(bobs.session.digest) == bobs
    assert rig.events[-1].kind is EventKind.LOGINS_ENDED
    assert rig.logins.end_others(mine, HERE.client) == 0


def test_ones_logins_are_listed_newest_first(rig: Rig, alice: Person) -> None:
    sessions = [loaded(rig.logins, rig, alice).session for _ in range(3)]
    loaded(rig.logins, rig, rig.person("bob"))
    assert rig.logins.of_account(alice.id) == sessions[::-1]
    rig.clock.now = sessions[0].expires_at
    assert rig.logins.of_account(alice.id) == sessions[:0:-1]


# -- last seen -------------------------------------------------------------------------------------


def test_when_a_login_was_last_seen_is_written_in_one_batch(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    first, second = loaded(logins, rig, alice), loaded(logins, rig, alice)
    rig.clock.now += 5
    logins.seen(first.session.digest)
    rig.clock.now += 5
    logins.seen(first.session.digest)
    logins.flush()
    rows = {one.id: one.last_seen_at for one in logins.of_account(alice.id)}
    assert rows == {first.session.id: rig.clock.now, second.session.id: second.session.created_at}
    store.after["touch"] = lambda: pytest.fail("nothing was seen since")
    logins.flush()


def test_an_ended_login_is_not_seen_any_more(
    logins: Logins, store: Interrupted, rig: Rig, alice: Person
) -> None:
    login = loaded(logins, rig, alice)
    logins.seen(login.session.digest)
    rig.accounts.end_logins("alice", actor="operator")
    logins.sync()
    store.after["touch"] = lambda: pytest.fail("written after its end")
    logins.flush()
    assert login.session.created_at > START


def test_other_numbers_hold_for_open_logins_and_their_absolute_end_stays(rig: Rig, alice: Person) -> None:
    login = loaded(rig.logins, rig, alice)
    rig.logins.follow(replace(rig.policy, idle_timeout=900, login_lifetime=1800))
    rig.clock.now = login.session.active_at + 899
    assert rig.logins.sync() == frozenset()
    rig.clock.now += 1
    assert rig.logins.sync() == {login.session.id}
    live = rig.logins.live(login.session.digest)
    assert live is not None
    assert live.session.expires_at == login.session.expires_at
