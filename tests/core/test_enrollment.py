"""From the enrollment code to the QR: nothing of it counts before the first code is confirmed."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.core import bearer, totp
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Denied, Issued, Refusal, Role
from tests.core.enrolling import (
    begun,
    choose,
    chosen,
    confirm,
    enrolled,
    invited,
    person_of,
    setup_code,
    shown,
)
from tests.core.rig import (
    AWAY,
    HERE,
    LISTED,
    OTHER_PASSWORD,
    PASSWORD,
    Rig,
    refusal,
    wait,
)

# -- the first set-up ------------------------------------------------------------------------------


def test_the_first_setup_makes_an_admin_who_is_signed_in(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    stage = rig.enrollment.stage(half)
    assert stage is not None
    assert (stage.username, stage.has_password, stage.secret) == (None, False, None)
    secret = chosen(rig, half)
    rig.clock.now += 40
    outcome = confirm(rig, half, shown(rig, secret))
    assert isinstance(outcome, Issued)
    account, session = outcome.value.account, outcome.value.session
    assert (account.username, account.role, account.enrolled) == ("ada", Role.ADMIN, True)
    assert rig.accounts.all() == [account]
    login = rig.logins.load(outcome.bearer)
    assert login is not None
    assert (login.session, login.account) == (session, account)
    assert session.expires_at == rig.clock.now + rig.policy.login_lifetime


def test_the_log_tells_an_enrollment(rig: Rig) -> None:
    outcome = enrolled(rig, setup_code(rig))
    assert rig.kinds() == [EventKind.SETUP_LINK, EventKind.ENROLLED, EventKind.LOGIN]
    _, told, login = rig.events
    assert (told.account, told.actor, told.client) == ("ada", "ada", HERE.client)
    assert login.login == outcome.value.session.id


def test_what_was_chosen_logs_in(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    outcome = confirm(rig, half, shown(rig, secret))
    assert isinstance(outcome, Issued)
    person = person_of(rig, outcome.value, secret)
    rig.log_in(person)
    for code in person.recovery_codes[:2]:
        assert isinstance(rig.second(rig.pend("ada"), code), Issued)
    assert rig.store.accounts.recovery_codes_left(person.id) == 8


def test_the_browser_that_enrolled_is_known(rig: Rig) -> None:
    outcome = enrolled(rig, setup_code(rig))
    known = outcome.value.known_browser
    assert rig.first("ada", OTHER_PASSWORD, known=known) == Denied(Refusal.DENIED)


def test_the_code_that_confirms_opens_no_second_login(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    code = shown(rig, secret)
    confirm(rig, half, code)
    assert refusal(rig.second(rig.pend("ada"), code)) is Refusal.DENIED
    assert isinstance(rig.second(rig.pend("ada"), shown(rig, secret, steps=1)), Issued)


def test_there_are_ten_recovery_codes_and_no_two_alike(rig: Rig) -> None:
    outcome = enrolled(rig, setup_code(rig))
    assert len(set(outcome.value.recovery_codes)) == 10
    assert rig.store.accounts.recovery_codes_left(outcome.value.account.id) == 10


def test_a_new_setup_code_voids_the_one_before(rig: Rig) -> None:
    first, second = setup_code(rig), setup_code(rig)
    assert refusal(rig.enrollment.start(first, HERE)) is Refusal.UNKNOWN
    begun(rig, second)


def test_a_new_setup_code_voids_a_try_begun_with_the_old_one(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    setup_code(rig)
    assert rig.enrollment.stage(half) is None
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED


def test_once_somebody_is_enrolled_there_is_no_first_setup(rig: Rig) -> None:
    code = setup_code(rig)
    rig.person("alice")
    assert rig.enrollment.offer_setup() is None
    assert refusal(rig.enrollment.start(code, HERE)) is Refusal.UNKNOWN


def test_a_setup_in_progress_ends_when_somebody_else_is_enrolled(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    rig.person("alice")
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED
    assert [account.username for account in rig.accounts.all()] == ["alice"]


def test_an_account_without_a_phone_does_not_stop_the_first_setup(rig: Rig) -> None:
    invited(rig, "bob")
    enrolled(rig, setup_code(rig), "ada")
    assert [account.username for account in rig.accounts.all()] == ["ada", "bob"]


# -- the enrollment code ---------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", "x", "A" * 43, "A" * 10_000, "\ud800", "ｘ" * 43])  # noqa: RUF001
def test_a_made_up_code_begins_nothing(rig: Rig, typed: str) -> None:
    setup_code(rig)
    before = len(rig.events)
    assert rig.enrollment.start(typed, AWAY) == Denied(Refusal.UNKNOWN)
    assert rig.store.rows.enrollments == {}
    # Only what could have been a code is worth a row in the log: strangers must not fill it for nothing.
    told = [(event.kind, event.client) for event in rig.events[before:]]
    could_be = bearer.digest(bearer.Kind.ENROLLMENT_CODE, typed.strip()) is not None
    assert told == ([(EventKind.ENROLLMENT_DENIED, AWAY.client)] if could_be else [])


def test_blanks_around_a_code_do_not_count(rig: Rig) -> None:
    begun(rig, f"  {setup_code(rig)}\n")


def test_a_code_lives_a_day(rig: Rig) -> None:
    code = invited(rig)
    rig.clock.now += 86_400 - 1
    begun(rig, code)
    rig.clock.now += 1
    assert refusal(rig.enrollment.start(code, HERE)) is Refusal.UNKNOWN


def test_a_try_does_not_outlive_its_code(rig: Rig) -> None:
    code = invited(rig)
    rig.clock.now += 86_400 - 60
    half = begun(rig, code)
    rig.clock.now += 59
    assert rig.enrollment.stage(half) is not None
    rig.clock.now += 1
    assert rig.enrollment.stage(half) is None


def test_a_code_that_ran_out_meanwhile_binds_nothing(rig: Rig) -> None:
    code = invited(rig)
    rig.clock.now += 86_400 - 60
    half = begun(rig, code)
    secret = chosen(rig, half)
    rig.clock.now += 60
    assert rig.enrollment.stage(half) is not None
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED
    assert not rig.accounts.named("bob").enrolled


def test_a_code_is_spent_by_the_confirmation_and_not_before(rig: Rig) -> None:
    code = setup_code(rig)
    chosen(rig, begun(rig, code))
    half = begun(rig, code)
    confirm(rig, half, shown(rig, chosen(rig, half)))
    assert refusal(rig.enrollment.start(code, HERE)) is Refusal.UNKNOWN
    assert rig.enrollment.stage(half) is None
    assert refusal(confirm(rig, half, "000000")) is Refusal.EXPIRED


def test_entering_the_code_again_voids_the_half_done_try(rig: Rig) -> None:
    code = setup_code(rig)
    first = begun(rig, code)
    secret = chosen(rig, first)
    second = begun(rig, code)
    assert rig.enrollment.stage(first) is None
    assert refusal(choose(rig, first)) is Refusal.EXPIRED
    assert refusal(confirm(rig, first, shown(rig, secret))) is Refusal.EXPIRED
    stage = rig.enrollment.stage(second)
    assert stage is not None
    assert stage.secret is None
    assert chosen(rig, second) != secret


def test_two_who_begin_at_once_cannot_both_go_on(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    code = setup_code(rig)
    monkeypatch.setattr(rig.store.enrollments, "start", lambda *_, **__: False)
    assert rig.enrollment.start(code, HERE) == Denied(Refusal.UNKNOWN)


def test_a_code_of_a_disabled_account_begins_nothing(rig: Rig) -> None:
    code = invited(rig)
    rig.accounts.set_disabled("bob", disabled=True, actor="operator")
    assert refusal(rig.enrollment.start(code, HERE)) is Refusal.UNKNOWN


def test_a_code_of_a_deleted_account_begins_nothing(rig: Rig) -> None:
    code = invited(rig)
    rig.accounts.delete("bob", actor="operator")
    assert refusal(rig.enrollment.start(code, HERE)) is Refusal.UNKNOWN


@pytest.mark.parametrize("half", [None, "", "x", "A" * 43])
def test_no_made_up_cookie_stands_for_an_enrollment(rig: Rig, half: str | None) -> None:
    setup_code(rig)
    assert rig.enrollment.stage(half) is None
    assert choose(rig, half) == Denied(Refusal.EXPIRED)
    assert confirm(rig, half, "000000") == Denied(Refusal.EXPIRED)


def test_the_code_itself_is_no_cookie_and_the_cookie_no_code(rig: Rig) -> None:
    code = setup_code(rig)
    half = begun(rig, code)
    assert rig.enrollment.stage(code) is None
    assert refusal(rig.enrollment.start(half, HERE)) is Refusal.UNKNOWN
    assert rig.logins.load(half) is None


# -- name and password -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", ".ada", "ada.", "a da", "ａda", "a/b", "x" * 65])  # noqa: RUF001
def test_a_name_that_cannot_be_one_is_refused_with_the_rule(rig: Rig, name: str) -> None:
    half = begun(rig, setup_code(rig))
    outcome = choose(rig, half, name)
    assert refusal(outcome) is Refusal.BAD_NAME
    assert isinstance(outcome, Denied)
    assert "a-z, 0-9" in outcome.text
    assert rig.enrollment.stage(half) is not None


def test_a_name_is_folded_as_on_the_login_page(rig: Rig) -> None:
    assert enrolled(rig, setup_code(rig), " ADA ").value.account.username == "ada"


def test_a_name_that_is_taken_is_refused(rig: Rig) -> None:
    invited(rig, "bob")
    half = begun(rig, setup_code(rig))
    for name in ("bob", "BOB"):
        outcome = choose(rig, half, name)
        assert refusal(outcome) is Refusal.NAME_TAKEN
        assert isinstance(outcome, Denied)
        assert "taken" in outcome.text


def test_a_name_that_was_taken_meanwhile_is_told_at_the_end(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half, "bob")
    invited(rig, "bob")
    assert confirm(rig, half, shown(rig, secret)) == Denied(Refusal.NAME_TAKEN)
    assert rig.store.rows.logins == {}
    (bob,) = rig.accounts.all()
    assert not bob.enrolled
    # The person chooses another one and goes on with the same phone.
    assert chosen(rig, half, "ada") == secret
    rig.clock.now += 30
    assert isinstance(confirm(rig, half, shown(rig, secret)), Issued)


@pytest.mark.parametrize(
    ("password", "words"),
    [("short", "too short"), (LISTED, "attackers try first"), ("ada1ada2ada3ada", "user name")],
)
def test_a_weak_password_is_refused_with_its_reason(rig: Rig, password: str, words: str) -> None:
    half = begun(rig, setup_code(rig))
    outcome = choose(rig, half, "ada", password)
    assert refusal(outcome) is Refusal.WEAK_PASSWORD
    assert isinstance(outcome, Denied)
    assert words in outcome.text
    stage = rig.enrollment.stage(half)
    assert stage is not None
    assert stage.secret is None


def test_a_refused_choice_costs_no_try(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    for _ in range(20):
        choose(rig, half, "ada", "short")
        choose(rig, half, ".", PASSWORD)
    assert isinstance(confirm(rig, half, shown(rig, chosen(rig, half))), Issued)


def test_going_back_keeps_the_qr_and_gives_it_no_longer_life(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    secret = chosen(rig, half)
    rig.clock.now += 599
    assert chosen(rig, half, "bea", OTHER_PASSWORD) == secret
    stage = rig.enrollment.stage(half)
    assert stage is not None
    assert (stage.username, stage.secret) == ("bea", secret)
    rig.clock.now += 1
    assert rig.enrollment.stage(half) is None


def test_the_last_choice_counts(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    chosen(rig, half, "ada", PASSWORD)
    secret = chosen(rig, half, "bea", OTHER_PASSWORD)
    outcome = confirm(rig, half, shown(rig, secret))
    assert isinstance(outcome, Issued)
    assert outcome.value.account.username == "bea"
    rig.log_in(person_of(rig, outcome.value, secret, OTHER_PASSWORD))


def test_the_choice_that_comes_too_late_is_not_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    half = begun(rig, setup_code(rig))
    monkeypatch.setattr(rig.store.enrollments, "save", lambda *_, **__: False)
    assert choose(rig, half) == Denied(Refusal.EXPIRED)


def test_the_form_lives_thirty_minutes(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    rig.clock.now += 1799
    assert rig.enrollment.stage(half) is not None
    rig.clock.now += 1
    assert refusal(choose(rig, half)) is Refusal.EXPIRED


def test_nothing_of_it_can_be_read_in_the_store(rig: Rig) -> None:
    code = setup_code(rig)
    half = begun(rig, code)
    secret = chosen(rig, half)
    row = next(iter(rig.store.rows.enrollments.values()))
    stored = repr(vars(row)).encode() + (row.sealed_secret or b"") + (row.sealed_password or b"")
    for plain in (secret, totp.to_base32(secret).encode(), PASSWORD.encode(), half.encode(), code.encode()):
        assert plain not in stored


# -- an account that somebody else made ------------------------------------------------------------


def test_an_invited_person_chooses_a_password_and_keeps_name_and_role(rig: Rig) -> None:
    half = begun(rig, invited(rig, "bob"))
    stage = rig.enrollment.stage(half)
    assert stage is not None
    assert (stage.username, stage.has_password) == ("bob", False)
    outcome = confirm(rig, half, shown(rig, chosen(rig, half, "mallory", OTHER_PASSWORD)))
    assert isinstance(outcome, Issued)
    account = rig.accounts.named("bob")
    assert account == outcome.value.account
    assert (account.role, account.enrolled) == (Role.MEMBER, True)
    assert isinstance(rig.first("bob", OTHER_PASSWORD), Issued)


def test_a_password_alone_never_enrolls(rig: Rig) -> None:
    invited(rig, "bob", password=PASSWORD)
    outcome = rig.first("bob", PASSWORD)
    assert isinstance(outcome, Issued)
    assert not outcome.value.password_ok
    assert rig.enrollment.stage(outcome.bearer) is None


def test_a_password_that_was_set_is_asked_for(rig: Rig) -> None:
    half = begun(rig, invited(rig, "bob", password=PASSWORD))
    stage = rig.enrollment.stage(half)
    assert stage is not None
    assert stage.has_password
    assert choose(rig, half, "", OTHER_PASSWORD) == Denied(Refusal.DENIED)
    denied = rig.events[-1]
    assert (denied.kind, denied.account, denied.detail) == (EventKind.ENROLLMENT_DENIED, "bob", "password")
    stage = rig.enrollment.stage(half)
    assert stage is not None
    assert stage.secret is None
    secret = chosen(rig, half, "", PASSWORD)
    assert isinstance(confirm(rig, half, shown(rig, secret)), Issued)
    assert isinstance(rig.first("bob", PASSWORD), Issued)


def test_a_code_without_the_password_shows_no_qr_after_five_tries(rig: Rig) -> None:
    half = begun(rig, invited(rig, "bob", password=PASSWORD))
    for _ in range(5):
        assert refusal(choose(rig, half, "", OTHER_PASSWORD)) is Refusal.DENIED
    assert refusal(choose(rig, half, "", PASSWORD)) is Refusal.EXPIRED
    assert rig.enrollment.stage(half) is None


def test_the_password_is_throttled_like_on_the_login_page(rig: Rig) -> None:
    code = invited(rig, "bob", password=PASSWORD)
    for _ in range(5):
        choose(rig, begun(rig, code), "", OTHER_PASSWORD)
    assert rig.password_failures("bob") == 5
    half = begun(rig, code)
    computed = rig.hasher.argon2.verified
    assert wait(choose(rig, half, "", PASSWORD)) == 1
    assert rig.hasher.argon2.verified == computed
    assert wait(rig.first("bob", PASSWORD)) == 1
    rig.clock.now += 1
    chosen(rig, half, "", PASSWORD)
    assert rig.password_failures("bob") == 5


def test_a_try_that_ends_during_the_password_check_goes_no_further(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = begun(rig, invited(rig, "bob", password=PASSWORD))
    monkeypatch.setattr(rig.store.enrollments, "spend_try", lambda *_, **__: None)
    assert choose(rig, half, "", PASSWORD) == Denied(Refusal.EXPIRED)
    assert rig.password_failures("bob") == 0


@pytest.mark.parametrize("act", ["disable", "delete"])
def test_an_account_that_is_closed_meanwhile_is_not_enrolled(rig: Rig, act: str) -> None:
    half = begun(rig, invited(rig, "bob"))
    secret = chosen(rig, half)
    if act == "disable":
        rig.accounts.set_disabled("bob", disabled=True, actor="operator")
    else:
        rig.accounts.delete("bob", actor="operator")
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED
    assert rig.store.rows.logins == {}


def test_a_disabled_account_is_refused_before_anything_is_claimed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = begun(rig, invited(rig, "bob"))
    secret = chosen(rig, half)
    rig.accounts.set_disabled("bob", disabled=True, actor="operator")
    monkeypatch.setattr(rig.store.enrollments, "complete", lambda *_, **__: pytest.fail("claimed"))
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED


def test_an_account_deleted_between_two_looks_is_not_made_anew(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = begun(rig, invited(rig, "bob"))
    secret = chosen(rig, half)
    monkeypatch.setattr(rig.store.accounts, "by_id", lambda _: None)
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED
