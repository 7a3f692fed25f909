"""The contract of ``EnrollmentStore``, over every store."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import EndReason, EnrollmentCode
from tests.store.makers import (
    AT,
    Parts,
    account,
    added,
    browser_of,
    code_for,
    complete,
    digest,
    enrolled,
    enrollment_with,
    event,
    first_account,
    kinds,
    logged_in,
    pended,
    session_of,
    started,
)


@pytest.fixture
def setup_code(store: Parts) -> EnrollmentCode:
    code = code_for(None)
    store.enrollments.put_code(code, event(EventKind.SETUP_LINK))
    return code


# -- codes ---------------------------------------------------------------------------------------------


def test_a_code_is_good_until_its_time_is_over(store: Parts) -> None:
    code = code_for(None, expires_at=AT + 10)
    store.enrollments.put_code(code, event(EventKind.SETUP_LINK))
    assert store.enrollments.code(code.digest, at=AT + 9) == code
    assert store.enrollments.code(code.digest, at=AT + 10) is None
    assert store.enrollments.code(digest(), at=AT) is None
    assert kinds(store) == [EventKind.SETUP_LINK]


def test_a_new_set_up_code_voids_the_one_before_and_what_was_begun_with_it(
    store: Parts, setup_code: EnrollmentCode
) -> None:
    begun = started(store, setup_code)
    ada, adas_code = added(store)
    second = code_for(None)
    store.enrollments.put_code(second, event(EventKind.SETUP_LINK))
    assert store.enrollments.code(setup_code.digest, at=AT) is None
    assert store.enrollments.find(begun.digest, at=AT) is None
    assert store.enrollments.code(second.digest, at=AT) == second
    # An account's code is another matter.
    assert store.enrollments.code(adas_code.digest, at=AT) == adas_code
    third = code_for(ada.id)
    store.enrollments.put_code(third, event(EventKind.ENROLLMENT_CODE))
    assert store.enrollments.code(adas_code.digest, at=AT) is None
    assert store.enrollments.code(second.digest, at=AT) == second


# -- beginning -----------------------------------------------------------------------------------------


def test_an_enrollment_is_read_back_as_it_was_begun(store: Parts) -> None:
    _, code = added(store)
    begun = started(store, code, username="ada", sealed_password=b"\0p\xff", sealed_secret=b"\0s\xff")
    assert store.enrollments.find(begun.digest, at=AT) == begun


def test_an_enrollment_ends_with_its_time(store: Parts, setup_code: EnrollmentCode) -> None:
    begun = started(store, setup_code, expires_at=AT + 10)
    assert store.enrollments.find(begun.digest, at=AT + 9) == begun
    assert store.enrollments.find(begun.digest, at=AT + 10) is None
    assert store.enrollments.find(digest(), at=AT) is None


def test_beginning_again_voids_the_half_done_try(store: Parts, setup_code: EnrollmentCode) -> None:
    first, second = started(store, setup_code), started(store, setup_code)
    assert store.enrollments.find(first.digest, at=AT) is None
    assert store.enrollments.spend_try(first.digest, at=AT) is None
    assert save(store, first.digest) is False
    assert complete(store, first, first_account(first)) is False
    assert store.enrollments.find(second.digest, at=AT) == second
    assert complete(store, second, first_account(second)) is True


def test_nothing_begins_with_a_code_that_is_gone_or_too_old(store: Parts) -> None:
    code = code_for(None, expires_at=AT)
    store.enrollments.put_code(code, event())
    for gone in (code, code_for(None)):
        begun = enrollment_with(gone)
        assert store.enrollments.start(begun, at=AT) is False
        assert store.enrollments.find(begun.digest, at=AT) is None


def test_a_refused_beginning_leaves_the_one_before_alone(store: Parts) -> None:
    code = code_for(None, expires_at=AT + 5)
    store.enrollments.put_code(code, event())
    begun = started(store, code)
    assert store.enrollments.start(enrollment_with(code), at=AT + 5) is False
    assert store.enrollments.find(begun.digest, at=AT) == begun


# -- on the way ----------------------------------------------------------------------------------------


def save(store: Parts, key: bytes, *, at: int = AT, expires_at: int = AT + 600) -> bool:
    return store.enrollments.save(
        key,
        username="ada",
        sealed_password=b"p",
        sealed_secret=b"s",
        expires_at=expires_at,
        at=at,
    )


def test_what_was_chosen_is_kept(store: Parts, setup_code: EnrollmentCode) -> None:
    begun = started(store, setup_code)
    chosen = replace(begun, username="ada", sealed_password=b"p", sealed_secret=b"s", expires_at=AT + 600)
    for _ in range(2):  # the same twice: found, though not changed
        assert save(store, begun.digest) is True
        assert store.enrollments.find(begun.digest, at=AT) == chosen


def test_nothing_is_kept_for_an_enrollment_that_is_over(store: Parts, setup_code: EnrollmentCode) -> None:
    begun = started(store, setup_code, expires_at=AT + 10)
    assert save(store, begun.digest, at=AT + 10) is False
    assert save(store, digest()) is False
    assert store.enrollments.find(begun.digest, at=AT) == begun


def test_each_try_of_an_enrollment_is_spent_and_after_the_last_it_is_gone(
    store: Parts, setup_code: EnrollmentCode
) -> None:
    begun = started(store, setup_code, tries_left=2)
    left = [store.enrollments.spend_try(begun.digest, at=AT) for _ in range(3)]
    assert left == [replace(begun, tries_left=1), replace(begun, tries_left=0), None]
    assert store.enrollments.find(begun.digest, at=AT) is None
    # The code is not spent by that: the person may begin again.
    assert store.enrollments.code(setup_code.digest, at=AT) == setup_code
    started(store, setup_code)


def test_who_finds_no_try_left_takes_none_from_those_that_are_being_checked(
    store: Parts, setup_code: EnrollmentCode
) -> None:
    begun = started(store, setup_code, tries_left=1)
    tried = store.enrollments.spend_try(begun.digest, at=AT)
    assert store.enrollments.spend_try(begun.digest, at=AT) is None
    assert tried is not None
    first = first_account(tried, "ada")
    assert complete(store, tried, first, session=session_of(first))


def test_an_enrollment_that_is_over_has_no_try(store: Parts, setup_code: EnrollmentCode) -> None:
    begun = started(store, setup_code, expires_at=AT + 10)
    assert store.enrollments.spend_try(begun.digest, at=AT + 10) is None
    assert store.enrollments.spend_try(digest(), at=AT) is None


# -- completing ----------------------------------------------------------------------------------------


def test_a_confirmation_makes_everything_true_at_once(store: Parts) -> None:
    ada, code = added(store)
    begun = started(store, code)
    whole = replace(ada, enrolled=True, epoch=1, sealed_password=b"chosen")
    login, known = session_of(whole), browser_of(whole)
    assert complete(store, begun, whole, session=login, known=known, last_step=77) is True
    assert store.accounts.by_id(ada.id) == whole
    assert [phone.last_step for phone in store.accounts.authenticators(ada.id)] == [77]
    assert store.accounts.recovery_codes_left(ada.id) == 10
    assert store.logins.find(login.digest, at=AT) == (login, whole)
    assert store.logins.known_browser(known.digest, at=AT) == known
    assert store.enrollments.code(code.digest, at=AT) is None
    assert store.enrollments.find(begun.digest, at=AT) is None
    assert kinds(store)[-1] is EventKind.ENROLLED


def test_a_confirmation_may_open_no_login(store: Parts) -> None:
    ada, code = added(store)
    assert complete(store, started(store, code), replace(ada, enrolled=True, epoch=1)) is True
    assert store.logins.of_account(ada.id, at=AT) == []


def test_a_code_enrolls_once(store: Parts) -> None:
    ada, code = added(store)
    begun = started(store, code)
    assert complete(store, begun, replace(ada, enrolled=True, epoch=1))
    before = kinds(store)
    login = session_of(ada)
    assert complete(store, begun, replace(ada, enrolled=True, epoch=2), session=login) is False
    assert store.logins.find(login.digest, at=AT) is None
    assert store.enrollments.start(enrollment_with(code), at=AT) is False
    assert store.accounts.recovery_codes_left(ada.id) == 10
    assert len(store.accounts.authenticators(ada.id)) == 1
    assert kinds(store) == before


def test_a_code_that_became_too_old_meanwhile_enrolls_nobody(store: Parts) -> None:
    ada, _ = added(store)
    code = code_for(ada.id, expires_at=AT + 10)
    store.enrollments.put_code(code, event())
    begun = started(store, code)
    whole = replace(ada, enrolled=True, epoch=1)
    assert complete(store, begun, whole, at=AT + 10) is False
    assert store.accounts.by_id(ada.id) == ada
    assert complete(store, begun, whole, at=AT + 9) is True  # the refusal spent nothing


def test_an_account_disabled_meanwhile_is_not_enrolled(store: Parts) -> None:
    ada, code = added(store)
    begun = started(store, code)
    store.accounts.set_disabled(ada.id, event(), disabled=True)
    assert store.enrollments.find(begun.digest, at=AT) is None
    assert complete(store, begun, replace(ada, enrolled=True, epoch=1)) is False
    again = started(store, code)  # by a flow that read the account before
    assert complete(store, again, replace(ada, enrolled=True, epoch=1)) is False
    assert store.accounts.authenticators(ada.id) == []
    assert store.enrollments.code(code.digest, at=AT) == code  # rolled back: not spent either
    assert store.enrollments.find(again.digest, at=AT) == again


def test_an_account_deleted_meanwhile_is_not_enrolled(store: Parts) -> None:
    ada, code = added(store)
    begun = started(store, code)
    store.accounts.delete(ada.id, event())
    assert complete(store, begun, replace(ada, enrolled=True, epoch=1)) is False
    assert store.accounts.by_id(ada.id) is None


def test_an_account_changed_meanwhile_is_not_enrolled_over_the_change(store: Parts) -> None:
    ada, code = added(store)
    begun = started(store, code)
    store.accounts.set_password(ada.id, b"by the admin", event(), reason=EndReason.PASSWORD_CHANGED)
    assert store.enrollments.find(begun.digest, at=AT) is None  # it may have accepted the old password
    assert complete(store, begun, replace(ada, enrolled=True, epoch=1)) is False
    again = started(store, code)
    assert complete(store, again, replace(ada, enrolled=True, epoch=1)) is False
    now = store.accounts.by_id(ada.id)
    assert now is not None
    assert now.sealed_password == b"by the admin"
    assert complete(store, again, replace(now, enrolled=True, epoch=2)) is True


def test_a_new_phone_ends_logins_and_pending_ones_and_forgets_browsers(store: Parts) -> None:
    ada = enrolled(store)
    login, half = logged_in(store, ada), pended(store, ada.account)
    known, revision = browser_of(ada.account), store.logins.revision()
    code = code_for(ada.account.id)
    store.enrollments.put_code(code, event(EventKind.ENROLLMENT_CODE))
    now = replace(ada.account, epoch=ada.account.epoch + 1)
    fresh = session_of(now)
    assert complete(store, started(store, code), now, session=fresh)
    assert store.logins.of_account(now.id, at=AT) == [fresh]
    ended = store.logins.ended(login.digest)
    assert ended is not None
    assert ended.reason is EndReason.FACTOR_RESET
    assert store.logins.pending(half.digest, at=AT) is None
    assert store.logins.known_browser(known.digest, at=AT) is None
    assert store.logins.revision() > revision
    assert len(store.accounts.authenticators(now.id)) == 1
    assert store.accounts.recovery_codes_left(now.id) == 10


def test_there_is_no_second_first_set_up(store: Parts, setup_code: EnrollmentCode) -> None:
    begun = started(store, setup_code)
    assert complete(store, begun, first_account(begun))
    late = code_for(None)
    store.enrollments.put_code(late, event(EventKind.SETUP_LINK))
    again = started(store, late)
    assert complete(store, again, first_account(again, "second")) is False
    assert store.accounts.by_name("second") is None
    assert [entry.username for entry in store.accounts.all()] == ["first"]


def test_the_set_up_code_is_void_once_anybody_is_enrolled(store: Parts, setup_code: EnrollmentCode) -> None:
    begun = started(store, setup_code)
    enrolled(store, "ada")
    assert store.enrollments.code(setup_code.digest, at=AT) is None
    assert store.enrollments.find(begun.digest, at=AT) is None
    assert complete(store, begun, first_account(begun)) is False


def test_a_set_up_under_a_name_that_was_taken_meanwhile_is_refused_whole(
    store: Parts, setup_code: EnrollmentCode
) -> None:
    begun = started(store, setup_code)
    added(store, "first")
    before = kinds(store)
    first = first_account(begun, "first")
    login = session_of(first)
    assert complete(store, begun, first, session=login) is False
    assert store.accounts.by_id(begun.account_id) is None
    assert store.logins.find(login.digest, at=AT) is None
    assert store.enrollments.code(setup_code.digest, at=AT) == setup_code
    assert kinds(store) == before
    # Under another name it goes on.
    assert complete(store, begun, first_account(begun, "second")) is True


def test_a_set_up_beside_accounts_that_nobody_enrolled_is_done(
    store: Parts, setup_code: EnrollmentCode
) -> None:
    added(store, "invited")
    begun = started(store, setup_code)
    assert complete(store, begun, first_account(begun)) is True


def test_recovery_codes_of_two_accounts_do_not_mix(store: Parts) -> None:
    whole = account(f"u{secrets.token_hex(4)}")
    code = code_for(whole.id)
    store.accounts.add(whole, code, [])
    begun = started(store, code)
    digests = [digest() for _ in range(3)]
    assert complete(store, begun, replace(whole, enrolled=True, epoch=1), recovery=digests)
    assert store.accounts.recovery_codes_left(whole.id) == 3
