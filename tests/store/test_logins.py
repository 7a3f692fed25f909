"""The contract of ``LoginStore``, over every store."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import update

from jupyter_totp_auth.core.events import Event, EventKind
from jupyter_totp_auth.core.model import (
    Claim,
    EndedLogin,
    EndReason,
    LoginSession,
    PendingLogin,
    Refusal,
)
from jupyter_totp_auth.core.policy import DAY, SLIP_MEMORY, Throttle
from jupyter_totp_auth.store import Store
from jupyter_totp_auth.store.tables import account, login
from tests.store.makers import (
    AT,
    Parts,
    Person,
    added,
    browser_of,
    code_for,
    complete,
    digest,
    enrolled,
    event,
    grant,
    kinds,
    logged_in,
    new_id,
    pended,
    pending_of,
    session_of,
    started,
    token_of,
)

RULE = Throttle(free=5, first_delay=1, cap=900, limit=100)

# -- between the factors -------------------------------------------------------------------------------


def test_a_pending_login_is_read_back_as_it_was_kept(store: Parts) -> None:
    ada = enrolled(store)
    half = pended(store, ada.account, known_browser=True)
    assert store.logins.pending(half.digest, at=AT) == half
    assert kinds(store)[-1] is EventKind.FIRST_FACTOR_PASSED


def test_a_name_that_does_not_exist_has_a_pending_login_too(store: Parts) -> None:
    half = pended(store, None)
    assert store.logins.pending(half.digest, at=AT) == half
    assert store.logins.spend_try(half.digest, at=AT) == replace(half, tries_left=4)


def test_a_pending_login_of_an_account_that_just_went_is_nobodys(store: Parts) -> None:
    ada = enrolled(store)
    half = pending_of(ada.account)
    store.accounts.delete(ada.account.id, event(EventKind.ACCOUNT_DELETED))
    store.logins.add_pending(half, event(EventKind.FIRST_FACTOR_PASSED))
    assert store.logins.spend_try(half.digest, at=AT) is not None  # as with any unknown name
    assert grant(store, half, ada.step(), session_of(ada.account)) is False


def test_each_try_is_spent_before_it_is_answered_and_there_are_only_so_many(store: Parts) -> None:
    half = pended(store, enrolled(store).account, tries_left=3)
    left = [store.logins.spend_try(half.digest, at=AT) for _ in range(5)]
    assert left == [replace(half, tries_left=n) for n in (2, 1, 0)] + [None, None]
    assert store.logins.pending(half.digest, at=AT) is None


def test_a_pending_login_ends_with_its_time(store: Parts) -> None:
    half = pended(store, enrolled(store).account, expires_at=AT + 300)
    assert store.logins.pending(half.digest, at=AT + 299) == half
    assert store.logins.pending(half.digest, at=AT + 300) is None
    assert store.logins.spend_try(half.digest, at=AT + 300) is None
    assert store.logins.spend_try(half.digest, at=AT + 299) == replace(half, tries_left=4)


def test_an_unknown_pending_login_has_no_try(store: Parts) -> None:
    assert store.logins.spend_try(digest(), at=AT) is None
    assert store.logins.pending(digest(), at=AT) is None


def test_a_wrong_code_is_noted_with_whether_it_was_charged(store: Parts) -> None:
    half, other = (pended(store, enrolled(store).account) for _ in range(2))
    for charged in (True, False, True):
        store.logins.deny(half, event(EventKind.SECOND_FACTOR_DENIED), charged=charged)
    assert store.logins.pending(half.digest, at=AT) == replace(half, charges=(AT, AT))
    assert store.logins.spend_try(half.digest, at=AT) == replace(half, charges=(AT, AT), tries_left=4)
    assert store.logins.pending(other.digest, at=AT) == other
    assert kinds(store)[-3:] == [EventKind.SECOND_FACTOR_DENIED] * 3


def test_what_is_given_up_hands_its_charges_over_once(store: Parts) -> None:
    half = pended(store, enrolled(store).account, charges=(AT - 5, AT - 4))
    store.logins.deny(half, event(EventKind.SECOND_FACTOR_DENIED), charged=True)
    mine = {"throttle_key": half.throttle_key, "epoch": half.epoch}
    for not_mine in ({"throttle_key": digest()}, {"epoch": half.epoch + 1}):
        assert store.logins.give_up(half.digest, **{**mine, **not_mine}) == ()
    assert store.logins.give_up(digest(), **mine) == ()
    assert store.logins.give_up(half.digest, **mine) == (AT - 5, AT - 4, AT)
    assert store.logins.pending(half.digest, at=AT) is None
    assert store.logins.give_up(half.digest, **mine) == ()


def test_a_wrong_code_is_noted_though_the_pending_login_is_gone(store: Parts) -> None:
    store.logins.deny(pending_of(None), event(EventKind.SECOND_FACTOR_DENIED), charged=True)
    assert kinds(store) == [EventKind.SECOND_FACTOR_DENIED]


# -- the grant -----------------------------------------------------------------------------------------


@pytest.fixture
def ada(store: Parts) -> Person:
    return enrolled(store, "ada")


def refused(store: Parts, pending: PendingLogin, claim: Claim, ada: Person) -> bool:
    """Whether a grant fails and leaves no trace: no login, no browser, no refund, no event."""
    login, known = session_of(ada.account), browser_of(ada.account)
    key = digest()
    store.throttles.charge(key, RULE, at=AT)
    before = kinds(store)
    won = grant(store, pending, claim, login, known=known, refunds=[(key, 1)])
    assert kinds(store) == before
    assert store.logins.find(login.digest, at=AT) is None
    assert store.logins.ended(login.digest) is None
    assert store.logins.known_browser(known.digest, at=AT) is None
    assert store.throttles.charge(key, Throttle(5, 1, 900, limit=1), at=AT) == 900  # nothing was refunded
    return won is False


def test_a_grant_opens_the_login_and_uses_up_what_it_claimed(store: Parts, ada: Person) -> None:
    half, login, known = pended(store, ada.account), session_of(ada.account), browser_of(ada.account)
    assert grant(store, half, ada.step(), login, known=known) is True
    assert store.logins.find(login.digest, at=AT) == (login, ada.account)
    assert store.logins.known_browser(known.digest, at=AT) == known
    assert store.logins.pending(half.digest, at=AT) is None
    assert store.accounts.authenticators(ada.account.id)[0].last_step == ada.phone.last_step + 1
    assert store.events.list()[-1][1].login == login.id


def test_a_step_opens_only_one_login(store: Parts, ada: Person) -> None:
    assert grant(store, pended(store, ada.account), ada.step(2), session_of(ada.account))
    half = pended(store, ada.account)
    for spent in (2, 1, 0):
        assert refused(store, half, ada.step(spent), ada)
    # The refusal did not use the pending login up: a later code of it may still win.
    assert store.logins.pending(half.digest, at=AT) == half
    assert grant(store, half, ada.step(3), session_of(ada.account))


def test_the_step_that_confirmed_the_phone_opens_no_login(store: Parts, ada: Person) -> None:
    assert refused(store, pended(store, ada.account), ada.step(0), ada)


def test_a_recovery_code_opens_only_one_login(store: Parts, ada: Person) -> None:
    assert grant(store, pended(store, ada.account), ada.recovery_code(), session_of(ada.account))
    assert refused(store, pended(store, ada.account), ada.recovery_code(), ada)
    assert grant(store, pended(store, ada.account), ada.recovery_code(1), session_of(ada.account))


def test_an_unknown_recovery_code_opens_nothing(store: Parts, ada: Person) -> None:
    assert refused(store, pended(store, ada.account), Claim(recovery_digest=bytes(32)), ada)


def test_an_empty_claim_opens_nothing(store: Parts, ada: Person) -> None:
    assert refused(store, pended(store, ada.account), Claim(), ada)


def test_an_unknown_phone_opens_nothing(store: Parts, ada: Person) -> None:
    claim = replace(ada.step(), authenticator_id=new_id())
    assert refused(store, pended(store, ada.account), claim, ada)
    assert refused(store, pended(store, ada.account), replace(claim, authenticator_id=None), ada)


def test_nobody_logs_in_with_someone_elses_phone_or_recovery_code(store: Parts, ada: Person) -> None:
    eve = enrolled(store, "eve")
    assert refused(store, pended(store, ada.account), eve.step(), ada)
    assert refused(store, pended(store, ada.account), eve.recovery_code(), ada)
    assert store.accounts.recovery_codes_left(eve.account.id) == 10
    assert grant(store, pended(store, eve.account), eve.step(), session_of(eve.account))


def test_a_pending_login_opens_only_one_login(store: Parts, ada: Person) -> None:
    half = pended(store, ada.account)
    assert grant(store, half, ada.step(1), session_of(ada.account))
    assert refused(store, half, ada.step(2), ada)
    assert refused(store, half, ada.recovery_code(), ada)
    # The refusals spent nothing.
    assert store.accounts.recovery_codes_left(ada.account.id) == 10
    assert grant(store, pended(store, ada.account), ada.step(2), session_of(ada.account))


def test_a_pending_login_that_was_never_kept_opens_nothing(store: Parts, ada: Person) -> None:
    assert refused(store, pending_of(ada.account), ada.step(), ada)


def test_a_pending_login_of_an_unknown_name_opens_nothing(store: Parts, ada: Person) -> None:
    assert refused(store, pended(store, None), ada.step(), ada)


def test_a_password_changed_between_the_factors_opens_nothing(store: Parts, ada: Person) -> None:
    half = pended(store, ada.account)
    store.accounts.set_password(ada.account.id, b"x", event(), reason=EndReason.PASSWORD_CHANGED)
    assert refused(store, half, ada.step(), ada)
    # Nor one that was kept afterwards by a first factor that read the account before.
    assert refused(store, pended(store, ada.account), ada.step(), ada)


def test_an_account_reset_between_the_factors_opens_nothing(store: Parts, ada: Person) -> None:
    half = pended(store, ada.account)
    store.accounts.reset(ada.account.id, code_for(ada.account.id), [event()])
    assert refused(store, half, ada.step(), ada)


def test_an_account_disabled_between_the_factors_opens_nothing(store: Parts, ada: Person) -> None:
    store.accounts.set_disabled(ada.account.id, event(), disabled=True)
    assert refused(store, pended(store, ada.account), ada.step(), ada)


def test_an_account_deleted_between_the_factors_opens_nothing(store: Parts, ada: Person) -> None:
    half = pended(store, ada.account)
    store.accounts.delete(ada.account.id, event())
    assert refused(store, half, ada.step(), ada)


def test_an_account_whose_time_is_over_opens_nothing(store: Parts) -> None:
    late, right = enrolled(store, expires_at=AT), enrolled(store, expires_at=AT + 1)
    assert refused(store, pended(store, late.account), late.step(), late)
    assert grant(store, pended(store, right.account), right.step(), session_of(right.account))


def test_an_account_that_is_not_enrolled_opens_nothing(store: Parts, ada: Person) -> None:
    fresh, _ = added(store)
    assert refused(store, pended(store, fresh), ada.step(), replace(ada, account=fresh))


def test_a_new_phone_takes_the_old_one_and_its_recovery_codes_off(store: Parts, ada: Person) -> None:
    code = code_for(ada.account.id)
    store.accounts.reset(ada.account.id, code, [event()])
    now = replace(ada.account, epoch=ada.account.epoch + 2)
    login, known = session_of(now), browser_of(now)
    assert complete(store, started(store, code), now, session=login, known=known)
    assert store.logins.find(login.digest, at=AT) == (login, now)
    assert store.logins.known_browser(known.digest, at=AT) == known
    assert refused(store, pended(store, now), ada.step(5), ada)
    assert refused(store, pended(store, now), ada.recovery_code(), ada)


def test_a_grant_gives_back_its_own_charges(store: Parts, ada: Person) -> None:
    mine, others = digest(), digest()
    for _ in range(3):
        store.throttles.charge(mine, RULE, at=AT)
        store.throttles.charge(others, RULE, at=AT)
    half = pended(store, ada.account)
    assert grant(store, half, ada.step(), session_of(ada.account), refunds=[(mine, 2), (digest(), 1)])
    assert failures(store, mine) == 1
    assert failures(store, others) == 3


def failures(store: Parts, key: bytes) -> int:
    """How many failures a counter holds: the lowest limit that still lets one in."""
    return next(
        limit - 1
        for limit in range(1, 100)
        if store.throttles.charge(key, Throttle(free=100, first_delay=1, cap=900, limit=limit), at=AT) is None
    )


# -- known browsers ------------------------------------------------------------------------------------


def test_a_browser_is_known_until_its_time_is_over(store: Parts, ada: Person) -> None:
    known = browser_of(ada.account, expires_at=AT + 10)
    grant(store, pended(store, ada.account), ada.step(), session_of(ada.account), known=known)
    assert store.logins.known_browser(known.digest, at=AT + 9) == known
    assert store.logins.known_browser(known.digest, at=AT + 10) is None
    assert store.logins.known_browser(digest(), at=AT) is None


# -- sessions ------------------------------------------------------------------------------------------


def test_a_login_lives_until_its_time_is_over(store: Parts, ada: Person) -> None:
    login = logged_in(store, ada, expires_at=AT + 60)
    assert store.logins.find(login.digest, at=AT + 59) == (login, ada.account)
    assert store.logins.find(login.digest, at=AT + 60) is None
    assert store.logins.ended(login.digest) == EndedLogin(AT + 60, EndReason.EXPIRED)


def test_a_login_is_not_found_once_its_account_is_over(store: Parts) -> None:
    brief = enrolled(store, expires_at=AT + 60)
    login = logged_in(store, brief)
    assert store.logins.find(login.digest, at=AT + 59) is not None
    assert store.logins.find(login.digest, at=AT + 60) is None
    assert store.logins.find_many([login.id], at=AT + 60) == {}


def test_a_login_that_an_end_overlooked_does_not_outlive_its_account_being_closed(sql: Store) -> None:
    ada = enrolled(sql)
    login = logged_in(sql, ada)
    with sql.database.write() as connection:  # by hand: no method leaves a disabled account a login
        connection.execute(update(account).values(disabled=True))
    assert sql.logins.find(login.digest, at=AT) is None
    assert sql.logins.find_many([login.id], at=AT) == {}


def test_an_unknown_login_was_never_there(store: Parts, ada: Person) -> None:
    logged_in(store, ada)
    assert store.logins.find(digest(), at=AT) is None
    assert store.logins.ended(digest()) is None


def test_many_logins_are_looked_up_at_once(store: Parts, ada: Person) -> None:
    bob = enrolled(store, "bob")
    alive = {login.id: (login, who.account) for who in (ada, bob) for login in [logged_in(store, who)]}
    over, expired = logged_in(store, bob), logged_in(store, bob, expires_at=AT + 1)
    store.logins.end(bob.account.id, over.id, EndReason.LOGGED_OUT, event())
    unknown = [secrets.token_hex(8) for _ in range(500)]
    asked = [*unknown, over.id, expired.id, *alive, *alive]
    assert store.logins.find_many(iter(asked), at=AT + 1) == alive
    assert store.logins.find_many([], at=AT) == {}


def test_an_account_lists_its_live_logins_newest_first(store: Parts, ada: Person) -> None:
    old = logged_in(store, ada, created_at=AT - 10)
    new = logged_in(store, ada, created_at=AT)
    twins = sorted([logged_in(store, ada, created_at=AT - 5) for _ in range(2)], key=lambda login: login.id)
    logged_in(store, ada, expires_at=AT + 1)
    over = logged_in(store, ada)
    store.logins.end(ada.account.id, over.id, EndReason.LOGGED_OUT, event())
    logged_in(store, enrolled(store, "bob"))
    assert store.logins.of_account(ada.account.id, at=AT + 1) == [new, *twins, old]
    assert store.logins.of_account(new_id(), at=AT) == []


def test_an_ended_login_says_when_and_why(store: Parts, ada: Person) -> None:
    login, other = logged_in(store, ada), logged_in(store, ada)
    revision = store.logins.revision()
    told = event(EventKind.LOGIN_ENDED, at=AT + 7, login=login.id)
    assert store.logins.end(ada.account.id, login.id, EndReason.ENDED_BY_ADMIN, told) is True
    assert store.logins.find(login.digest, at=AT + 7) is None
    assert store.logins.ended(login.digest) == EndedLogin(AT + 7, EndReason.ENDED_BY_ADMIN)
    assert store.logins.revision() > revision
    assert store.events.list()[-1][1] == told
    assert store.logins.find(other.digest, at=AT + 7) is not None


def test_a_login_ends_once_and_keeps_its_first_reason(store: Parts, ada: Person) -> None:
    login = logged_in(store, ada)
    assert store.logins.end(ada.account.id, login.id, EndReason.LOGGED_OUT, event(at=AT + 1))
    revision, before = store.logins.revision(), kinds(store)
    assert store.logins.end(ada.account.id, login.id, EndReason.ENDED_BY_ADMIN, event(at=AT + 2)) is False
    assert store.logins.end_all(ada.account.id, EndReason.ENDED_BY_ADMIN, event(at=AT + 2)) == 0
    assert store.logins.ended(login.digest) == EndedLogin(AT + 1, EndReason.LOGGED_OUT)
    assert store.logins.revision() >= revision
    assert len(kinds(store)) == len(before) + 1  # of end_all, which is an act of its own


def test_nobody_ends_a_login_of_someone_else(store: Parts, ada: Person) -> None:
    login, eve = logged_in(store, ada), enrolled(store, "eve")
    before = kinds(store)
    assert store.logins.end(eve.account.id, login.id, EndReason.LOGGED_OUT, event()) is False
    assert store.logins.end(ada.account.id, secrets.token_hex(8), EndReason.LOGGED_OUT, event()) is False
    assert store.logins.find(login.digest, at=AT) is not None
    assert kinds(store) == before


def test_an_expired_login_cannot_be_ended(store: Parts, ada: Person) -> None:
    login = logged_in(store, ada, expires_at=AT + 5)
    assert store.logins.end(ada.account.id, login.id, EndReason.LOGGED_OUT, event(at=AT + 5)) is False
    assert store.logins.end_all(ada.account.id, EndReason.LOGGED_OUT, event(at=AT + 5)) == 0
    assert store.logins.ended(login.digest) == EndedLogin(AT + 5, EndReason.EXPIRED)


def test_all_logins_of_an_account_end_together(store: Parts, ada: Person) -> None:
    logins = [logged_in(store, ada) for _ in range(3)]
    logged_in(store, ada, expires_at=AT + 1)
    others, half = logged_in(store, enrolled(store, "bob")), pended(store, ada.account)
    revision = store.logins.revision()
    told = event(EventKind.LOGINS_ENDED, at=AT + 1, account_id=ada.account.id)
    assert store.logins.end_all(ada.account.id, EndReason.ENDED_BY_ADMIN, told) == 3
    assert store.logins.of_account(ada.account.id, at=AT + 1) == []
    for one in logins:
        assert store.logins.ended(one.digest) == EndedLogin(AT + 1, EndReason.ENDED_BY_ADMIN)
    assert store.logins.pending(half.digest, at=AT) is None
    assert store.logins.find(others.digest, at=AT + 1) is not None
    assert store.logins.revision() > revision
    assert store.events.list()[-1][1] == told


def test_all_logins_but_one_end(store: Parts, ada: Person) -> None:
    kept, *logins = [logged_in(store, ada) for _ in range(3)]
    others = logged_in(store, enrolled(store, "bob"))
    revision = store.logins.revision()
    told = event(EventKind.LOGINS_ENDED)
    assert store.logins.end_all(ada.account.id, EndReason.ENDED_ELSEWHERE, told, but=kept.id) == 2
    assert store.logins.of_account(ada.account.id, at=AT) == [kept]
    assert [store.logins.ended(login.digest) for login in logins] == [
        EndedLogin(AT, EndReason.ENDED_ELSEWHERE)
    ] * 2
    assert store.logins.find(others.digest, at=AT) is not None
    assert store.logins.revision() > revision
    assert store.logins.end_all(ada.account.id, EndReason.ENDED_ELSEWHERE, told, but=kept.id) == 0


def test_seen_times_are_written_in_one_batch(store: Parts, ada: Person) -> None:
    first, second, third = (logged_in(store, ada) for _ in range(3))
    revision = store.logins.revision()
    store.logins.touch({first.digest: AT + 5, second.digest: AT + 6, digest(): AT + 7})
    store.logins.touch({})
    seen = {login.digest: login.last_seen_at for login in store.logins.of_account(ada.account.id, at=AT)}
    assert seen == {first.digest: AT + 5, second.digest: AT + 6, third.digest: AT}
    assert store.logins.revision() == revision


def test_opening_a_login_does_not_raise_the_revision(store: Parts, ada: Person) -> None:
    revision = store.logins.revision()
    logged_in(store, ada)
    assert store.logins.revision() == revision


# -- purging -------------------------------------------------------------------------------------------


def test_what_is_over_is_dropped_and_what_lives_stays(store: Parts, ada: Person) -> None:
    bob, bobs_code = added(store, "bob", role=ada.account.role)
    stale, code = code_for(None, expires_at=AT + 10), bobs_code
    store.enrollments.put_code(stale, event())
    stale_start, begun = started(store, stale, expires_at=AT + DAY), started(store, code)
    halves = [pended(store, ada.account, expires_at=AT + n - SLIP_MEMORY) for n in (10, 11)]
    known = [browser_of(ada.account, expires_at=AT + n) for n in (10, 11)]
    for number, row in enumerate(known):
        half, claim = pended(store, ada.account), ada.recovery_code(number)
        assert grant(store, half, claim, session_of(ada.account), known=row)
    alive = logged_in(store, ada)

    store.logins.purge(at=AT + 10, ended_before=AT - DAY)

    assert [store.logins.pending(row.digest, at=AT - SLIP_MEMORY) for row in halves] == [None, halves[1]]
    assert [store.logins.known_browser(row.digest, at=AT) for row in known] == [None, known[1]]
    assert store.enrollments.code(stale.digest, at=AT) is None
    assert store.enrollments.find(stale_start.digest, at=AT) is None
    assert store.enrollments.code(code.digest, at=AT) == code
    assert store.enrollments.find(begun.digest, at=AT) == begun
    assert store.logins.find(alive.digest, at=AT) is not None
    assert store.accounts.by_id(bob.id) == bob


def test_an_ended_login_is_remembered_for_a_while(store: Parts, ada: Person) -> None:
    early, late = logged_in(store, ada), logged_in(store, ada)
    expired, alive = logged_in(store, ada, expires_at=AT + 4), logged_in(store, ada)
    store.logins.end(ada.account.id, early.id, EndReason.LOGGED_OUT, event(at=AT + 4))
    store.logins.end(ada.account.id, late.id, EndReason.LOGGED_OUT, event(at=AT + 5))
    store.logins.purge(at=AT + 6, ended_before=AT + 5)
    assert store.logins.ended(early.digest) is None
    assert store.logins.ended(expired.digest) is None
    assert store.logins.ended(late.digest) == EndedLogin(AT + 5, EndReason.LOGGED_OUT)
    assert store.logins.find(alive.digest, at=AT + 6) is not None


@pytest.mark.parametrize("sql", ["postgresql", "mariadb"], indirect=True)
def test_a_purge_waits_for_nobody_whose_login_lives(sql: Store) -> None:
    """It locks what it drops, not what it passes."""
    ada = enrolled(sql)
    over, alive = logged_in(sql, ada, expires_at=AT + 4), logged_in(sql, ada)
    with sql.database.write() as connection, ThreadPoolExecutor(1) as pool:
        connection.execute(update(login).where(login.c.digest == alive.digest).values(last_seen_at=AT + 1))
        pool.submit(sql.logins.purge, at=AT + 6, ended_before=AT + 5).result(timeout=3)
    assert sql.logins.ended(over.digest) is None
    assert sql.logins.find(alive.digest, at=AT + 6) is not None


def test_counters_are_kept_for_their_time_whether_the_name_is_known_or_not(store: Parts, ada: Person) -> None:
    known, unknown, fresh, lasting, shut_for_good = (digest() for _ in range(5))
    shut = Throttle(free=0, first_delay=90 * DAY, cap=90 * DAY, limit=9, memory=30 * DAY)
    for_ever, closed = replace(shut, memory=None, limit=1), replace(shut, limit=1)
    for key, rule, account_id, at in (
        (known, shut, ada.account.id, AT),
        (unknown, shut, None, AT),
        (fresh, shut, None, AT + 1),
        (shut_for_good, closed, None, AT),
        (lasting, for_ever, None, AT),
    ):
        assert store.throttles.charge(key, rule, at=at, account_id=account_id) is None
    store.logins.purge(at=AT + 30 * DAY - 1, ended_before=AT)
    assert store.throttles.charge(known, shut, at=AT + 30 * DAY - 1) is not None
    store.logins.purge(at=AT + 30 * DAY, ended_before=AT)
    waits = [store.throttles.charge(key, shut, at=AT + 30 * DAY) for key in (known, unknown)]
    assert waits == [None, None]
    assert store.throttles.charge(fresh, shut, at=AT + 30 * DAY) is not None
    store.logins.purge(at=AT + 9999 * DAY, ended_before=AT)
    assert store.throttles.charge(lasting, for_ever, at=AT + 9999 * DAY) is not None
    assert store.throttles.charge(shut_for_good, closed, at=AT + 9999 * DAY) is not None


def test_a_counter_is_kept_from_its_last_failure_on(store: Parts) -> None:
    key, rule = digest(), Throttle(free=9, first_delay=1, cap=9, limit=3, memory=DAY)
    for number in range(3):
        assert store.throttles.charge(key, rule, at=AT + number * DAY // 2) is None
    store.logins.purge(at=AT + 3 * DAY // 2, ended_before=AT)
    assert store.throttles.charge(key, rule, at=AT + 3 * DAY // 2) == 9


def test_a_counter_that_was_wholly_refunded_is_soon_dropped(store: Parts) -> None:
    rule = Throttle(free=9, first_delay=1, cap=9, limit=2, memory=30 * DAY)
    whole, part = digest(), digest()
    for key in (whole, part, part):
        store.throttles.charge(key, rule, at=AT)
        store.throttles.charge(key, replace(rule, limit=1), at=AT)  # refused, and so not counted
    for key in (whole, part):
        store.throttles.refund(key, 1, at=AT)
    store.logins.purge(at=AT + DAY, ended_before=AT)
    # What is left of the other is kept: one more failure fills it.
    assert [store.throttles.charge(part, rule, at=AT + DAY) for _ in range(2)] == [None, 9]
    assert [store.throttles.charge(whole, rule, at=AT + DAY) for _ in range(3)] == [None, None, 9]


def test_purging_does_not_make_a_spent_thing_good_again(store: Parts, ada: Person) -> None:
    login = session_of(ada.account)
    assert grant(store, pended(store, ada.account), ada.recovery_code(), login)
    assert grant(store, pended(store, ada.account), ada.step(), session_of(ada.account))
    store.logins.purge(at=AT + 400 * DAY, ended_before=AT + 400 * DAY)
    half = pended(store, ada.account)
    assert refused(store, half, ada.recovery_code(), ada)
    assert refused(store, half, ada.step(), ada)


# -- locks and freshness -------------------------------------------------------------------------------


def locked_event(login: LoginSession, at: int = AT) -> Event:
    return event(EventKind.LOGIN_LOCKED, at=at, account_id=login.account_id)


def test_a_lock_is_a_fact_and_one_of_two_sets_it(store: Parts, ada: Person) -> None:
    login = logged_in(store, ada)
    before = store.logins.revision()
    assert store.logins.lock(login.id, locked_event(login, AT + 5))
    assert not store.logins.lock(login.id, locked_event(login, AT + 6))
    found = store.logins.find(login.digest, at=AT + 7)
    assert found is not None
    assert found[0].locked_at == AT + 5
    assert store.logins.find_many([login.id], at=AT + 7) == {login.id: found}
    assert store.logins.revision() > before
    assert kinds(store, ada.account.id).count(EventKind.LOGIN_LOCKED) == 1


def test_an_idle_lock_asks_the_store_when_somebody_was_seen(store: Parts, ada: Person) -> None:
    login = logged_in(store, ada)
    assert store.logins.set_active(login.id, at=AT + 100)
    assert not store.logins.lock(login.id, locked_event(login, AT + 150), idle_since=AT + 99)
    assert store.logins.lock(login.id, locked_event(login, AT + 150), idle_since=AT + 100)
    assert not store.logins.set_active(login.id, at=AT + 160)


def test_unlocking_claims_and_refunds_or_does_nothing(store: Parts, ada: Person) -> None:
    login, key, rule = logged_in(store, ada), digest(), Throttle(1, 60, 60, 3)
    claim = ada.step(88_888)
    open_event = event(EventKind.LOGIN_UNLOCKED, at=AT + 9)
    assert not store.logins.unlock(login, claim, [], open_event), "not locked"
    store.logins.lock(login.id, locked_event(login))
    assert store.throttles.charge(key, rule, at=AT) is None
    assert not store.logins.unlock(login, ada.step(0), [(key, 1)], open_event), "a spent step"
    assert store.throttles.charge(key, rule, at=AT) == 60
    assert store.logins.unlock(login, claim, [(key, 1)], open_event)
    assert store.throttles.charge(key, rule, at=AT) is None
    found = store.logins.find(login.digest, at=AT + 10)
    assert found is not None
    assert (found[0].locked_at, found[0].active_at) == (None, AT + 9)
    store.logins.lock(login.id, locked_event(login, AT + 11))
    assert store.logins.unlock(login, None, [], open_event), "a password claims nothing"
    assert not store.logins.unlock(login, claim, [], open_event)


def test_a_renewed_login_has_another_digest_and_the_same_id(store: Parts, ada: Person) -> None:
    login, fresh, epoch = logged_in(store, ada), digest(), ada.account.epoch
    done = event(EventKind.STEP_UP, at=AT + 50)
    assert not store.logins.renew(login, fresh, epoch + 1, ada.step(77_777), [], [done]), "another epoch"
    assert not store.logins.renew(login, fresh, epoch, ada.step(0), [], [done]), "a spent step"
    assert store.logins.renew(login, fresh, epoch, ada.step(77_777), [], [done])
    assert store.logins.find(login.digest, at=AT + 51) is None
    found = store.logins.find(fresh, at=AT + 51)
    assert found is not None
    assert found[0] == replace(login, digest=fresh, fresh_at=AT + 50, active_at=AT + 50)
    assert not store.logins.renew(login, digest(), epoch, ada.step(77_778), [], [done]), "the old digest"
    store.logins.lock(login.id, locked_event(login, AT + 52))
    assert not store.logins.renew(found[0], digest(), epoch, ada.step(77_779), [], [done]), "locked"


@pytest.mark.parametrize("over", ["ended", "expired", "disabled"])
def test_what_is_over_is_neither_locked_nor_unlocked_nor_renewed(
    store: Parts, ada: Person, over: str
) -> None:
    login, held, at = logged_in(store, ada), logged_in(store, ada), AT + 5
    store.logins.lock(held.id, locked_event(held))
    match over:
        case "ended":
            for one in (login, held):
                store.logins.end(ada.account.id, one.id, EndReason.LOGGED_OUT, event(at=AT + 1))
        case "expired":
            at = login.expires_at
        case "disabled":
            store.accounts.set_disabled(ada.account.id, event(at=AT + 1), disabled=True)
    later = event(at=at)
    assert not store.logins.lock(login.id, later)
    assert not store.logins.set_active(login.id, at=at)
    assert not store.logins.unlock(held, None, [], later)
    assert not store.logins.renew(login, digest(), ada.account.epoch, ada.step(66_666), [], [later])


# -- an end with a grace -------------------------------------------------------------------------------

SOON = EventKind.LOGINS_ENDING
BY_ADMIN = EndReason.ENDED_BY_ADMIN


def forward(store: Parts, ada: Person, *, by: int = 60, at: int = AT, only: str | None = None) -> int:
    told = event(SOON, at=at)
    return store.logins.bring_forward(ada.account.id, BY_ADMIN, told, ends_at=at + by, only=only)


def test_a_grace_brings_the_end_of_each_login_forward_and_says_why(store: Parts) -> None:
    ada, bob = enrolled(store), enrolled(store)
    mine, theirs = logged_in(store, ada), logged_in(store, bob)
    revision = store.logins.revision()
    assert forward(store, ada) == 1
    assert store.logins.revision() > revision
    assert found(store, mine) == replace(mine, expires_at=AT + 60, ending=BY_ADMIN)
    assert found(store, theirs) == theirs
    assert kinds(store)[-1] is SOON
    assert store.logins.find(mine.digest, at=AT + 59) is not None
    assert store.logins.find(mine.digest, at=AT + 60) is None
    assert store.logins.ended(mine.digest) == EndedLogin(AT + 60, BY_ADMIN)


def found(store: Parts, session: LoginSession) -> LoginSession:
    seen = store.logins.find(session.digest, at=AT)
    assert seen is not None
    return seen[0]


def test_a_grace_never_puts_an_end_off(store: Parts) -> None:
    ada = enrolled(store)
    short = logged_in(store, ada, expires_at=AT + 30)
    assert forward(store, ada, by=60) == 1
    assert found(store, short) == replace(short, ending=BY_ADMIN)
    assert forward(store, ada, by=10) == 1
    assert forward(store, ada, by=20) == 1
    assert found(store, short).expires_at == AT + 10


def test_a_grace_for_one_login_leaves_the_others(store: Parts) -> None:
    ada = enrolled(store)
    first, second = logged_in(store, ada), logged_in(store, ada)
    assert forward(store, ada, only=first.id) == 1
    assert found(store, first).ending is BY_ADMIN
    assert found(store, second) == second


def test_a_grace_for_what_is_no_live_login_of_the_account_does_nothing(store: Parts) -> None:
    ada, bob = enrolled(store), enrolled(store)
    theirs, over = logged_in(store, bob), logged_in(store, ada, expires_at=AT + 5)
    revision, written = store.logins.revision(), kinds(store)
    assert forward(store, ada, only=theirs.id) == 0
    assert forward(store, ada, only="0" * 16) == 0
    assert forward(store, ada, at=AT + 5, only=over.id) == 0
    assert (store.logins.revision(), kinds(store)) == (revision, written)


def test_a_locked_login_gets_its_grace_too_and_unlocking_does_not_prolong_it(store: Parts) -> None:
    ada = enrolled(store)
    session = logged_in(store, ada)
    assert store.logins.lock(session.id, event(EventKind.LOGIN_LOCKED))
    assert forward(store, ada) == 1
    assert store.logins.unlock(session, None, [], event(EventKind.LOGIN_UNLOCKED, at=AT + 1))
    assert store.logins.set_active(session.id, at=AT + 2)
    assert found(store, session).expires_at == AT + 60


def test_a_login_in_its_grace_is_not_renewed_and_adds_nothing(store: Parts) -> None:
    ada = enrolled(store)
    session = logged_in(store, ada)
    forward(store, ada)
    claim, told = ada.step(2), event(EventKind.STEP_UP, at=AT + 1)
    assert not store.logins.renew(session, digest(), ada.account.epoch, claim, [], [told])
    made = event(EventKind.RECOVERY_CODES_MADE, at=AT + 1)
    assert not store.factors.replace_recovery_codes([digest()], made, by=session)
    token = token_of(ada.account, created_at=AT + 1)
    made = event(EventKind.TOKEN_MADE, at=AT + 1)
    kept = store.access_tokens.add(token, epoch=ada.account.epoch, login_id=session.id, most=5, event=made)
    assert kept is Refusal.UNKNOWN
    assert not store.accounts.set_password(
        ada.account.id,
        b"sealed",
        event(EventKind.PASSWORD_SET, at=AT + 1),
        reason=EndReason.PASSWORD_CHANGED,
        but=session.id,
    )


def test_a_grace_for_all_logins_voids_what_is_half_done(store: Parts) -> None:
    ada = enrolled(store)
    half = pended(store, ada.account)
    forward(store, ada)
    assert store.logins.pending(half.digest, at=AT) is None


def test_an_end_at_once_cuts_a_grace_short(store: Parts) -> None:
    ada = enrolled(store)
    session = logged_in(store, ada)
    forward(store, ada)
    over = event(EventKind.LOGIN_ENDED, at=AT + 5)
    assert store.logins.end(ada.account.id, session.id, EndReason.LOGGED_OUT, over)
    assert store.logins.ended(session.digest) == EndedLogin(AT + 5, EndReason.LOGGED_OUT)
