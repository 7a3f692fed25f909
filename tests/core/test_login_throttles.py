"""Guessing: what is charged, to whom, how long it makes wait, and what a login takes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_totp_auth.core.events import EventKind, Notice
from jupyter_totp_auth.core.grants import NewLogin
from jupyter_totp_auth.core.login import CODE_WRONG
from jupyter_totp_auth.core.model import Denied, Issued, Origin, PendingLogin, Refusal
from jupyter_totp_auth.core.passwords import CannotHash
from jupyter_totp_auth.core.policy import Policy, Throttle
from tests.core.rig import AWAY, HERE, OTHER_PASSWORD, PASSWORD, Person, Rig, refusal, wait

UNTHROTTLED = Throttle(free=10**9, first_delay=1, cap=1, limit=10**9)

PASSWORD_WAITS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
CODE_WAITS = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def guess_passwords(rig: Rig, count: int, *, name: str = "alice", known: str | None = None) -> None:
    """So many wrong passwords, each as soon as it is evaluated."""
    for _ in range(count):
        outcome = rig.first(name, OTHER_PASSWORD, known=known)
        while isinstance(outcome, Denied) and outcome.refusal is Refusal.THROTTLED:
            rig.clock.now += wait(outcome)
            outcome = rig.first(name, OTHER_PASSWORD, known=known)


def guess_codes(rig: Rig, person: Person, count: int, *, known: str | None = None) -> None:
    """So many evaluated wrong codes behind the right password, each as soon as it may be given."""
    for _ in range(count):
        rig.clock.now = max(rig.clock.now, code_open_at(rig))
        rig.second(rig.pend(person.name, known=known), person.wrong_code())


def code_open_at(rig: Rig) -> int:
    return max((row.next_try_at for row in rig.store.rows.counters.values()), default=0)


# -- counters of nobody ----------------------------------------------------------------------------


def test_what_a_stranger_can_make_up_is_forgotten_and_what_guards_an_account_is_not(
    rig: Rig, alice: Person
) -> None:
    for name in ("alice", "nobody", "no/body"):  # the right password never
        rig.second(rig.first(name, OTHER_PASSWORD).bearer, alice.wrong_code())  # type: ignore[union-attr]
    assert all(row.forget_at is not None for row in rig.store.rows.counters.values())
    rig.second(rig.pend(), alice.wrong_code())
    assert [row.failures for row in rig.store.rows.counters.values() if row.forget_at is None] == [1]


# -- what could not be evaluated -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_where_there_is_no_memory_to_hash_nobody_is_charged(
    rig: Rig, alice: Person, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> bool:
        raise CannotHash

    monkeypatch.setattr(rig.hasher, "verify", cannot)
    for _ in range(8):
        with pytest.raises(CannotHash):
            rig.first(name, PASSWORD)
    assert rig.password_failures(name) == 0
    monkeypatch.undo()
    assert isinstance(rig.first(name, PASSWORD), Issued)


# -- passwords -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "nobody", "no/body"])
def test_five_wrong_passwords_are_free_and_then_each_waits_twice_as_long(
    rig: Rig, alice: Person, name: str
) -> None:
    for _ in range(5):
        assert isinstance(rig.first(name, OTHER_PASSWORD), Issued)
    for delay in PASSWORD_WAITS:
        assert rig.first(name, OTHER_PASSWORD) == Denied(Refusal.THROTTLED, retry_after=delay)
        rig.clock.now += delay - 1
        assert wait(rig.first(name, OTHER_PASSWORD)) == 1
        rig.clock.now += 1
        assert isinstance(rig.first(name, OTHER_PASSWORD), Issued)


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_after_a_hundred_wrong_passwords_it_is_closed_for_good(rig: Rig, alice: Person, name: str) -> None:
    guess_passwords(rig, 100, name=name)
    rig.clock.now += 365 * 86400
    assert wait(rig.first(name, PASSWORD)) == 900
    rig.clock.now += 900
    assert wait(rig.first(name, PASSWORD)) == 900


def test_during_a_wait_the_right_password_is_neither_evaluated_nor_counted(rig: Rig, alice: Person) -> None:
    guess_passwords(rig, 5)
    computed, events = rig.hasher.argon2.verified, len(rig.events)
    for _ in range(50):
        assert wait(rig.first("alice", PASSWORD)) == 1
    assert rig.hasher.argon2.verified == computed
    assert rig.password_failures("alice") == 5
    assert (len(rig.events), len(rig.store.rows.pending)) == (events, 5)
    rig.clock.now += 1
    assert isinstance(rig.second(rig.pend(), alice.code()), Issued)


def test_a_try_is_charged_before_it_is_checked(
    rig: Rig, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    verify = rig.hasher.verify
    monkeypatch.setattr(
        rig.hasher, "verify", lambda *args: (seen.append(rig.password_failures("alice")), verify(*args))[1]
    )
    rig.first("alice", PASSWORD)
    rig.first("alice", OTHER_PASSWORD)
    assert seen == [1, 2]


def test_all_clients_share_the_counter_of_a_name(rig: Rig, alice: Person) -> None:
    for number in range(5):
        origin = HERE if number % 2 else AWAY
        rig.first("alice", OTHER_PASSWORD, origin=origin)
    assert wait(rig.first("alice", OTHER_PASSWORD)) == 1


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_all_spellings_that_fold_to_a_name_share_its_counter(rig: Rig, alice: Person, name: str) -> None:
    for typed in (name, name.upper(), f" {name}", f"{name}\t", name.title()):
        assert isinstance(rig.first(typed, OTHER_PASSWORD), Issued)
    assert wait(rig.first(name, OTHER_PASSWORD)) == 1


def test_names_have_counters_of_their_own(rig: Rig, alice: Person) -> None:
    guess_passwords(rig, 5)
    for other in ("bob", "alice2", "ａlice", "a" * 300, "a" * 299):  # noqa: RUF001
        assert isinstance(rig.first(other, OTHER_PASSWORD), Issued)


def test_endless_names_are_counted_by_their_beginning(rig: Rig) -> None:
    for length in range(300, 305):
        assert isinstance(rig.first("a" * length, OTHER_PASSWORD), Issued)
    assert wait(rig.first("a" * 10**6, OTHER_PASSWORD)) == 1


def test_a_name_that_is_no_text_is_counted_too(rig: Rig) -> None:
    for _ in range(5):
        assert isinstance(rig.first("\ud800", OTHER_PASSWORD), Issued)
    assert wait(rig.first("\ud800", OTHER_PASSWORD)) == 1


def test_the_right_password_alone_gives_nothing_back(rig: Rig, alice: Person) -> None:
    for _ in range(5):
        rig.pend()
    assert wait(rig.first()) == 1


def test_a_whole_login_gives_back_its_own_charge_and_forgives_no_other(rig: Rig, alice: Person) -> None:
    guess_passwords(rig, 4)
    rig.log_in(alice)
    assert rig.password_failures("alice") == 4
    rig.log_in(alice)
    assert rig.password_failures("alice") == 4


def test_a_login_that_fails_gives_nothing_back(rig: Rig, alice: Person) -> None:
    rig.second(rig.pend(), alice.wrong_code())
    assert rig.password_failures("alice") == 1
    assert rig.code_failures(alice) == 1


def test_the_operator_can_forget_all_failures(rig: Rig, alice: Person) -> None:
    guess_passwords(rig, 100)
    assert refusal(rig.first()) is Refusal.THROTTLED
    rig.accounts.unlock("alice", actor="operator")
    assert isinstance(rig.second(rig.pend(), alice.code()), Issued)


# -- known browsers --------------------------------------------------------------------------------


def test_strangers_cannot_lock_the_owner_out(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    guess_passwords(rig, 100)
    rig.clock.now += 30
    assert refusal(rig.first()) is Refusal.THROTTLED
    assert isinstance(rig.second(rig.pend(known=known), alice.code()), Issued)


def test_a_known_browser_that_guesses_ten_times_counts_as_unknown(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    for _ in range(10):
        assert rig.first("alice", OTHER_PASSWORD, known=known) == Denied(Refusal.DENIED)
    assert rig.password_failures("alice") == 0
    for _ in range(5):
        outcome = rig.first("alice", OTHER_PASSWORD, known=known)
        assert isinstance(outcome, Issued)
        assert isinstance(outcome.value, PendingLogin)
        assert not outcome.value.known_browser
    assert rig.password_failures("alice") == 5
    assert wait(rig.first("alice", PASSWORD, known=known)) == 1


def test_a_known_browser_that_logs_in_has_its_ten_again(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    for _ in range(9):
        assert refusal(rig.first("alice", OTHER_PASSWORD, known=known)) is Refusal.DENIED
    rig.log_in(alice, known=known)
    for _ in range(10):
        assert refusal(rig.first("alice", OTHER_PASSWORD, known=known)) is Refusal.DENIED


def test_a_login_on_a_known_browser_forgives_strangers_nothing(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    guess_passwords(rig, 4)
    guess_codes(rig, alice, 1)
    rig.log_in(alice, known=known)
    assert rig.password_failures("alice") == 5
    assert rig.code_failures(alice) == 1


def test_a_known_browser_has_its_own_budget_of_codes_and_is_told_to_wait(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    for _ in range(2):
        pending = rig.pend(known=known)
        for _ in range(5):
            assert rig.second(pending, alice.wrong_code()) == Denied(Refusal.DENIED, text=CODE_WRONG)
    assert rig.code_failures(alice) == 0
    pending = rig.pend(known=known)
    assert rig.second(pending, alice.code()) == Denied(Refusal.THROTTLED, retry_after=30)
    rig.clock.now += 30
    assert isinstance(rig.second(pending, alice.code()), Issued)


# -- codes -----------------------------------------------------------------------------------------


@pytest.fixture
def codes() -> Rig:
    """Where only codes make wait: each first page is charged too, and would come in between."""
    return Rig(Policy(password_unknown=UNTHROTTLED))


@pytest.fixture
def carol(codes: Rig) -> Person:
    return codes.person("carol")


def test_ten_wrong_codes_are_evaluated_and_then_each_waits_twice_as_long(codes: Rig, carol: Person) -> None:
    for _ in range(2):
        pending = codes.pend("carol")
        for _ in range(5):
            codes.second(pending, carol.wrong_code())
    assert codes.code_failures(carol) == 10
    for delay in CODE_WAITS:
        begun = codes.clock.now
        codes.clock.now = begun + delay - 1
        assert refusal(codes.second(codes.pend("carol"), carol.code())) is Refusal.DENIED
        assert codes.events[-1].detail == "closed"
        codes.clock.now = begun + delay
        failures = codes.code_failures(carol)
        codes.second(codes.pend("carol"), carol.wrong_code())
        assert codes.code_failures(carol) == failures + 1
    assert codes.store.rows.logins == {}


def test_of_a_thousand_codes_at_once_ten_are_evaluated(codes: Rig, carol: Person) -> None:
    pendings = [codes.pend("carol") for _ in range(40)]
    typed = [carol.wrong_code()] * 10 + [carol.code()] * 190
    answers = [codes.second(pending, typed.pop(0)) for pending in pendings for _ in range(5)]
    assert {refusal(answer) for answer in answers} == {Refusal.DENIED}
    assert codes.code_failures(carol) == 10
    assert codes.store.rows.logins == {}


def test_during_a_wait_the_right_code_is_not_used_up_or_counted(codes: Rig, carol: Person) -> None:
    guess_codes(codes, carol, 11)
    code = carol.code()
    failures = codes.code_failures(carol)
    pending = codes.pend("carol")
    assert codes.second(pending, code) == Denied(Refusal.DENIED)
    assert carol.last_step == -1
    assert codes.second(pending, carol.recovery_codes[0]) == Denied(Refusal.DENIED)
    assert codes.store.accounts.recovery_codes_left(carol.id) == 2
    assert codes.code_failures(carol) == failures


def close_codes(rig: Rig, person: Person) -> None:
    guess_codes(rig, person, 20)
    assert rig.code_failures(person) == 20
    rig.clock.now = code_open_at(rig) + 80 * 86400


def test_after_twenty_wrong_codes_the_second_factor_is_closed_to_unknown_browsers(
    codes: Rig, carol: Person
) -> None:
    close_codes(codes, carol)
    assert codes.second(codes.pend("carol"), carol.code()) == Denied(Refusal.DENIED)
    assert codes.second(codes.pend("carol"), carol.recovery_codes[0]) == Denied(Refusal.DENIED)
    assert codes.store.accounts.recovery_codes_left(carol.id) == 2
    assert codes.code_failures(carol) == 20


def test_a_known_browser_still_gets_in_then(codes: Rig, carol: Person) -> None:
    known = codes.known(carol)
    close_codes(codes, carol)
    assert isinstance(codes.second(codes.pend("carol", known=known), carol.code()), Issued)
    codes.clock.now += 60
    assert refusal(codes.second(codes.pend("carol"), carol.code())) is Refusal.DENIED


def test_a_new_password_opens_a_closed_second_factor(codes: Rig, carol: Person) -> None:
    close_codes(codes, carol)
    codes.accounts.set_password("carol", OTHER_PASSWORD, actor="operator")
    assert isinstance(codes.second(codes.pend("carol", OTHER_PASSWORD), carol.code()), Issued)


def test_the_operator_opens_a_closed_second_factor(codes: Rig, carol: Person) -> None:
    close_codes(codes, carol)
    codes.accounts.unlock("carol", actor="operator")
    assert isinstance(codes.second(codes.pend("carol"), carol.code()), Issued)


def test_wrong_recovery_codes_share_the_budget(codes: Rig, carol: Person) -> None:
    for _ in range(2):
        pending = codes.pend("carol")
        for _ in range(5):
            codes.second(pending, "0000-0000-0000-0000-0000-0000")
    assert codes.code_failures(carol) == 10
    assert refusal(codes.second(codes.pend("carol"), carol.code())) is Refusal.DENIED


def test_strangers_with_a_wrong_password_cannot_spend_the_budget(codes: Rig, carol: Person) -> None:
    for _ in range(30):
        codes.second(codes.pend("carol", OTHER_PASSWORD), carol.code())
    assert codes.code_failures(carol) == 0
    assert isinstance(codes.second(codes.pend("carol"), carol.code()), Issued)


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_a_code_behind_a_wrong_password_costs_a_decoy_charge(rig: Rig, alice: Person, name: str) -> None:
    pending = rig.pend(name, OTHER_PASSWORD)
    counters = len(rig.store.rows.counters)
    rig.second(pending, alice.code())
    assert len(rig.store.rows.counters) == counters + 1


def test_slips_of_the_same_login_are_given_back(codes: Rig, carol: Person) -> None:
    pending = codes.pend("carol")
    for _ in range(3):
        codes.second(pending, carol.wrong_code())
    assert codes.code_failures(carol) == 3
    assert isinstance(codes.second(pending, carol.code()), Issued)
    assert codes.code_failures(carol) == 0
    assert codes.password_failures("carol") == 0


def test_a_login_elsewhere_gives_back_nothing_of_a_guessers_codes(codes: Rig, carol: Person) -> None:
    guess_codes(codes, carol, 7)
    codes.clock.now = code_open_at(codes)
    codes.log_in(carol)
    assert codes.code_failures(carol) == 7


def test_a_month_of_guessing_beside_the_owners_logins_ends_at_twenty(codes: Rig, carol: Person) -> None:
    known, evaluated = codes.known(carol), 0
    for _day in range(30):
        for _ in range(3):
            before = codes.code_failures(carol)
            outcome = codes.first("carol")
            if isinstance(outcome, Issued):
                codes.second(outcome.bearer, carol.wrong_code())
                evaluated += codes.code_failures(carol) - before
            codes.clock.now += 4 * 3600
        codes.log_in(carol, known=known)
        codes.clock.now += 12 * 3600
    assert evaluated == 20
    assert isinstance(codes.log_in(carol, known=known), Issued)


def test_a_replayed_code_is_no_guess(codes: Rig, carol: Person) -> None:
    code = carol.code()
    codes.second(codes.pend("carol"), code)
    for _ in range(3):
        codes.second(codes.pend("carol"), code)
        assert codes.kinds()[-1] is EventKind.CODE_REPLAYED
    assert codes.code_failures(carol) == 0


def test_a_replay_during_a_wait_gives_nothing_back(codes: Rig, carol: Person) -> None:
    code = carol.code()
    codes.second(codes.pend("carol"), code)
    pending = [codes.pend("carol") for _ in range(3)]
    for number in range(10):
        codes.second(pending[number // 5], carol.wrong_code())
    assert codes.code_failures(carol) == 10
    codes.second(pending[2], code)
    assert codes.code_failures(carol) == 10


def test_a_replay_on_the_way_forgives_no_other_failure(codes: Rig, carol: Person) -> None:
    # The owner logs in twice within thirty seconds, and types the spent code first.
    guess_codes(codes, carol, 4)
    spent = carol.code()
    assert isinstance(codes.second(codes.pend("carol"), spent), Issued)
    before = codes.code_failures(carol)
    pending = codes.pend("carol")
    codes.second(pending, spent)
    assert isinstance(codes.second(pending, carol.code(steps=1)), Issued)
    assert codes.code_failures(carol) == before


def test_a_try_during_a_wait_forgives_no_other_failure(codes: Rig, carol: Person) -> None:
    guess_codes(codes, carol, 12)
    before = codes.code_failures(carol)
    pending = codes.pend("carol")
    for _ in range(4):
        codes.second(pending, carol.code())
    codes.clock.now += 120
    assert isinstance(codes.second(pending, carol.code()), Issued)
    assert codes.code_failures(carol) == before


# -- what closes, and what opens it again ----------------------------------------------------------


def test_a_login_on_a_known_browser_opens_a_closed_password_and_forgives_no_delay(
    rig: Rig, alice: Person
) -> None:
    known = rig.known(alice)
    guess_passwords(rig, 100)
    rig.log_in(alice, known=known)
    assert rig.password_failures("alice") == 15
    assert wait(rig.first("alice", PASSWORD)) == 900
    rig.clock.now += 900
    assert isinstance(rig.first("alice", OTHER_PASSWORD), Issued)
    assert wait(rig.first("alice", PASSWORD)) == 900
    guess_passwords(rig, 84)
    rig.clock.now += 365 * 86400
    assert wait(rig.first("alice", PASSWORD)) == 900, "closed once more"


@pytest.mark.parametrize("failures", [4, 5, 14, 40, 99])
def test_what_is_not_closed_is_not_touched(rig: Rig, alice: Person, failures: int) -> None:
    known = rig.known(alice)
    guess_passwords(rig, failures)
    rig.log_in(alice, known=known)
    assert rig.password_failures("alice") == failures


def test_a_new_password_opens_a_closed_password(rig: Rig, alice: Person) -> None:
    guess_passwords(rig, 100)
    rig.accounts.set_password("alice", OTHER_PASSWORD, actor="operator")
    assert rig.password_failures("alice") == 15


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_a_closed_password_outlives_the_memory_of_open_ones(rig: Rig, alice: Person, name: str) -> None:
    guess_passwords(rig, 100, name=name)
    rig.clock.now += 3 * 365 * 86400
    rig.store.logins.purge(at=rig.clock.now, ended_before=0)
    assert rig.password_failures(name) == 100


def test_decoy_counters_are_forgotten_after_a_day(rig: Rig) -> None:
    rig.second(rig.pend("nobody", OTHER_PASSWORD), "123456")
    rig.clock.now += 31 * 86400
    rig.store.logins.purge(at=rig.clock.now, ended_before=0)
    assert rig.store.rows.counters == {}


# -- slips of the same browser ---------------------------------------------------------------------


def slip(rig: Rig, person: Person, count: int, *, before: str | None = None) -> str:
    """So many wrong codes in a pending login that this browser begins; its bearer."""
    pending = rig.pend(person.name, before=before)
    for _ in range(count):
        assert refusal(rig.second(pending, person.wrong_code())) is Refusal.DENIED
    return pending


def test_slips_of_the_last_ten_minutes_are_given_back_to_the_browser_that_gets_in(
    codes: Rig, carol: Person
) -> None:
    first = slip(codes, carol, 2)
    codes.clock.now += 301
    second = slip(codes, carol, 1, before=first)
    codes.clock.now += 299
    assert codes.code_failures(carol) == 3
    last = codes.pend("carol", before=second)
    assert isinstance(codes.second(last, carol.code()), Issued)
    assert codes.code_failures(carol) == 0


def test_older_slips_are_not_given_back(codes: Rig, carol: Person) -> None:
    first = slip(codes, carol, 2)
    codes.clock.now += 302
    second = slip(codes, carol, 1, before=first)
    codes.clock.now += 299
    assert isinstance(codes.second(codes.pend("carol", before=second), carol.code()), Issued)
    assert codes.code_failures(carol) == 2


def test_slips_go_over_a_mistyped_password_which_adds_none(codes: Rig, carol: Person) -> None:
    first = slip(codes, carol, 2)
    second = codes.pend("carol", OTHER_PASSWORD, before=first)
    codes.second(second, carol.code())
    codes.second(codes.pend("carol"), carol.wrong_code())
    assert isinstance(codes.second(codes.pend("carol", before=second), carol.code()), Issued)
    assert codes.code_failures(carol) == 1, "a guess from elsewhere stays"


def test_slips_are_given_back_once(codes: Rig, carol: Person) -> None:
    guess_codes(codes, carol, 5)
    first = slip(codes, carol, 2)
    heirs = [codes.pend("carol", before=first) for _ in range(2)]
    assert refusal(codes.second(first, carol.code())) is Refusal.EXPIRED, "it was given up"
    for heir in heirs:
        codes.clock.now += 30
        assert isinstance(codes.second(heir, carol.code()), Issued)
    assert codes.code_failures(carol) == 5


def test_another_accounts_slips_are_nobodys(codes: Rig, carol: Person) -> None:
    dora = codes.person("dora")
    slips = slip(codes, dora, 3)
    guess_codes(codes, carol, 3)
    assert isinstance(codes.second(codes.pend("carol", before=slips), carol.code()), Issued)
    assert codes.code_failures(carol) == 3
    assert codes.code_failures(dora) == 3


def test_what_is_no_bearer_has_no_slips(codes: Rig, carol: Person) -> None:
    for before in ("", "x", "A" * 43):
        codes.clock.now += 30
        assert isinstance(codes.second(codes.pend("carol", before=before), carol.code()), Issued)


# -- known at the door -----------------------------------------------------------------------------


def test_a_browser_is_known_for_its_own_account_as_long_as_its_epoch_lasts(rig: Rig, alice: Person) -> None:
    rig.person("bob")
    known = rig.known(alice)
    assert rig.login.is_known_browser(known)
    assert rig.login.is_known_browser(known, typed_name=" Alice ")
    assert not rig.login.is_known_browser(known, typed_name="bob")
    for made_up in ("", "x", "A" * 43):
        assert not rig.login.is_known_browser(made_up)
    rig.clock.now += 90 * 86400 + 1
    assert not rig.login.is_known_browser(known)


def test_a_browser_is_no_longer_known_after_a_new_password(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    rig.store.rows.accounts[alice.id] = replace(alice.account, epoch=alice.account.epoch + 1)
    assert not rig.login.is_known_browser(known)


# -- the server's clock ----------------------------------------------------------------------------


def test_before_2026_codes_are_refused_and_recovery_codes_work(rig: Rig, alice: Person) -> None:
    rig.clock.now = rig.policy.earliest - 1
    pending = rig.pend()
    assert rig.second(pending, alice.code()) == Denied(Refusal.SERVER_CLOCK)
    assert rig.kinds()[-1] is EventKind.CLOCK_REFUSED
    assert rig.code_failures(alice) == 0
    assert isinstance(rig.second(pending, alice.recovery_codes[0]), Issued)
    rig.clock.now = rig.policy.earliest
    assert isinstance(rig.second(rig.pend(), alice.code()), Issued)


def test_a_clock_five_minutes_behind_the_newest_login_is_not_believed(rig: Rig, alice: Person) -> None:
    rig.log_in(alice)
    rig.clock.now -= 300
    pending = rig.pend()
    assert refusal(rig.second(pending, alice.code())) is Refusal.DENIED
    rig.clock.now -= 1
    assert refusal(rig.second(pending, alice.code())) is Refusal.SERVER_CLOCK
    assert refusal(rig.second(None, alice.code())) is Refusal.EXPIRED


def test_a_recovery_code_or_the_operator_says_that_the_clock_is_right(rig: Rig, alice: Person) -> None:
    bob = rig.person("bob")
    for way in ("code", "operator"):
        rig.log_in(alice)
        rig.clock.now -= 3600
        assert refusal(rig.second(rig.pend("bob"), bob.code())) is Refusal.SERVER_CLOCK
        if way == "code":
            assert isinstance(rig.second(rig.pend(), alice.recovery_codes[0]), Issued)
        else:
            rig.accounts.unlock("alice", actor="operator")
        assert isinstance(rig.second(rig.pend("bob"), bob.code()), Issued)
        rig.clock.now += 7200


# -- what the owner is told ------------------------------------------------------------------------


def notice(rig: Rig, person: Person, login: Issued[NewLogin]) -> Notice:
    return rig.store.events.notice(person.id, login.value.session.id)


def test_the_first_login_has_none_before_it(rig: Rig, alice: Person) -> None:
    assert notice(rig, alice, rig.log_in(alice)) == Notice(None)


def test_a_login_tells_of_the_one_before_and_of_what_failed_since(rig: Rig, alice: Person) -> None:
    rig.second(rig.pend(), alice.wrong_code())
    first = rig.log_in(alice)
    rig.second(rig.pend(password=OTHER_PASSWORD), alice.code())  # two events, one failed login
    rig.second(rig.pend(), alice.wrong_code())
    for number in range(6):
        rig.clock.now += 900
        rig.first("alice", OTHER_PASSWORD, origin=Origin(f"203.0.113.{number}"))
    rig.clock.now += 900
    told = notice(rig, alice, rig.log_in(alice))
    assert told.last_login is not None
    assert told.last_login.login == first.value.session.id
    assert told.failed == 8
    assert told.clients == (HERE.client, *(f"203.0.113.{number}" for number in range(4)))
