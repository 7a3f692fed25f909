"""Binding a phone: nothing counts until the first code is confirmed, then everything does at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_totp_auth.core import bearer, totp
from jupyter_totp_auth.core.bearer import Kind
from jupyter_totp_auth.core.binding import Bound, Enrolled
from jupyter_totp_auth.core.enrollment import Stage
from jupyter_totp_auth.core.profiles import initials_of, new_account
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Denied, EndReason, Enrollment, Issued, Refusal, Role
from tests.core.rig import (
    AWAY,
    HERE,
    LISTED,
    OTHER_PASSWORD,
    PASSWORD,
    START,
    Person,
    Rig,
    refusal,
    wait,
)


def setup_code(rig: Rig) -> str:
    code = rig.enrollment.offer_setup()
    assert code is not None
    return code


def invited(rig: Rig, name: str = "bob", *, password: str | None = None, role: Role = Role.MEMBER) -> str:
    """An account made by the operator; its enrollment code."""
    return rig.accounts.add(name, role, actor="operator", password=password).code


def begun(rig: Rig, code: str) -> str:
    """Page 1; the bearer of the half-done enrollment."""
    outcome = rig.enrollment.start(code, HERE)
    assert isinstance(outcome, Issued), outcome
    assert isinstance(outcome.value, Enrollment)
    return outcome.bearer


def choose(rig: Rig, half: str | None, name: str = "ada", password: str = PASSWORD) -> Stage | Denied:
    """Page 2."""
    return rig.enrollment.choose(half, typed_name=name, typed_password=password)


def chosen(rig: Rig, half: str, name: str = "ada", password: str = PASSWORD) -> bytes:
    """Page 2, which has to lead on; the secret in the QR."""
    stage = choose(rig, half, name, password)
    assert isinstance(stage, Stage), stage
    assert stage.secret is not None
    return stage.secret


def confirm(rig: Rig, half: str | None, typed: str) -> Issued[Enrolled] | Denied:
    """Page 3."""
    return rig.enrollment.confirm(half, typed_code=typed, origin=HERE)


def shown(rig: Rig, secret: bytes, *, steps: int = 0) -> str:
    """What a phone with that secret shows."""
    return totp.code(secret, totp.step_at(rig.clock.now) + steps)


def wrong(rig: Rig, secret: bytes) -> str:
    near = {shown(rig, secret, steps=steps) for steps in range(-11, 12)}
    return next(text for text in ("000000", "111111", "222222") if text not in near)


def enrolled(rig: Rig, code: str, name: str = "ada", password: str = PASSWORD) -> Issued[Enrolled]:
    half = begun(rig, code)
    outcome = confirm(rig, half, shown(rig, chosen(rig, half, name, password)))
    assert isinstance(outcome, Issued), outcome
    return outcome


def person_of(rig: Rig, done: Enrolled, secret: bytes, password: str = PASSWORD) -> Person:
    return Person(rig, done.account.id, done.account.username, secret, list(done.recovery_codes), password)


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
    assert rig.enrollment.start(typed, AWAY) == Denied(Refusal.UNKNOWN)
    assert (rig.kinds()[-1], rig.events[-1].client) == (EventKind.ENROLLMENT_DENIED, AWAY.client)
    assert rig.store.rows.enrollments == {}


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


def test_an_account_deleted_between_two_looks_is_not_made_anew(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = begun(rig, invited(rig, "bob"))
    secret = chosen(rig, half)
    monkeypatch.setattr(rig.store.accounts, "by_id", lambda _: None)
    assert refusal(confirm(rig, half, shown(rig, secret))) is Refusal.EXPIRED


# -- the code from the phone -----------------------------------------------------------------------


def test_before_name_and_password_there_is_nothing_to_confirm(rig: Rig) -> None:
    half = begun(rig, setup_code(rig))
    assert confirm(rig, half, "000000") == Denied(Refusal.EXPIRED)


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


# -- what an account begins with -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Lovelace", "AL"),
        ("Ada King Lovelace", "AL"),
        ("laurent", "L"),
        ("ada.lovelace", "AL"),
        ("ada-lovelace", "AL"),
        ("  ", ""),
        ("...", ""),
        ("Élodie ß", "ÉSS"),
    ],
)
def test_initials_are_the_first_and_last_words(name: str, initials: str) -> None:
    assert initials_of(name) == initials


def test_a_new_account_is_neither_enrolled_nor_disabled() -> None:
    account = new_account("ada", Role.MEMBER, at=START)
    assert not account.enrolled
    assert not account.usable(at=START)
    assert (account.display_name, account.initials, account.epoch) == ("ada", "A", 0)
    assert (account.created_at, account.sealed_password, len(account.id)) == (START, None, 32)


def test_every_new_account_has_one_of_the_seven_colors() -> None:
    colors = {new_account("ada", Role.MEMBER, at=START).color for _ in range(200)}
    assert colors == {f"var(--jp-collaborator-color{number})" for number in range(1, 8)}
