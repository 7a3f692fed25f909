"""The two factors: no login without both, the verdict only with the code, and each code once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from jupyter_totp_auth.core import bearer
from jupyter_totp_auth.core.bearer import Kind
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Denied, EndReason, Issued, Origin, PendingLogin, Refusal, Role
from jupyter_totp_auth.core.sealing import Purpose
from tests.core.rig import (
    AWAY,
    HERE,
    OTHER_PASSWORD,
    PASSWORD,
    START,
    Person,
    Rig,
    refusal,
)


def pending_of(outcome: object) -> PendingLogin:
    assert isinstance(outcome, Issued), outcome
    assert isinstance(outcome.value, PendingLogin)
    return outcome.value


# -- a whole login ---------------------------------------------------------------------------------


def test_password_and_code_open_a_login(rig: Rig, alice: Person) -> None:
    outcome = rig.second(rig.pend(), alice.code())
    assert isinstance(outcome, Issued)
    session = outcome.value.session
    assert outcome.value.account == alice.account
    assert session.account_id == alice.id
    assert session.digest == bearer.digest(Kind.LOGIN, outcome.bearer)
    assert (session.created_at, session.last_seen_at) == (START, START)
    assert session.expires_at == START + rig.policy.login_lifetime
    assert (session.client, session.user_agent) == (HERE.client, HERE.user_agent)
    assert rig.store.logins.find(session.digest, at=START) == (session, alice.account)


def test_an_endless_user_agent_is_cut(rig: Rig, alice: Person) -> None:
    outcome = rig.second(rig.pend(), alice.code(), origin=Origin("192.0.2.1", "x" * 10_000))
    assert isinstance(outcome, Issued)
    assert outcome.value.session.user_agent == "x" * 256


def test_the_log_tells_a_login_in_two_lines(rig: Rig, alice: Person) -> None:
    outcome = rig.second(rig.pend(), alice.code(), origin=AWAY)
    assert isinstance(outcome, Issued)
    first, second = rig.events
    assert (first.kind, first.account, first.client) == (EventKind.FIRST_FACTOR_PASSED, "alice", HERE.client)
    assert (second.kind, second.account, second.actor) == (EventKind.LOGIN, "alice", "alice")
    assert (second.client, second.login) == (AWAY.client, outcome.value.session.id)


def test_a_login_ends_with_its_account(rig: Rig) -> None:
    person = rig.person(expires_at=START + 600)
    outcome = rig.second(rig.pend(), person.code())
    assert isinstance(outcome, Issued)
    assert outcome.value.session.expires_at == START + 600


def test_a_login_of_an_account_that_lasts_longer_ends_by_itself(rig: Rig) -> None:
    person = rig.person(expires_at=START + 10**9)
    outcome = rig.second(rig.pend(), person.code())
    assert isinstance(outcome, Issued)
    assert outcome.value.session.expires_at == START + rig.policy.login_lifetime


def test_every_bearer_of_a_login_is_new(rig: Rig, alice: Person) -> None:
    logins = [rig.log_in(alice) for _ in range(3)]
    texts = {text for one in logins for text in (one.bearer, one.value.known_browser)}
    assert len(texts) == 6
    assert len({one.value.session.id for one in logins}) == 3


# -- what a stranger can tell ----------------------------------------------------------------------


def change(rig: Rig, person: Person, **changes: Any) -> None:
    rig.store.rows.accounts[person.id] = replace(person.account, **changes)


def spoil_hash(rig: Rig, person: Person, sealed: bytes | None) -> None:
    change(rig, person, sealed_password=sealed)


def sealed_as_hash(rig: Rig, person: Person, text: bytes) -> bytes:
    return rig.sealer.seal(text, Purpose.PASSWORD_HASH, account=person.id, item=person.id)


# What the browser sends.
TYPED = {
    "right password": ("alice", PASSWORD),
    "wrong password": ("alice", OTHER_PASSWORD),
    "unknown name": ("nobody", PASSWORD),
    "impossible name": ("no/body\ud800\0", PASSWORD),
    "no password": ("alice", ""),
    "endless password": ("alice", PASSWORD * 1000),
    "password with NUL": ("alice", PASSWORD + "\0"),
    "password that is no text": ("alice", "\ud800"),
}

# What has happened to the account; the password is right.
STATES: dict[str, Callable[[Rig, Person], object]] = {
    "no password set": lambda rig, alice: spoil_hash(rig, alice, None),
    "disabled": lambda rig, alice: change(rig, alice, disabled=True),
    "expired": lambda rig, alice: change(rig, alice, expires_at=START),
    "not enrolled": lambda rig, alice: change(rig, alice, enrolled=False),
    "hash of another account": lambda rig, alice: spoil_hash(
        rig, alice, rig.person("bob").account.sealed_password
    ),
    "hash that is not sealed": lambda rig, alice: spoil_hash(rig, alice, rig.hasher.hash(PASSWORD).encode()),
    "hash of another kind": lambda rig, alice: spoil_hash(
        rig, alice, sealed_as_hash(rig, alice, f"plain:{PASSWORD}".encode())
    ),
}

SITUATIONS = (*TYPED, *STATES)


def first_in(rig: Rig, alice: Person, situation: str) -> Issued[PendingLogin] | Denied:
    if situation in STATES:
        STATES[situation](rig, alice)
    return rig.first(*TYPED.get(situation, ("alice", PASSWORD)))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_first_page_leads_to_the_second_and_costs_one_hash(
    rig: Rig, alice: Person, situation: str
) -> None:
    outcome = first_in(rig, alice, situation)
    assert isinstance(outcome, Issued)
    assert rig.hasher.argon2.verified == 1
    assert rig.login.is_pending(outcome.bearer)
    assert len(outcome.bearer) == 43


@pytest.mark.parametrize("situation", SITUATIONS[1:])
def test_nothing_but_the_right_password_of_a_usable_account_opens_with_the_right_code(
    rig: Rig, alice: Person, situation: str
) -> None:
    outcome = first_in(rig, alice, situation)
    assert isinstance(outcome, Issued)
    assert rig.second(outcome.bearer, alice.code()) == Denied(Refusal.DENIED)
    assert rig.store.rows.logins == {}
    assert alice.last_step == -1


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_wrong_code_is_answered_alike_whatever_the_password_was(
    rig: Rig, alice: Person, situation: str
) -> None:
    outcome = first_in(rig, alice, situation)
    assert isinstance(outcome, Issued)
    for typed in (alice.wrong_code(), "0000-0000-0000-0000-0000-0000", "", "junk", "\ud800"):
        assert rig.second(outcome.bearer, typed) == Denied(Refusal.DENIED)
    assert rig.second(outcome.bearer, alice.code()) == Denied(Refusal.EXPIRED)


@pytest.mark.parametrize("right", [True, False])
def test_the_same_codes_are_computed_whatever_the_password_was(
    rig: Rig, alice: Person, right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_totp_auth.core import totp

    computed, compute = [], totp.code
    pending = rig.pend("alice", PASSWORD if right else OTHER_PASSWORD)
    wrong = alice.wrong_code()
    monkeypatch.setattr(totp, "code", lambda *args: (computed.append(args[1]), compute(*args))[1])
    rig.second(pending, wrong)
    # To verify, to tell a replay, and (outside the window) to tell a clock that is off.
    assert len(computed) == 3 + 3 + 18


def test_a_broken_seal_is_reported_once_and_others_are_not_touched(rig: Rig, alice: Person) -> None:
    bob = rig.person("bob")
    spoil_hash(rig, alice, b"garbage")
    rig.first("alice")
    (broken,) = [event for event in rig.events if event.kind is EventKind.SEAL_BROKEN]
    assert (broken.account, broken.account_id) == ("alice", alice.id)
    assert broken.detail == "password-hash: unknown format"
    assert isinstance(rig.second(rig.pend("bob"), bob.code()), Issued)


def test_what_was_typed_into_the_name_box_is_never_logged(rig: Rig, alice: Person) -> None:
    for name in ("orbit velvet tundra", "nobody"):
        rig.second(rig.pend(name), "000000")
    assert {event.account for event in rig.events} == {None}
    assert not any("orbit" in repr(event) or "nobody" in repr(event) for event in rig.events)
    assert rig.events[0].detail == "unknown name"
    assert rig.events[1].detail == "password"


def test_a_wrong_password_is_logged_at_the_account(rig: Rig, alice: Person) -> None:
    rig.first("alice", OTHER_PASSWORD)
    (event,) = rig.events
    assert (event.kind, event.account, event.detail) == (EventKind.FIRST_FACTOR_DENIED, "alice", "")


# -- the pending login -----------------------------------------------------------------------------


def test_a_pending_login_holds_no_password_and_opens_nothing_by_itself(rig: Rig, alice: Person) -> None:
    outcome = rig.first()
    pending = pending_of(outcome)
    assert {one.name for one in fields(pending)} == {
        "digest",
        "account_id",
        "password_ok",
        "epoch",
        "known_browser",
        "expires_at",
        "tries_left",
        "throttle_key",
        "charges",
    }
    assert isinstance(outcome, Issued)
    assert rig.logins.load(outcome.bearer) is None
    assert rig.store.rows.logins == {}


def test_a_pending_login_lives_five_minutes(rig: Rig, alice: Person) -> None:
    pending = rig.pend()
    rig.clock.now += 299
    assert rig.login.is_pending(pending)
    rig.clock.now += 1
    assert not rig.login.is_pending(pending)
    assert refusal(rig.second(pending, alice.code())) is Refusal.EXPIRED


def test_a_pending_login_opens_in_its_last_second(rig: Rig, alice: Person) -> None:
    pending = rig.pend()
    rig.clock.now += 299
    assert isinstance(rig.second(pending, alice.code()), Issued)


def test_a_pending_login_has_five_tries(rig: Rig, alice: Person) -> None:
    pending = rig.pend()
    for _ in range(5):
        assert rig.login.is_pending(pending)
        assert refusal(rig.second(pending, alice.wrong_code())) is Refusal.DENIED
    assert not rig.login.is_pending(pending)
    assert refusal(rig.second(pending, alice.code())) is Refusal.EXPIRED


def test_the_fifth_try_still_opens(rig: Rig, alice: Person) -> None:
    pending = rig.pend()
    for _ in range(4):
        rig.second(pending, alice.wrong_code())
    assert isinstance(rig.second(pending, alice.code()), Issued)


def test_a_pending_login_opens_once(rig: Rig, alice: Person) -> None:
    pending = rig.pend()
    assert isinstance(rig.second(pending, alice.code()), Issued)
    assert not rig.login.is_pending(pending)
    assert refusal(rig.second(pending, alice.code(steps=1))) is Refusal.EXPIRED


def test_no_other_bearer_stands_for_a_pending_login(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    for text in (None, "", "x", "A" * 43, done.bearer, done.value.known_browser):
        assert refusal(rig.second(text, alice.code(steps=1))) is Refusal.EXPIRED
        assert not rig.login.is_pending(text)


def test_a_pending_bearer_is_no_login_and_no_known_browser(rig: Rig, alice: Person) -> None:
    pending = rig.pend()
    assert rig.logins.load(pending) is None
    assert isinstance(rig.first("alice", OTHER_PASSWORD, known=pending), Issued)


@pytest.mark.parametrize("act", ["password", "reset", "disable", "disable and enable", "delete"])
def test_a_change_of_the_account_voids_what_is_pending(rig: Rig, alice: Person, act: str) -> None:
    pending, code = rig.pend(), alice.code()
    match act:
        case "password":
            rig.accounts.set_password("alice", OTHER_PASSWORD, actor="operator")
        case "reset":
            rig.accounts.reset("alice", actor="operator")
        case "disable":
            rig.accounts.set_disabled("alice", disabled=True, actor="operator")
        case "disable and enable":
            rig.accounts.set_disabled("alice", disabled=True, actor="operator")
            rig.accounts.set_disabled("alice", disabled=False, actor="operator")
        case "delete":
            rig.accounts.delete("alice", actor="operator")
    assert refusal(rig.second(pending, code)) is Refusal.EXPIRED
    assert rig.store.rows.logins == {}


@pytest.mark.parametrize(
    "change", [{"epoch": 2}, {"disabled": True}, {"enrolled": False}, {"expires_at": START}]
)
def test_a_change_between_the_look_and_the_grant_wins(
    rig: Rig, alice: Person, change: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = rig.store.logins.grant

    def too_late(*args, **more):
        rig.store.rows.accounts[alice.id] = replace(alice.account, **change)
        return grant(*args, **more)

    monkeypatch.setattr(rig.store.logins, "grant", too_late)
    assert refusal(rig.second(rig.pend(), alice.code())) is Refusal.DENIED
    assert rig.store.rows.logins == {}
    assert alice.last_step == -1


def test_an_account_deleted_during_the_try_opens_nothing(
    rig: Rig, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending, code = rig.pend(), alice.code()
    monkeypatch.setattr(rig.store.accounts, "by_id", lambda _: None)
    assert refusal(rig.second(pending, code)) is Refusal.DENIED
    assert rig.store.rows.logins == {}


# -- the code --------------------------------------------------------------------------------------


def test_a_code_opens_only_one_login(rig: Rig, alice: Person) -> None:
    code = alice.code()
    one, other = rig.pend(), rig.pend()
    assert isinstance(rig.second(one, code), Issued)
    assert refusal(rig.second(other, code)) is Refusal.DENIED
    assert len(rig.store.rows.logins) == 1
    assert rig.kinds()[-1] is EventKind.CODE_REPLAYED


@pytest.mark.parametrize("spelling", [" {}", "{}\n", "{}\t", "\u00a0{}", "{}\u200b", "-{}"])
def test_a_used_code_is_used_in_every_spelling(rig: Rig, alice: Person, spelling: str) -> None:
    code = alice.code()
    assert isinstance(rig.second(rig.pend(), code), Issued)
    assert refusal(rig.second(rig.pend(), spelling.format(code))) is Refusal.DENIED
    assert refusal(rig.second(rig.pend(), f"{code[:3]} {code[3:]}")) is Refusal.DENIED


def test_an_unused_code_may_be_typed_with_a_blank(rig: Rig, alice: Person) -> None:
    code = alice.code()
    assert isinstance(rig.second(rig.pend(), f" {code[:3]} {code[3:]} "), Issued)


def test_the_used_step_only_rises(rig: Rig, alice: Person) -> None:
    step = START // 30
    assert isinstance(rig.second(rig.pend(), alice.code(steps=1)), Issued)
    assert alice.last_step == step + 1
    for steps in (-1, 0, 1):
        assert refusal(rig.second(rig.pend(), alice.code(steps=steps))) is Refusal.DENIED
    assert alice.last_step == step + 1


@pytest.mark.parametrize(("steps", "opens"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_of_the_window_opens_and_no_other(rig: Rig, alice: Person, steps: int, opens: bool) -> None:
    assert isinstance(rig.second(rig.pend(), alice.code(steps=steps)), Issued) is opens


def test_a_clock_set_back_opens_nothing_until_it_has_caught_up(rig: Rig, alice: Person) -> None:
    rig.log_in(alice)
    rig.clock.now -= 600
    rig.accounts.unlock("alice", actor="operator")
    assert refusal(rig.second(rig.pend(), alice.code())) is Refusal.DENIED
    assert isinstance(rig.second(rig.pend(), alice.recovery_codes[0]), Issued)
    rig.clock.now += 630
    assert isinstance(rig.second(rig.pend(), alice.code()), Issued)


def test_a_clock_set_back_makes_nobody_wait_who_has_not_failed(rig: Rig, alice: Person) -> None:
    rig.log_in(alice)
    rig.clock.now -= 600
    assert isinstance(rig.first(), Issued)


def test_the_code_of_somebody_else_opens_nothing_and_is_not_used_up(rig: Rig, alice: Person) -> None:
    bob = rig.person("bob")
    assert refusal(rig.second(rig.pend("alice"), bob.code())) is Refusal.DENIED
    assert bob.last_step == -1
    assert isinstance(rig.second(rig.pend("bob"), bob.code()), Issued)


def test_with_a_wrong_password_the_right_code_is_not_used_up(rig: Rig, alice: Person) -> None:
    code = alice.code()
    assert refusal(rig.second(rig.pend("alice", OTHER_PASSWORD), code)) is Refusal.DENIED
    assert isinstance(rig.second(rig.pend(), code), Issued)


def test_with_a_wrong_password_nothing_is_said_of_a_spent_code(rig: Rig, alice: Person) -> None:
    code = alice.code()
    rig.second(rig.pend(), code)
    rig.second(rig.pend("alice", OTHER_PASSWORD), code)
    assert (rig.events[-1].kind, rig.events[-1].detail) == (EventKind.SECOND_FACTOR_DENIED, "password")


def test_no_match_of_a_code_makes_up_for_a_wrong_password(
    rig: Rig, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    match = rig.login._codes.match(alice.account, alice.code(), at=START)
    monkeypatch.setattr(rig.login._codes, "match", lambda *_, **__: match)
    assert refusal(rig.second(rig.pend("alice", OTHER_PASSWORD), alice.code())) is Refusal.DENIED
    assert rig.store.rows.logins == {}
    assert isinstance(rig.second(rig.pend(), alice.code()), Issued)


def test_the_step_is_claimed_before_anything_is_granted(
    rig: Rig, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another process takes the step after we looked: the compare-and-set must decide, not the look.
    code = alice.code()
    fast, slow = rig.pend(), rig.pend()
    grant = rig.store.logins.grant

    def overtaken(*args, **more):
        monkeypatch.setattr(rig.store.logins, "grant", grant)
        assert isinstance(rig.second(fast, code), Issued)
        return grant(*args, **more)

    monkeypatch.setattr(rig.store.logins, "grant", overtaken)
    assert refusal(rig.second(slow, code)) is Refusal.DENIED
    assert len(rig.store.rows.logins) == 1
    assert rig.kinds()[-2:] == [EventKind.LOGIN, EventKind.CODE_REPLAYED]


# -- recovery codes --------------------------------------------------------------------------------


def test_a_recovery_code_opens_once(rig: Rig, alice: Person) -> None:
    one, other = alice.recovery_codes
    first = rig.second(rig.pend(), one.lower().replace("-", " "))
    assert isinstance(first, Issued)
    assert rig.kinds()[-2:] == [EventKind.LOGIN, EventKind.RECOVERY_CODE_USED]
    assert rig.events[-1].login == first.value.session.id
    assert refusal(rig.second(rig.pend(), one)) is Refusal.DENIED
    assert rig.store.accounts.recovery_codes_left(alice.id) == 1
    assert isinstance(rig.second(rig.pend(), other), Issued)
    assert rig.store.accounts.recovery_codes_left(alice.id) == 0


def test_a_recovery_code_uses_up_no_time_step(rig: Rig, alice: Person) -> None:
    assert isinstance(rig.second(rig.pend(), alice.recovery_codes[0]), Issued)
    assert alice.last_step == -1
    assert isinstance(rig.second(rig.pend(), alice.code()), Issued)


def test_a_wrong_password_with_a_right_recovery_code_leaves_the_code_unburnt(rig: Rig, alice: Person) -> None:
    code = alice.recovery_codes[0]
    assert refusal(rig.second(rig.pend("alice", OTHER_PASSWORD), code)) is Refusal.DENIED
    assert rig.store.accounts.recovery_codes_left(alice.id) == 2
    assert isinstance(rig.second(rig.pend(), code), Issued)


def test_the_recovery_code_of_somebody_else_opens_nothing(rig: Rig, alice: Person) -> None:
    bob = rig.person("bob")
    assert refusal(rig.second(rig.pend("alice"), bob.recovery_codes[0])) is Refusal.DENIED
    assert rig.store.accounts.recovery_codes_left(bob.id) == 2


def test_a_recovery_code_that_is_wrong_is_a_guess_and_no_replay(rig: Rig, alice: Person) -> None:
    rig.second(rig.pend(), "0000-0000-0000-0000-0000-0000")
    assert rig.kinds()[-1] is EventKind.SECOND_FACTOR_DENIED
    assert rig.code_failures(alice) == 1


def test_a_recovery_code_that_was_used_is_a_guess_too(rig: Rig, alice: Person) -> None:
    code = alice.recovery_codes[0]
    assert isinstance(rig.second(rig.pend(), code), Issued)
    rig.second(rig.pend(), code)
    assert rig.kinds()[-1] is EventKind.SECOND_FACTOR_DENIED
    assert rig.code_failures(alice) == 1


# -- known browsers --------------------------------------------------------------------------------


def test_a_browser_that_has_logged_in_is_told_a_wrong_password_at_once(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    assert rig.first("alice", OTHER_PASSWORD, known=known) == Denied(Refusal.DENIED)
    assert rig.kinds()[-1] is EventKind.FIRST_FACTOR_DENIED
    assert pending_of(rig.first(known=known)).known_browser


def test_a_known_browser_never_replaces_a_factor(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    pending = rig.pend(known=known)
    assert rig.logins.load(pending) is None
    assert rig.logins.load(known) is None
    assert refusal(rig.second(pending, alice.wrong_code())) is Refusal.DENIED


def test_a_known_browser_stays_known_and_gets_no_second_cookie(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    assert rig.log_in(alice, known=known).value.known_browser is None
    assert pending_of(rig.first(known=known)).known_browser


def test_a_known_browser_is_forgotten_after_ninety_days(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    rig.clock.now += rig.policy.known_browser_lifetime - 1
    assert pending_of(rig.first(known=known)).known_browser
    rig.clock.now += 1
    assert not pending_of(rig.first(known=known)).known_browser


def test_a_known_browser_of_one_person_is_a_stranger_to_another(rig: Rig, alice: Person) -> None:
    known = rig.known(rig.person("bob"))
    assert not pending_of(rig.first("alice", known=known)).known_browser
    assert not pending_of(rig.first("alice", OTHER_PASSWORD, known=known)).password_ok
    assert not pending_of(rig.first("nobody", known=known)).known_browser


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "A" * 10_000])
def test_a_made_up_cookie_is_a_strangers(rig: Rig, alice: Person, text: str) -> None:
    assert not pending_of(rig.first(known=text)).known_browser


def test_a_flipped_letter_makes_a_stranger(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    flipped = ("B" if known[0] == "A" else "A") + known[1:]
    assert not pending_of(rig.first(known=flipped)).known_browser


@pytest.mark.parametrize("act", ["password", "reset"])
def test_a_change_of_a_factor_makes_strangers_of_all_browsers(rig: Rig, alice: Person, act: str) -> None:
    known = rig.known(alice)
    row = next(iter(rig.store.rows.known_browsers.values()))
    if act == "password":
        rig.accounts.set_password("alice", PASSWORD, actor="operator")
    else:
        rig.accounts.reset("alice", actor="operator")
    assert not pending_of(rig.first(known=known)).known_browser
    # Even where its row had been left behind, it is bound to the epoch.
    rig.store.rows.known_browsers[row.digest] = row
    assert not pending_of(rig.first(known=known)).known_browser


def test_only_a_known_browser_is_told_that_its_clock_is_off(rig: Rig, alice: Person) -> None:
    known = rig.known(alice)
    late = alice.code(steps=-4)
    assert rig.second(rig.pend(known=known), late) == Denied(Refusal.CLOCK, drift=-120)
    assert rig.second(rig.pend(), late) == Denied(Refusal.DENIED)


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["Alice", " ALICE ", "\talice"])
def test_the_form_folds_case_and_trims_blanks(rig: Rig, alice: Person, typed: str) -> None:
    assert isinstance(rig.second(rig.pend(typed), alice.code()), Issued)


@pytest.mark.parametrize("typed", ["alıce", "alice\u200b", "ａlice", "alice.", "al ice"])  # noqa: RUF001
def test_no_other_spelling_reaches_the_account(rig: Rig, alice: Person, typed: str) -> None:
    assert refusal(rig.second(rig.pend(typed), alice.code())) is Refusal.DENIED


def test_an_account_made_anew_under_an_old_name_knows_nothing_of_the_old_one(rig: Rig, alice: Person) -> None:
    old = rig.log_in(alice)
    rig.accounts.delete("alice", actor="operator")
    again = rig.person("alice")
    assert rig.logins.load(old.bearer) is None
    assert not pending_of(rig.first(known=old.value.known_browser)).known_browser
    for code in (alice.code(steps=1), alice.recovery_codes[0]):
        assert refusal(rig.second(rig.pend(), code)) is Refusal.DENIED
    assert isinstance(rig.second(rig.pend(), again.code()), Issued)


def test_an_admin_of_another_role_logs_in_alike(rig: Rig, alice: Person) -> None:
    rig.accounts.set_role("alice", Role.ADMIN, actor="operator")
    outcome = rig.second(rig.pend(), alice.code())
    assert isinstance(outcome, Issued)
    assert outcome.value.account.role is Role.ADMIN


def test_a_login_that_ended_opens_nothing_again(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    login = rig.logins.load(done.bearer)
    assert login is not None
    rig.logins.log_out(login, "192.0.2.1")
    assert rig.logins.load(done.bearer) is None
    ended = rig.logins.why_ended(done.bearer)
    assert ended is not None
    assert ended.reason is EndReason.LOGGED_OUT
