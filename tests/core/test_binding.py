"""The confirmed code: it makes everything true at once, or nothing, and opens no second login."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_totp_auth.core import bearer
from jupyter_totp_auth.core.bearer import Kind
from jupyter_totp_auth.core.binding import Bound
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Denied, EndReason, Issued, Refusal
from tests.core.enrolling import (
    begun,
    choose,
    chosen,
    confirm,
    invited,
    setup_code,
    shown,
    wrong,
)
from tests.core.rig import (
    HERE,
    OTHER_PASSWORD,
    PASSWORD,
    START,
    Person,
    Rig,
    refusal,
)

# -- the code from the phone -----------------------------------------------------------------------


def test_before_name_and_password_there_is_nothing_to_confirm(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    for typed in ("000000", "junk"):
        assert confirm(rig, half, typed) == Denied(Refusal.EXPIRED)
    stage = rig.enrollment.stage(half)
    assert stage is not None
    assert stage.enrollment.tries_left == 5


@pytest.mark.parametrize("typed", ["", "12345", "١٢٣٤٥٦", "junk", "0000-0000-0000-0000-0000-0000"])
def test_what_is_no_code_costs_no_try(rig: Rig, typed: str) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    for _ in range(10):
        outcome = confirm(rig, half, typed)
        assert refusal(outcome) is Refusal.DENIED
        assert isinstance(outcome, Denied)
        assert "six digits" in outcome.text
    assert isinstance(confirm(rig, half, shown(rig, secret)), Issued)


def test_the_fifth_try_still_binds(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    for _ in range(4):
        assert confirm(rig, half, wrong(rig, secret)) == Denied(Refusal.DENIED)
        assert rig.kinds()[-1] is EventKind.ENROLLMENT_DENIED
    assert isinstance(confirm(rig, half, shown(rig, secret)), Issued)


def test_after_five_wrong_codes_the_try_is_over_and_its_qr_never_shown_again(rig: Rig) -> None:
    code = setup_code(rig)
    half = begun(rig, code)
    secret = chosen(rig, half)
    answers = [refusal(confirm(rig, half, wrong(rig, secret))) for _ in range(5)]
    assert answers == [Refusal.DENIED] * 4 + [Refusal.EXPIRED]
    assert rig.enrollment.stage(half) is None
    assert refusal(choose(rig, half)) is Refusal.EXPIRED
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED
    assert rig.accounts.all() == []
    # The enrollment code is not spent: the person begins again, with another secret.
    assert chosen(rig, begun(rig, code)) != secret


def test_the_qr_lives_ten_minutes(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    rig.clock.now += 599
    stage = rig.enrollment.stage(half)
    assert stage is not None
    assert stage.secret == secret
    rig.clock.now += 1
    assert rig.enrollment.stage(half) is None
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED


def test_the_qr_is_confirmed_in_its_last_second(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    rig.clock.now += 599
    assert isinstance(confirm(rig, half, shown(rig, secret)), Issued)


@pytest.mark.parametrize(("steps", "drift"), [(-10, -300), (-2, -60), (2, 60), (10, 300)])
def test_a_clock_that_is_off_is_told(rig: Rig, steps: int, drift: int) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    assert confirm(rig, half, shown(rig, secret, steps=steps)) == Denied(Refusal.CLOCK, drift=drift)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_the_window_is_that_of_a_login(rig: Rig, steps: int) -> None:
    half = begun(rig, setup_code(rig))
    outcome = confirm(rig, half, shown(rig, chosen(rig, half), steps=steps))
    assert isinstance(outcome, Issued)
    (phone,) = rig.store.accounts.authenticators(outcome.value.account.id)
    assert phone.last_step == START // 30 + steps


def test_a_wrong_code_is_logged_at_the_account_it_is_for(rig: Rig) -> None:
    half = begun(rig, invited(rig, "bob"))
    confirm(rig, half, wrong(rig, chosen(rig, half)))
    assert (rig.events[-1].account, rig.events[-1].client) == ("bob", HERE.client)


def test_the_name_of_an_account_that_is_not_yet_is_not_logged(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    confirm(rig, half, wrong(rig, chosen(rig, half)))
    assert (rig.events[-1].account, rig.events[-1].account_id) == (None, None)


def test_a_try_that_ends_while_a_code_is_typed_goes_no_further(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    monkeypatch.setattr(rig.store.enrollments, "spend_try", lambda *_, **__: None)
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED


def test_a_secret_that_was_altered_or_moved_binds_nothing(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    digest = bearer.digest(Kind.ENROLLMENT, half)
    assert digest is not None
    rows = rig.store.rows.enrollments
    rows[digest] = replace(rows[digest], authenticator_id="another")
    stage = rig.enrollment.stage(half)
    assert stage is not None
    assert stage.secret is None
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED
    assert rig.accounts.all() == []


# -- at a terminal ---------------------------------------------------------------------------------


def test_at_a_terminal_a_phone_is_bound_and_nobody_signed_in(rig: Rig) -> None:
    half = begun(rig, invited(rig, "bob"))
    secret = chosen(rig, half)
    bound = rig.enrollment.confirm_without_login(half, typed_code=shown(rig, secret), origin=HERE)
    assert isinstance(bound, Bound)
    assert bound.account == rig.accounts.named("bob")
    assert len(bound.recovery_codes) == 10
    assert (rig.store.rows.logins, rig.store.rows.known_browsers) == ({}, {})
    assert rig.kinds()[-1] is EventKind.ENROLLED
    rig.clock.now += 60
    assert isinstance(rig.second(rig.pend("bob"), shown(rig, secret)), Issued)


def test_at_a_terminal_the_same_is_refused(rig: Rig) -> None:
    half = begun(rig, invited(rig, "bob"))
    secret = chosen(rig, half)

    def at_terminal(typed: str) -> Bound | Denied:
        return rig.enrollment.confirm_without_login(half, typed_code=typed, origin=HERE)

    assert at_terminal(wrong(rig, secret)) == Denied(Refusal.DENIED)
    rig.accounts.named("bob")
    rig.store.rows.codes.clear()
    assert at_terminal(shown(rig, secret)) == Denied(Refusal.EXPIRED)


# -- reset -----------------------------------------------------------------------------------------


def test_a_reset_keeps_the_old_phone_until_the_new_one_is_confirmed(rig: Rig, alice: Person) -> None:
    code = rig.accounts.reset("alice", actor="operator").code
    rig.log_in(alice)
    half = begun(rig, code)
    secret = chosen(rig, half, "", PASSWORD)
    assert secret != alice.secret
    confirm(rig, half, wrong(rig, secret))
    rig.log_in(alice)
    assert isinstance(confirm(rig, half, shown(rig, secret)), Issued)
    rig.clock.now += 60
    for old in (alice.code(), *alice.recovery_codes):
        assert refusal(rig.second(rig.pend(), old)) is Refusal.DENIED
    assert isinstance(rig.second(rig.pend(), shown(rig, secret)), Issued)


def test_a_new_phone_ends_all_logins_and_forgets_all_browsers(rig: Rig, alice: Person) -> None:
    code = rig.accounts.reset("alice", actor="operator").code
    old = rig.log_in(alice)
    half = begun(rig, code)
    secret = chosen(rig, half, "", PASSWORD)
    pending = rig.pend()
    outcome = confirm(rig, half, shown(rig, secret))
    assert isinstance(outcome, Issued)
    assert rig.logins.load(old.bearer) is None
    ended = rig.logins.why_ended(old.bearer)
    assert ended is not None
    assert ended.reason is EndReason.FACTOR_RESET
    assert not rig.login.is_pending(pending)
    assert isinstance(rig.first(known=old.value.known_browser), Issued)
    assert rig.first("alice", OTHER_PASSWORD, known=outcome.value.known_browser) == Denied(Refusal.DENIED)
    assert rig.logins.load(outcome.bearer) is not None


def test_a_reset_voids_an_enrollment_that_is_under_way(rig: Rig) -> None:
    half = begun(rig, invited(rig, "bob"))
    secret = chosen(rig, half)
    rig.accounts.reset("bob", actor="operator")
    assert rig.enrollment.stage(half) is None
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED


def test_with_the_code_of_a_reset_and_no_password_there_is_no_new_phone(rig: Rig, alice: Person) -> None:
    code = rig.accounts.reset("alice", actor="operator").code
    half = begun(rig, code)
    assert refusal(choose(rig, half, "", OTHER_PASSWORD)) is Refusal.DENIED
    assert refusal(confirm(rig, half, "000000")) is Refusal.EXPIRED


@pytest.mark.parametrize("hidden", [True, False])
def test_all_or_nothing_is_written(rig: Rig, alice: Person, hidden: bool) -> None:
    half = begun(rig, rig.accounts.reset("alice", actor="operator").code)
    secret = chosen(rig, half, "", PASSWORD)
    rows = rig.store.rows
    if hidden:
        rows.codes.clear()
    else:
        rows.accounts[alice.id] = replace(alice.account, disabled=True)
    before = (dict(rows.authenticators), dict(rows.recovery_codes), dict(rows.logins), len(rows.events))
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED
    assert before == (rows.authenticators, rows.recovery_codes, rows.logins, len(rows.events))
