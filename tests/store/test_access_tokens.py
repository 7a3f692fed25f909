"""The contract of ``AccessTokenStore``, over every store; and what else ends a token."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import AccessToken, EndReason, LoginSession, Refusal
from jupyter_totp_auth.core.policy import DAY
from jupyter_totp_auth.store import Store
from tests.store.makers import (
    AT,
    Parts,
    Person,
    code_for,
    complete,
    digest,
    enrolled,
    event,
    kinds,
    logged_in,
    started,
    token_of,
)


def add(
    store: Parts, person: Person, session: LoginSession, token: AccessToken, *, most: int = 50
) -> Refusal | None:
    said = event(EventKind.TOKEN_MADE, account_id=token.account_id)
    return store.access_tokens.add(
        token, epoch=person.account.epoch, login_id=session.id, most=most, event=said
    )


def with_token(store: Parts, **changes: object) -> tuple[Person, LoginSession, AccessToken]:
    ada = enrolled(store)
    session, token = logged_in(store, ada), replace(token_of(ada.account), **changes)
    assert add(store, ada, session, token) is None
    return ada, session, token


def lives(store: Parts, token: AccessToken, at: int = AT) -> bool:
    return bool(store.access_tokens.find_many([token.digest], at=at))


def test_a_token_is_read_back_as_it_was_kept(store: Parts) -> None:
    ada, _, token = with_token(store)
    found = store.access_tokens.find_many([token.digest, digest()], at=AT)
    assert found == {token.digest: (token, ada.account)}
    assert kinds(store)[-1] is EventKind.TOKEN_MADE


def test_a_token_ends_to_the_second(store: Parts) -> None:
    ada, _, token = with_token(store, expires_at=AT + 10)
    assert lives(store, token, AT + 9)
    assert not lives(store, token, AT + 10)
    assert store.access_tokens.of_account(ada.account.id, at=AT + 10) == []
    assert not store.access_tokens.revoke(ada.account.id, token.id, event(at=AT + 10))


def test_tokens_are_listed_newest_first_and_only_ones_own(store: Parts) -> None:
    ada, session, first = with_token(store)
    second = token_of(ada.account, created_at=AT + 1)
    assert add(store, ada, session, second) is None
    with_token(store)
    assert store.access_tokens.of_account(ada.account.id, at=AT) == [second, first]


def test_a_token_needs_its_makers_login_and_the_account_as_it_was(store: Parts) -> None:
    ada, session, _ = with_token(store)
    _, others, _ = with_token(store)
    fresh = token_of(ada.account)
    assert add(store, ada, others, fresh) is Refusal.UNKNOWN
    older = replace(ada, account=replace(ada.account, epoch=ada.account.epoch - 1))
    assert add(store, older, session, token_of(ada.account)) is Refusal.UNKNOWN
    late = token_of(ada.account, created_at=session.expires_at)
    assert add(store, ada, session, late) is Refusal.UNKNOWN
    store.logins.end(ada.account.id, session.id, EndReason.LOGGED_OUT, event())
    before = kinds(store)
    assert add(store, ada, session, token_of(ada.account)) is Refusal.UNKNOWN
    assert kinds(store) == before


def test_an_account_has_so_many_and_no_more(store: Parts) -> None:
    ada, session, token = with_token(store)
    assert add(store, ada, session, token_of(ada.account), most=1) is Refusal.TOO_MANY
    assert store.access_tokens.of_account(ada.account.id, at=AT) == [token]


def test_many_at_once_stay_within_the_limit(sql: Store) -> None:
    ada = enrolled(sql)
    session, barrier = logged_in(sql, ada), threading.Barrier(8)

    def one(_number: int) -> Refusal | None:
        barrier.wait()
        return add(sql, ada, session, token_of(ada.account), most=3)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(one, range(8)))
    assert outcomes.count(None) == 3
    assert outcomes.count(Refusal.TOO_MANY) == 5
    assert len(sql.access_tokens.of_account(ada.account.id, at=AT)) == 3


def test_a_revoked_token_raises_the_revision(store: Parts) -> None:
    ada, _, token = with_token(store)
    before = store.access_tokens.revision()
    assert not store.access_tokens.revoke(enrolled(store).account.id, token.id, event())
    assert lives(store, token)
    assert store.access_tokens.revoke(ada.account.id, token.id, event(EventKind.TOKEN_REVOKED))
    assert not lives(store, token)
    assert store.access_tokens.revision() > before
    assert store.access_tokens.revision() == store.logins.revision()
    assert not store.access_tokens.revoke(ada.account.id, token.id, event(EventKind.TOKEN_REVOKED))
    assert kinds(store).count(EventKind.TOKEN_REVOKED) == 1


def test_uses_are_written_in_one_batch(store: Parts) -> None:
    ada, _, token = with_token(store)
    store.access_tokens.touch({})
    store.access_tokens.touch({token.digest: (AT + 5, "192.0.2.7"), digest(): (AT, "192.0.2.8")})
    used = replace(token, last_used_at=AT + 5, last_used_from="192.0.2.7")
    assert store.access_tokens.of_account(ada.account.id, at=AT) == [used]


def test_a_folder_is_kept(store: Parts) -> None:
    ada, _, token = with_token(store, path_prefix="course/week 1", scopes=("contents:read", "contents:write"))
    assert store.access_tokens.of_account(ada.account.id, at=AT) == [token]


def disable(store: Parts, person: Person) -> None:
    who = person.account.id
    store.accounts.set_disabled(who, event(), disabled=True)
    store.accounts.set_disabled(who, event(), disabled=False)


def reset(store: Parts, person: Person) -> None:
    store.accounts.reset(person.account.id, code_for(person.account.id), [event()])


def passwd(store: Parts, person: Person) -> None:
    reason = EndReason.PASSWORD_CHANGED
    store.accounts.set_password(person.account.id, b"sealed", event(), reason=reason)


def delete(store: Parts, person: Person) -> None:
    store.accounts.delete(person.account.id, event())


@pytest.mark.parametrize("end", [disable, reset, passwd, delete])
def test_these_end_tokens_for_good(store: Parts, end: Callable[[Parts, Person], None]) -> None:
    ada, _, token = with_token(store)
    _, _, others = with_token(store)
    before = store.access_tokens.revision()
    end(store, ada)
    assert not lives(store, token)
    assert lives(store, others)
    assert store.access_tokens.revision() > before


def test_ones_own_new_password_keeps_them(store: Parts) -> None:
    ada, _, token = with_token(store)
    reason = EndReason.PASSWORD_CHANGED
    assert store.accounts.set_password(ada.account.id, b"x", event(), reason=reason, keep_tokens=True)
    assert lives(store, token)


def test_a_token_made_after_a_reset_ends_when_the_new_phone_is_confirmed(store: Parts) -> None:
    ada, _, _ = with_token(store)
    code = code_for(ada.account.id)
    store.accounts.reset(ada.account.id, code, [event()])
    again = replace(ada, account=replace(ada.account, epoch=ada.account.epoch + 1))
    token = token_of(again.account)
    assert add(store, again, logged_in(store, again), token) is None
    begun = started(store, code)
    assert complete(store, begun, replace(again.account, epoch=again.account.epoch + 1))
    assert not lives(store, token)


def test_an_expired_token_is_purged_and_a_live_one_stays(store: Parts) -> None:
    ada, session, token = with_token(store, expires_at=AT + 10)
    living = token_of(ada.account)
    assert add(store, ada, session, living) is None
    store.logins.purge(at=AT + 10, ended_before=AT - 30 * DAY)
    assert not lives(store, token, AT)
    assert lives(store, living)


def test_a_token_of_an_expired_account_opens_nothing(store: Parts) -> None:
    ada = enrolled(store, expires_at=AT + 10)
    token = token_of(ada.account)
    assert add(store, ada, logged_in(store, ada), token) is None
    assert lives(store, token, AT + 9)
    assert not lives(store, token, AT + 10)
