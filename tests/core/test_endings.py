"""Ending logins: at once, or after a grace in which nothing can be held on to."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.core.accounts import Refused
from jupyter_totp_auth.core.endings import LONGEST_GRACE
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.logins import LiveLogin
from jupyter_totp_auth.core.model import Denied, EndedLogin, EndReason, Issued, Refusal
from jupyter_totp_auth.core.policy import HOUR
from tests.core.rig import AWAY, HERE, PASSWORD, START, Person, Rig

GRACE = 60
NOW = START + 60
"""After the first login of a test."""


def loaded(rig: Rig, person: Person) -> tuple[LiveLogin, str]:
    bearer = rig.log_in(person).bearer
    login = rig.logins.load(bearer)
    assert login is not None
    return login, bearer


def ended_by_admin(rig: Rig, person: Person, **options: object) -> int:
    return rig.accounts.end_logins(person.name, actor="root", client="192.0.2.9", grace=GRACE, **options)


def test_without_a_grace_a_login_ends_at_once(rig: Rig, alice: Person) -> None:
    login, bearer = loaded(rig, alice)
    assert rig.accounts.end_logins(alice.name, actor="root", login_id=login.session.id) == 1
    assert rig.logins.load(bearer) is None
    assert rig.events[-1].kind is EventKind.LOGIN_ENDED


def test_with_a_grace_it_ends_by_itself_and_says_who_has_ended_it(rig: Rig, alice: Person) -> None:
    login, bearer = loaded(rig, alice)
    assert ended_by_admin(rig, alice) == 1
    rig.logins.sync()
    digest = login.session.digest
    rig.clock.now = NOW + GRACE - 1
    known = rig.logins.live(digest)
    assert known is not None
    assert (known.session.expires_at, known.session.ending) == (NOW + GRACE, EndReason.ENDED_BY_ADMIN)
    rig.clock.now = NOW + GRACE
    assert rig.logins.live(digest) is None
    assert rig.logins.load_or_why(bearer) == EndedLogin(NOW + GRACE, EndReason.ENDED_BY_ADMIN)


@pytest.mark.parametrize("only", [False, True])
def test_the_audit_log_says_whose_login_ends_by_whom_and_when(rig: Rig, alice: Person, only: bool) -> None:
    login, _ = loaded(rig, alice)
    ended_by_admin(rig, alice, login_id=login.session.id if only else None)
    told = rig.events[-1]
    assert told.kind is (EventKind.LOGIN_ENDING if only else EventKind.LOGINS_ENDING)
    assert (told.at, told.account, told.actor, told.client) == (NOW, alice.name, "root", "192.0.2.9")
    assert (told.login, told.detail) == (login.session.id if only else None, "in 60 s")


def test_one_of_many_gets_a_grace(rig: Rig, alice: Person) -> None:
    first, _ = loaded(rig, alice)
    rig.clock.now += 30
    second, _ = loaded(rig, alice)
    assert ended_by_admin(rig, alice, login_id=first.session.id) == 1
    ends = {session.id: session.ending for session in rig.logins.of_account(alice.id)}
    assert ends == {first.session.id: EndReason.ENDED_BY_ADMIN, second.session.id: None}


def test_a_grace_for_a_login_that_is_not_there_is_refused(rig: Rig, alice: Person) -> None:
    with pytest.raises(Refused, match="no login"):
        ended_by_admin(rig, alice, login_id="0" * 16)


def test_a_person_gives_an_own_login_a_grace(rig: Rig, alice: Person) -> None:
    login, bearer = loaded(rig, alice)
    assert rig.logins.end(login, login.session.id, "", grace=GRACE)
    assert rig.events[-1].kind is EventKind.LOGIN_ENDING
    rig.clock.now += GRACE
    assert rig.logins.load_or_why(bearer) == EndedLogin(NOW + GRACE, EndReason.ENDED_ELSEWHERE)


def test_somebody_elses_login_gets_no_grace(rig: Rig, alice: Person) -> None:
    login, _ = loaded(rig, alice)
    theirs, _ = loaded(rig, rig.person("bob"))
    assert not rig.logins.end(login, theirs.session.id, "", grace=GRACE)
    assert rig.logins.of_account(theirs.account.id)[0].ending is None


def test_the_pages_of_a_login_are_told_once_that_it_ends(rig: Rig, alice: Person) -> None:
    login, _ = loaded(rig, alice)
    rig.logins.sync()
    assert rig.logins.take_ending() == frozenset()
    ended_by_admin(rig, alice)
    rig.logins.sync()
    assert rig.logins.take_ending() == {login.session.id}
    rig.store.rows.step(None)
    rig.logins.sync()
    assert rig.logins.take_ending() == frozenset()


def test_they_are_told_again_when_it_ends_sooner(rig: Rig, alice: Person) -> None:
    login, _ = loaded(rig, alice)
    ended_by_admin(rig, alice)
    rig.logins.sync()
    rig.logins.take_ending()
    rig.accounts.end_logins(alice.name, actor="root", grace=10)
    rig.logins.sync()
    assert rig.logins.take_ending() == {login.session.id}


def test_a_process_that_starts_within_the_grace_tells_them_too(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    ended_by_admin(rig, alice)
    assert rig.logins.load(done.bearer) is not None
    assert rig.logins.take_ending() == {done.value.session.id}


def test_memory_says_of_which_revision_it_is(rig: Rig, alice: Person) -> None:
    assert rig.logins.revision == -1
    loaded(rig, alice)
    ended_by_admin(rig, alice)
    rig.logins.sync()
    assert rig.logins.revision == rig.store.logins.revision()


# -- whoever is shown out cannot hold on ---------------------------------------------------------------


@pytest.fixture
def shown_out(rig: Rig, alice: Person) -> LiveLogin:
    _, bearer = loaded(rig, alice)
    ended_by_admin(rig, alice)
    rig.logins.sync()
    login = rig.logins.load(bearer)
    assert login is not None
    return login


def end_of(rig: Rig, alice: Person) -> int:
    (session,) = rig.logins.of_account(alice.id)
    return session.expires_at


def test_activity_does_not_prolong_it(rig: Rig, alice: Person, shown_out: LiveLogin) -> None:
    rig.clock.now += 30
    assert rig.logins.active(shown_out)
    assert end_of(rig, alice) == NOW + GRACE


def test_unlocking_does_not_prolong_it(rig: Rig, alice: Person, shown_out: LiveLogin) -> None:
    assert rig.logins.lock(shown_out, "")
    locked = rig.logins.of_account(alice.id)[0]
    rig.clock.now += 30
    assert (
        rig.stepup.unlock_by_code(LiveLogin(locked, alice.account), typed_code=alice.code(), origin=HERE)
        is None
    )
    assert end_of(rig, alice) == NOW + GRACE


def test_it_is_fresh_no_more_and_both_factors_do_not_make_it_so(
    rig: Rig, alice: Person, shown_out: LiveLogin
) -> None:
    assert not shown_out.session.fresh(at=NOW, within=HOUR)
    rig.clock.now += 30
    outcome = rig.stepup.step_up(shown_out, typed_password=PASSWORD, typed_code=alice.code(), origin=HERE)
    assert outcome == Denied(Refusal.DENIED)
    assert end_of(rig, alice) == NOW + GRACE


def test_it_makes_no_token_and_adds_no_phone(rig: Rig, shown_out: LiveLogin) -> None:
    made = rig.access_tokens.create(shown_out, name="for later", days=1, client="")
    assert made == Denied(Refusal.STEP_UP)
    offer = rig.authenticators.begin(shown_out, name="mine", origin=AWAY)
    assert isinstance(offer, Denied)


def test_with_the_old_page_in_hand_it_makes_none_either(rig: Rig, alice: Person) -> None:
    before, _ = loaded(rig, alice)
    ended_by_admin(rig, alice)
    made = rig.access_tokens.create(before, name="for later", days=1, client="")
    assert made == Denied(Refusal.UNKNOWN)


def test_another_grace_does_not_put_it_off(rig: Rig, alice: Person, shown_out: LiveLogin) -> None:
    rig.clock.now += 30
    ended_by_admin(rig, alice)
    assert rig.logins.end(shown_out, shown_out.session.id, "", grace=LONGEST_GRACE)
    assert end_of(rig, alice) == NOW + GRACE


def test_what_stands_between_the_factors_is_void(rig: Rig, alice: Person) -> None:
    pending = rig.pend(alice.name)
    ended_by_admin(rig, alice)
    assert not isinstance(rig.second(pending, alice.code()), Issued)
