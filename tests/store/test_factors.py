"""The contract of ``FactorStore``, over every store."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import EndReason, LoginSession, NewAuthenticator, TotpAuthenticator
from jupyter_totp_auth.core.policy import MINUTE
from tests.store.makers import (
    AT,
    FIRST_STEP,
    Parts,
    Person,
    browser_of,
    digest,
    enrolled,
    event,
    grant,
    kinds,
    logged_in,
    new_id,
    pended,
    session_of,
)

MOST = 3


def offered(store: Parts, by: LoginSession, **changes: Any) -> NewAuthenticator:
    """A half-done phone in the store."""
    new = NewAuthenticator(
        id=new_id(),
        account_id=by.account_id,
        name="Tablet é 🦉",
        expires_at=AT + 10 * MINUTE,
        tries_left=5,
        sealed_secret=secrets.token_bytes(80),
    )
    new = replace(new, **changes)
    assert store.factors.begin(new, event(EventKind.AUTHENTICATOR_BEGUN), by=by, most=MOST)
    return new


def phone_from(new: NewAuthenticator, *, at: int = AT) -> TotpAuthenticator:
    return TotpAuthenticator(
        id=new.id,
        account_id=new.account_id,
        name=new.name,
        last_step=FIRST_STEP + 7,
        sealed_secret=new.sealed_secret,
        created_at=at,
        last_used_at=at,
    )


def confirm(store: Parts, new: NewAuthenticator, by: LoginSession, *, at: int = AT) -> bool:
    told = event(EventKind.AUTHENTICATOR_ADDED, at=at, account_id=by.account_id)
    return store.factors.confirm(phone_from(new, at=at), told, by=by, most=MOST)


def added(store: Parts, by: LoginSession) -> TotpAuthenticator:
    new = offered(store, by)
    assert confirm(store, new, by, at=AT + 1)
    return phone_from(new, at=AT + 1)


def remove(store: Parts, phone_id: str, by: LoginSession, *, at: int = AT) -> bool:
    return store.factors.remove(phone_id, event(EventKind.AUTHENTICATOR_REMOVED, at=at), by=by)


@pytest.fixture
def ada(store: Parts) -> Person:
    return enrolled(store)


@pytest.fixture
def login(store: Parts, ada: Person) -> LoginSession:
    return logged_in(store, ada)


def test_a_confirmed_phone_is_read_back_as_it_was_offered(
    store: Parts, ada: Person, login: LoginSession
) -> None:
    revision = store.logins.revision()
    phone = added(store, login)
    old, new = store.accounts.authenticators(ada.account.id)
    assert (old.id, new) == (ada.phone.id, phone)
    assert kinds(store)[-2:] == [EventKind.AUTHENTICATOR_BEGUN, EventKind.AUTHENTICATOR_ADDED]
    assert store.logins.revision() > revision
    assert store.accounts.by_id(ada.account.id) == ada.account


def test_a_step_of_the_confirmation_is_used_up_and_the_next_one_is_not(
    store: Parts, ada: Person, login: LoginSession
) -> None:
    phone = added(store, login)
    person = replace(ada, phone=phone)
    fresh = session_of(ada.account)
    assert not grant(store, pended(store, ada.account), person.step(0), fresh)
    assert grant(store, pended(store, ada.account), person.step(1), fresh)
    (_, used) = store.accounts.authenticators(ada.account.id)
    assert (used.last_step, used.last_used_at) == (phone.last_step + 1, AT)


def test_an_offer_is_confirmed_once_in_time_and_by_its_own_account(store: Parts, login: LoginSession) -> None:
    bobs = logged_in(store, enrolled(store))
    new = offered(store, login)
    assert not confirm(store, replace(new, account_id=bobs.account_id), bobs)
    assert not confirm(store, new, login, at=new.expires_at)
    assert confirm(store, new, login, at=new.expires_at - 1)
    assert not confirm(store, new, login)


def test_a_new_offer_voids_the_one_before_and_nobody_elses(store: Parts, login: LoginSession) -> None:
    bobs = logged_in(store, enrolled(store))
    first, theirs, second = offered(store, login), offered(store, bobs), offered(store, login)
    assert not confirm(store, first, login)
    assert confirm(store, second, login)
    assert confirm(store, theirs, bobs)


def test_an_offer_has_so_many_tries(store: Parts, login: LoginSession) -> None:
    new = offered(store, login, tries_left=2)
    me = login.account_id
    for left in (1, 0):
        assert store.factors.spend_try(me, new.id, at=AT) == replace(new, tries_left=left)
    assert store.factors.spend_try(me, new.id, at=AT) is None
    assert not confirm(store, new, login)


def test_a_try_is_of_ones_own_and_in_time(store: Parts, login: LoginSession) -> None:
    other = enrolled(store).account.id
    new = offered(store, login)
    assert store.factors.spend_try(other, new.id, at=AT) is None
    assert store.factors.spend_try(login.account_id, new_id(), at=AT) is None
    assert store.factors.spend_try(login.account_id, new.id, at=new.expires_at - 1) is not None
    assert store.factors.spend_try(login.account_id, new.id, at=new.expires_at) is None


def test_there_are_at_most_so_many(store: Parts, ada: Person, login: LoginSession) -> None:
    added(store, login)
    new = offered(store, login)
    told = event()
    assert not store.factors.confirm(phone_from(new), told, by=login, most=2)
    assert confirm(store, new, login)  # the refusal spent nothing
    late = replace(new, id=new_id())
    assert not store.factors.begin(late, told, by=login, most=MOST)
    assert len(store.accounts.authenticators(ada.account.id)) == MOST


def test_a_phone_is_renamed_by_its_own_account(store: Parts, ada: Person, login: LoginSession) -> None:
    bobs = logged_in(store, enrolled(store))
    told = event(EventKind.AUTHENTICATOR_RENAMED)
    assert not store.factors.rename(ada.phone.id, "mine", told, by=bobs)
    assert not store.factors.rename(new_id(), "mine", told, by=login)
    for _ in range(2):  # found, though not changed
        assert store.factors.rename(ada.phone.id, "日本 🦉", told, by=login)
    assert [one.name for one in store.accounts.authenticators(ada.account.id)] == ["日本 🦉"]
    assert kinds(store)[-2:] == [EventKind.AUTHENTICATOR_RENAMED] * 2


def test_a_removed_phone_ends_all_other_logins(store: Parts, ada: Person, login: LoginSession) -> None:
    other, half, known = logged_in(store, ada), pended(store, ada.account), browser_of(ada.account)
    third = session_of(ada.account)
    assert grant(store, pended(store, ada.account), ada.recovery_code(), third, known=known)
    bob = enrolled(store)
    bobs = logged_in(store, bob)
    phone, new = added(store, login), offered(store, login)
    revision = store.logins.revision()
    assert remove(store, ada.phone.id, login, at=AT + 2)
    assert store.accounts.authenticators(ada.account.id) == [phone]
    assert store.logins.of_account(ada.account.id, at=AT) == [login]
    ended = store.logins.ended(other.digest)
    assert ended is not None
    assert (ended.ended_at, ended.reason) == (AT + 2, EndReason.FACTOR_RESET)
    now = store.accounts.by_id(ada.account.id)
    assert now == replace(ada.account, epoch=ada.account.epoch + 1)
    assert store.logins.pending(half.digest, at=AT) is None
    assert store.logins.known_browser(known.digest, at=AT) is None
    assert store.factors.spend_try(ada.account.id, new.id, at=AT) is None
    assert store.logins.revision() > revision
    assert store.logins.of_account(bob.account.id, at=AT) == [bobs]


def test_the_only_phone_and_somebody_elses_stay(store: Parts, ada: Person, login: LoginSession) -> None:
    bob = enrolled(store)
    before = kinds(store)
    for phone_id in (ada.phone.id, bob.phone.id, new_id()):
        assert not remove(store, phone_id, login)
    assert len(store.accounts.authenticators(ada.account.id)) == 1
    assert len(store.accounts.authenticators(bob.account.id)) == 1
    assert store.accounts.by_id(ada.account.id) == ada.account
    assert kinds(store) == before


def test_new_recovery_codes_take_the_place_of_all_old_ones(
    store: Parts, ada: Person, login: LoginSession
) -> None:
    bob = enrolled(store)
    assert grant(store, pended(store, ada.account), ada.recovery_code(), session_of(ada.account))
    fresh = [digest() for _ in range(10)]
    told = event(EventKind.RECOVERY_CODES_MADE)
    assert store.factors.replace_recovery_codes(fresh, told, by=login)
    assert store.accounts.recovery_codes_left(ada.account.id) == 10
    assert store.accounts.recovery_codes_left(bob.account.id) == 10
    assert not grant(store, pended(store, ada.account), ada.recovery_code(1), session_of(ada.account))
    renewed = replace(ada, recovery=tuple(fresh))
    assert grant(store, pended(store, ada.account), renewed.recovery_code(), session_of(ada.account))
    assert kinds(store).count(EventKind.RECOVERY_CODES_MADE) == 1


OVER: dict[str, Callable[[Parts, LoginSession], object]] = {
    "ended": lambda store, by: store.logins.end(by.account_id, by.id, EndReason.LOGGED_OUT, event()),
    "locked": lambda store, by: store.logins.lock(by.id, event()),
    "disabled": lambda store, by: store.accounts.set_disabled(by.account_id, event(), disabled=True),
    "deleted": lambda store, by: store.accounts.delete(by.account_id, event()),
}


@pytest.mark.parametrize("how", OVER)
def test_a_login_that_is_over_changes_nothing(
    store: Parts, ada: Person, login: LoginSession, how: str
) -> None:
    added(store, login)
    new = offered(store, login)
    OVER[how](store, login)
    before = (
        store.accounts.authenticators(ada.account.id),
        store.accounts.recovery_codes_left(ada.account.id),
        store.accounts.by_id(ada.account.id),
        kinds(store),
    )
    parts, told = store.factors, event(EventKind.AUTHENTICATOR_ADDED)
    assert not parts.begin(replace(new, id=new_id()), told, by=login, most=MOST)
    assert not confirm(store, new, login)
    assert not parts.rename(ada.phone.id, "x", told, by=login)
    assert not remove(store, ada.phone.id, login)
    assert not parts.replace_recovery_codes([digest()], told, by=login)
    reason = EndReason.PASSWORD_CHANGED
    assert not store.accounts.set_password(ada.account.id, b"new", told, reason=reason, but=login.id)
    assert before == (
        store.accounts.authenticators(ada.account.id),
        store.accounts.recovery_codes_left(ada.account.id),
        store.accounts.by_id(ada.account.id),
        kinds(store),
    )


def test_a_half_done_phone_is_purged_when_its_time_is_over(store: Parts, login: LoginSession) -> None:
    new = offered(store, login)
    store.logins.purge(at=new.expires_at - 1, ended_before=0)
    assert store.factors.spend_try(login.account_id, new.id, at=AT) is not None
    store.logins.purge(at=new.expires_at, ended_before=0)
    assert store.factors.spend_try(login.account_id, new.id, at=AT) is None
