"""Step-up and unlocking: both factors for freshness, one after a lock, and a budget of the login's own."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.logins import LiveLogin, Logins
from jupyter_totp_auth.core.model import Account, Denied, Issued, LoginSession, Refusal
from jupyter_totp_auth.core.policy import Policy
from jupyter_totp_auth.core.sealing import Purpose
from tests.core.rig import HERE, OTHER_PASSWORD, PASSWORD, Person, Rig, refusal, wait

TIMEOUT = 900


@pytest.fixture
def rig() -> Rig:
    return Rig(Policy(idle_timeout=TIMEOUT))


@pytest.fixture
def alice(rig: Rig) -> Person:
    return rig.person("alice")


@pytest.fixture
def login(rig: Rig, alice: Person) -> LiveLogin:
    return loaded(rig, alice)


def loaded(rig: Rig, person: Person) -> LiveLogin:
    """A login in memory, with the next time step begun."""
    found = rig.logins.load(rig.log_in(person).bearer)
    assert found is not None
    rig.clock.now += 60
    return found


def step_up(rig: Rig, login: LiveLogin, code: str, password: str = PASSWORD) -> Issued[LoginSession] | Denied:
    return rig.stepup.step_up(login, typed_password=password, typed_code=code, origin=HERE)


def by_code(rig: Rig, login: LiveLogin, code: str) -> Denied | None:
    return rig.stepup.unlock_by_code(login, typed_code=code, origin=HERE)


def by_password(rig: Rig, login: LiveLogin, password: str) -> Denied | None:
    return rig.stepup.unlock_by_password(login, typed_password=password, origin=HERE)


def locked(rig: Rig, login: LiveLogin) -> LiveLogin:
    """The same login, locked by its person, as memory has it then."""
    assert rig.logins.lock(login, "192.0.2.1")
    assert rig.logins.sync() == {login.session.id}
    now = rig.logins.live(login.session.digest)
    assert now is not None
    return now


# -- step-up -----------------------------------------------------------------------------------------


def test_both_factors_make_fresh_under_another_bearer(rig: Rig, alice: Person, login: LiveLogin) -> None:
    rig.clock.now += 3600
    assert not login.session.fresh(at=rig.clock.now, within=300)
    rig.logins.active(login)
    outcome = step_up(rig, login, alice.code())
    assert isinstance(outcome, Issued)
    assert outcome.value.fresh(at=rig.clock.now + 300, within=300)
    assert not outcome.value.fresh(at=rig.clock.now + 301, within=300)
    now = rig.logins.load(outcome.bearer)
    assert now is not None
    assert now.session == outcome.value
    assert (now.session.id, now.session.expires_at) == (login.session.id, login.session.expires_at)
    assert now.session.digest != login.session.digest
    assert rig.kinds()[-1] is EventKind.STEP_UP


def test_the_old_bearer_is_dead_and_the_logins_sockets_are_not(
    rig: Rig, alice: Person, login: LiveLogin
) -> None:
    elsewhere = Logins(rig.store.logins, rig.policy, rig.clock)
    elsewhere._load(login.session.digest)
    elsewhere.sync()
    outcome = step_up(rig, login, alice.code())
    assert isinstance(outcome, Issued)
    for logins in (rig.logins, elsewhere):
        assert logins.sync() == frozenset()
        assert logins.live(login.session.digest) is None
        assert logins.live(outcome.value.digest) is not None
        assert logins.is_open(login.session.id)


@pytest.mark.parametrize("wrong", ["password", "code", "both"])
def test_one_wrong_factor_is_enough_and_it_is_not_said_which(
    rig: Rig, alice: Person, login: LiveLogin, wrong: str
) -> None:
    password = PASSWORD if wrong == "code" else OTHER_PASSWORD
    code = alice.code() if wrong == "password" else alice.wrong_code()
    assert step_up(rig, login, code, password) == Denied(Refusal.DENIED)
    assert rig.kinds()[-1] is EventKind.STEP_UP_DENIED
    assert rig.logins.live(login.session.digest) == login
    # What was right of it is not used up.
    assert isinstance(step_up(rig, login, alice.code()), Issued)


def test_a_code_steps_up_once_and_then_opens_no_login(rig: Rig, alice: Person, login: LiveLogin) -> None:
    first = step_up(rig, login, alice.code())
    assert isinstance(first, Issued)
    again = rig.logins.load(first.bearer)
    assert again is not None
    assert step_up(rig, again, alice.code()) == Denied(Refusal.DENIED)
    assert rig.kinds()[-1] is EventKind.CODE_REPLAYED
    assert refusal(rig.second(rig.pend(), alice.code())) is Refusal.DENIED


def test_a_recovery_code_will_do_once(rig: Rig, alice: Person, login: LiveLogin) -> None:
    code = alice.recovery_codes[0]
    outcome = step_up(rig, login, code)
    assert isinstance(outcome, Issued)
    assert EventKind.RECOVERY_CODE_USED in rig.kinds()
    again = rig.logins.load(outcome.bearer)
    assert again is not None
    assert step_up(rig, again, code) == Denied(Refusal.DENIED)


def test_the_budget_is_the_logins_own_and_ends(rig: Rig, alice: Person, login: LiveLogin) -> None:
    told = []
    for _ in range(23):
        told.append(step_up(rig, login, alice.wrong_code()))
        rig.clock.now += 3600
        rig.logins.active(login)
    assert told[:20] == [Denied(Refusal.DENIED)] * 20
    assert {refusal(outcome) for outcome in told[20:]} == {Refusal.THROTTLED}
    assert refusal(step_up(rig, login, alice.code())) is Refusal.THROTTLED
    # The login page has heard nothing of it.
    assert (rig.password_failures("alice"), rig.code_failures(alice)) == (0, 0)
    assert isinstance(step_up(rig, loaded(rig, alice), alice.code()), Issued)


def test_wrong_passwords_wait_too_and_no_code_is_looked_at(rig: Rig, alice: Person, login: LiveLogin) -> None:
    for _ in range(5):
        assert step_up(rig, login, alice.code(), OTHER_PASSWORD) == Denied(Refusal.DENIED)
    assert wait(step_up(rig, login, alice.code())) == 1
    rig.clock.now += 1
    assert wait(step_up(rig, login, alice.code())) == 29
    rig.clock.now += 29
    assert isinstance(step_up(rig, login, alice.code()), Issued)
    assert rig._failures(rig.sealer.mac(Purpose.THROTTLE, "password-stepup", login.session.id)) == 0


@pytest.mark.parametrize("act", ["end", "password", "disable", "delete", "lock"])
def test_what_happened_meanwhile_counts(rig: Rig, alice: Person, login: LiveLogin, act: str) -> None:
    match act:
        case "end":
            rig.accounts.end_logins("alice", actor="operator")
        case "password":
            rig.accounts.set_password("alice", OTHER_PASSWORD, actor="operator")
        case "disable":
            rig.accounts.set_disabled("alice", disabled=True, actor="operator")
        case "delete":
            rig.accounts.delete("alice", actor="operator")
        case "lock":
            rig.logins.lock(login, "192.0.2.1")
    password = OTHER_PASSWORD if act == "password" else PASSWORD
    assert refusal(step_up(rig, login, alice.code(), password)) is Refusal.DENIED
    if act != "delete":
        assert alice.last_step < rig.clock.now // 30


@pytest.mark.race
def test_of_many_step_ups_with_one_code_one_wins(rig: Rig, alice: Person, login: LiveLogin) -> None:
    code, outcomes = alice.code(), []
    together = threading.Barrier(4)

    def run() -> None:
        together.wait()
        outcomes.append(step_up(rig, login, code))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(outcome, Issued) for outcome in outcomes) == 1


def test_a_broken_seal_steps_nobody_up_and_is_told(rig: Rig, alice: Person, login: LiveLogin) -> None:
    rig.store.rows.authenticators = {
        phone.id: rig.phone("another", phone.id, alice.secret)
        for phone in rig.store.rows.authenticators.values()
    }
    (phone,) = rig.store.rows.authenticators.values()
    object.__setattr__(phone, "account_id", alice.id)
    assert step_up(rig, login, alice.code()) == Denied(Refusal.DENIED)
    assert EventKind.SEAL_BROKEN in rig.kinds()


# -- locked and unlocked -----------------------------------------------------------------------------


@pytest.mark.parametrize("factor", ["code", "recovery code", "password"])
def test_one_factor_unlocks_and_makes_nothing_fresh(
    rig: Rig, alice: Person, login: LiveLogin, factor: str
) -> None:
    held = locked(rig, login)
    assert not rig.logins.is_open(login.session.id)
    match factor:
        case "code":
            assert by_code(rig, held, alice.code()) is None
        case "recovery code":
            assert by_code(rig, held, alice.recovery_codes[0]) is None
        case "password":
            assert by_password(rig, held, PASSWORD) is None
    assert rig.logins.sync() == frozenset()
    now = rig.logins.live(login.session.digest)
    assert now is not None
    assert (now.session.locked_at, now.session.active_at) == (None, rig.clock.now)
    assert now.session.fresh_at == login.session.fresh_at
    assert rig.logins.is_open(login.session.id)
    assert rig.kinds()[-1] is EventKind.LOGIN_UNLOCKED


def test_a_wrong_factor_leaves_it_locked_and_is_charged(rig: Rig, alice: Person, login: LiveLogin) -> None:
    held = locked(rig, login)
    for _ in range(5):
        assert by_code(rig, held, alice.wrong_code()) == Denied(Refusal.DENIED)
        assert by_password(rig, held, OTHER_PASSWORD) == Denied(Refusal.DENIED)
    assert wait(by_code(rig, held, alice.code())) == 30
    assert wait(by_password(rig, held, PASSWORD)) == 1
    assert rig.kinds().count(EventKind.UNLOCK_DENIED) == 10
    rig.clock.now += 1
    assert by_password(rig, held, PASSWORD) is None


def test_unlocking_with_one_factor_gives_no_tries_of_the_other_back(
    rig: Rig, alice: Person, login: LiveLogin
) -> None:
    held = locked(rig, login)
    for _ in range(5):
        by_code(rig, held, alice.wrong_code())
    assert by_password(rig, held, PASSWORD) is None
    rig.logins.sync()
    held = locked(rig, login)
    assert wait(by_code(rig, held, alice.code())) == 30
    assert by_password(rig, held, OTHER_PASSWORD) == Denied(Refusal.DENIED)
    rig.clock.now += 30
    assert by_code(rig, held, alice.code()) is None
    rig.logins.sync()
    assert rig._failures(rig.sealer.mac(Purpose.THROTTLE, "password-stepup", login.session.id)) == 1


def test_a_code_that_unlocked_is_spent(rig: Rig, alice: Person, login: LiveLogin) -> None:
    code = alice.code()
    assert by_code(rig, locked(rig, login), code) is None
    rig.logins.sync()
    assert by_code(rig, locked(rig, login), code) == Denied(Refusal.DENIED)
    assert refusal(rig.second(rig.pend(), code)) is Refusal.DENIED


@pytest.mark.parametrize("by", ["code", "password"])
@pytest.mark.parametrize("act", ["end", "disable", "delete"])
def test_what_is_over_is_not_unlocked(rig: Rig, alice: Person, login: LiveLogin, act: str, by: str) -> None:
    held = locked(rig, login)
    match act:
        case "end":
            rig.accounts.end_logins("alice", actor="operator")
        case "disable":
            rig.accounts.set_disabled("alice", disabled=True, actor="operator")
        case "delete":
            rig.accounts.delete("alice", actor="operator")
    denied = by_code(rig, held, alice.code()) if by == "code" else by_password(rig, held, PASSWORD)
    assert denied == Denied(Refusal.DENIED)
    assert rig.logins.load("x") is None


def test_locking_twice_is_locking_once(rig: Rig, login: LiveLogin) -> None:
    assert rig.logins.lock(login, "192.0.2.1")
    assert not rig.logins.lock(login, "192.0.2.1")
    assert rig.kinds().count(EventKind.LOGIN_LOCKED) == 1


# -- idle --------------------------------------------------------------------------------------------


def test_a_login_in_which_nobody_does_anything_is_locked_at_its_time(rig: Rig, login: LiveLogin) -> None:
    rig.clock.now = login.session.active_at + TIMEOUT - 1
    assert rig.logins.sync() == frozenset()
    rig.clock.now += 1
    rig.logins.seen(login.session.digest)  # a poll is not a person
    assert rig.logins.sync() == {login.session.id}
    assert not rig.logins.is_open(login.session.id)
    assert rig.events[-1].kind is EventKind.LOGIN_LOCKED
    assert rig.events[-1].detail == "idle"
    assert rig.logins.sync() == frozenset()


def test_a_person_who_does_something_keeps_it_open(rig: Rig, login: LiveLogin) -> None:
    for _ in range(4):
        rig.clock.now += TIMEOUT // 2
        assert rig.logins.active(login)
        assert rig.logins.sync() == frozenset()
    assert rig.logins.is_open(login.session.id)


def test_input_is_written_coarsely(rig: Rig, alice: Person) -> None:
    found = rig.logins.load(rig.log_in(alice).bearer)
    assert found is not None
    rig.clock.now += rig.policy.activity_step - 1
    assert rig.logins.active(found)
    assert rig.store.rows.logins[found.session.digest].session.active_at == found.session.active_at
    rig.clock.now += 1
    assert rig.logins.active(found)
    assert rig.store.rows.logins[found.session.digest].session.active_at == rig.clock.now


def test_input_after_the_lock_does_not_unlock(rig: Rig, login: LiveLogin) -> None:
    rig.clock.now = login.session.active_at + TIMEOUT
    rig.logins.sync()
    assert not rig.logins.active(login)
    now = rig.logins.live(login.session.digest)
    assert now is not None
    assert now.session.locked_at is not None


def test_a_person_whom_another_process_saw_is_not_locked_out_here(rig: Rig, login: LiveLogin) -> None:
    elsewhere = Logins(rig.store.logins, rig.policy, rig.clock)
    there = elsewhere._load(login.session.digest)
    assert there is not None
    rig.clock.now += TIMEOUT // 2
    assert rig.logins.active(login)
    rig.clock.now = login.session.active_at + TIMEOUT
    assert elsewhere.sync() == frozenset()
    assert elsewhere.is_open(login.session.id)


def test_what_is_dropped_while_the_store_is_asked_does_not_come_back(rig: Rig, login: LiveLogin) -> None:
    rig.clock.now += TIMEOUT // 2
    assert Logins(rig.store.logins, rig.policy, rig.clock).active(login)
    rig.clock.now = login.session.active_at + TIMEOUT
    asked = rig.store.logins.find_many

    def ask_and_drop(ids: Iterable[str], *, at: int) -> dict[str, tuple[LoginSession, Account]]:
        found = asked(ids, at=at)
        rig.logins._drop(login.session.digest)
        return found

    rig.store.logins.find_many = ask_and_drop  # type: ignore[method-assign]
    rig.logins.sync()
    assert rig.logins.live(login.session.digest) is None


def test_what_ended_elsewhere_is_ended_not_locked(rig: Rig, login: LiveLogin) -> None:
    rig.clock.now = login.session.active_at + TIMEOUT
    rig.accounts.end_logins("alice", actor="operator")
    assert rig.logins.sync() == {login.session.id}
    assert EventKind.LOGIN_LOCKED not in rig.kinds()


def test_after_a_restart_an_idle_login_comes_back_locked(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    rig.clock.now += TIMEOUT
    restarted = Logins(rig.store.logins, rig.policy, rig.clock)
    found = restarted.load(done.bearer)
    assert found is not None
    assert found.session.locked_at == rig.clock.now


def test_without_a_limit_nobody_is_locked() -> None:
    rig = Rig(Policy(idle_timeout=0))
    bob = rig.person("bob")
    found = rig.logins.load(rig.log_in(bob).bearer)
    assert found is not None
    rig.clock.now = found.session.expires_at - 1
    assert rig.logins.sync() == frozenset()
    assert rig.logins.is_open(found.session.id)
    assert not rig.logins.is_open("somebody else's")
