"""The contract of ``AccountStore``, over every store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Account, AccountChange, EndReason, Role
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
    event,
    first_account,
    grant,
    kinds,
    logged_in,
    new_id,
    pended,
    session_of,
    started,
)


def changed(store: Parts, before: Account) -> Account:
    """The account as it is now."""
    now = store.accounts.by_id(before.id)
    assert now is not None
    return now


# -- reading -------------------------------------------------------------------------------------------


def test_an_account_is_read_back_as_it_was_written(store: Parts) -> None:
    whole = account(
        "ada", expires_at=AT + 5, display_name="Ada é ✓ 日本", role=Role.ADMIN, sealed_password=None
    )
    assert store.accounts.add(whole, code_for(whole.id), [])
    assert store.accounts.by_name("ada") == whole
    assert store.accounts.by_id(whole.id) == whole


def test_a_sealed_password_may_hold_any_byte(store: Parts) -> None:
    whole, _ = added(store, sealed_password=bytes(range(256)))
    assert changed(store, whole).sealed_password == bytes(range(256))


def test_who_does_not_exist_is_not_found(store: Parts) -> None:
    added(store, "ada")
    assert store.accounts.by_name("bob") is None
    assert store.accounts.by_id(new_id()) is None
    assert store.accounts.authenticators(new_id()) == []
    assert store.accounts.recovery_codes_left(new_id()) == 0


OTHER_SPELLINGS = (
    *("Ada", "ADA", "ada ", " ada", "ada\t", "ada\u00ad"),
    *("ad\u00e1", "a\u0301da", "ad", "%", "ad_"),
)


@pytest.mark.parametrize("other", OTHER_SPELLINGS)
def test_another_spelling_is_another_name(store: Parts, other: str) -> None:
    ada, _ = added(store, "ada")
    assert store.accounts.by_name(other) is None
    different, _ = added(store, other)  # F08: a padding or folding collation would call it taken
    assert store.accounts.by_name(other) == different
    assert store.accounts.by_name("ada") == ada


def test_accounts_are_listed_by_name(store: Parts) -> None:
    names = ["b", "ab", "a-b", "a.b", "a_b", "a1", "z"]
    for name in names:
        added(store, name)
    assert [entry.username for entry in store.accounts.all()] == sorted(names)


def test_there_is_nobody_enrolled_until_a_phone_is_bound(store: Parts) -> None:
    assert not store.accounts.any_enrolled()
    whole, code = added(store)
    begun = started(store, code)
    assert not store.accounts.any_enrolled()
    assert complete(store, begun, replace(whole, enrolled=True, epoch=1))
    assert store.accounts.any_enrolled()


def test_a_phone_is_read_back_as_it_was_bound(store: Parts) -> None:
    ada, bob = enrolled(store), enrolled(store)
    (phone,) = store.accounts.authenticators(ada.account.id)
    assert replace(phone, sealed_secret=b"") == replace(ada.phone, sealed_secret=b"")
    assert [entry.id for entry in store.accounts.authenticators(bob.account.id)] == [bob.phone.id]


def test_recovery_codes_are_counted_until_they_are_used(store: Parts) -> None:
    ada, bob = enrolled(store), enrolled(store)
    assert store.accounts.recovery_codes_left(ada.account.id) == 10
    assert grant(store, pended(store, ada.account), ada.recovery_code(3), session_of(ada.account))
    assert store.accounts.recovery_codes_left(ada.account.id) == 9
    assert store.accounts.recovery_codes_left(bob.account.id) == 10


# -- adding --------------------------------------------------------------------------------------------


def test_an_account_comes_with_its_code_and_its_events(store: Parts) -> None:
    whole = account()
    code = code_for(whole.id)
    told = [
        event(EventKind.ACCOUNT_ADDED, account_id=whole.id, account=whole.username, actor="operator"),
        event(EventKind.ENROLLMENT_CODE, account_id=whole.id, detail="é ✓"),
    ]
    assert store.accounts.add(whole, code, told)
    assert store.enrollments.code(code.digest, at=AT) == code
    assert [entry for _, entry in store.events.list()] == told


def test_a_taken_name_is_refused_and_leaves_nothing_behind(store: Parts) -> None:
    ada, code = added(store, "ada")
    before = kinds(store)
    second = account("ada")
    spare = code_for(second.id)
    assert store.accounts.add(second, spare, [event(EventKind.ACCOUNT_ADDED)]) is False
    assert store.accounts.by_name("ada") == ada
    assert store.accounts.by_id(second.id) is None
    assert store.enrollments.code(spare.digest, at=AT) is None
    assert store.enrollments.code(code.digest, at=AT) == code
    assert kinds(store) == before


def test_a_taken_id_is_refused(store: Parts) -> None:
    ada, _ = added(store)
    assert store.accounts.add(account(id=ada.id), code_for(ada.id), []) is False


# -- changing ------------------------------------------------------------------------------------------


def test_a_new_password_raises_the_epoch_ends_logins_and_forgets_browsers(store: Parts) -> None:
    ada, bob = enrolled(store), enrolled(store)
    known, others_known = browser_of(ada.account), browser_of(bob.account)
    first, half = session_of(ada.account), pended(store, ada.account)
    assert grant(store, pended(store, ada.account), ada.step(), first, known=known)
    others = session_of(bob.account)
    assert grant(store, pended(store, bob.account), bob.step(), others, known=others_known)
    revision = store.logins.revision()

    told = event(EventKind.PASSWORD_SET, at=AT + 9, account_id=ada.account.id)
    done = store.accounts.set_password(ada.account.id, b"new", told, reason=EndReason.PASSWORD_CHANGED)

    assert done is True
    assert changed(store, ada.account) == replace(
        ada.account, sealed_password=b"new", epoch=ada.account.epoch + 1
    )
    assert store.logins.find(first.digest, at=AT + 9) is None
    ended = store.logins.ended(first.digest)
    assert ended is not None
    assert (ended.ended_at, ended.reason) == (AT + 9, EndReason.PASSWORD_CHANGED)
    assert store.logins.known_browser(known.digest, at=AT) is None
    assert store.logins.pending(half.digest, at=AT) is None
    assert store.logins.revision() > revision
    assert store.events.list(account_id=ada.account.id)[-1][1] == told
    # And no one else's.
    assert store.logins.find(others.digest, at=AT) is not None
    assert store.logins.known_browser(others_known.digest, at=AT) == others_known


def test_ones_own_new_password_leaves_the_login_that_asked(store: Parts) -> None:
    ada = enrolled(store)
    mine, other = logged_in(store, ada), logged_in(store, ada)
    told, reason = event(EventKind.PASSWORD_SET, at=AT + 9), EndReason.PASSWORD_CHANGED
    assert store.accounts.set_password(ada.account.id, b"new", told, reason=reason, but=mine.id)
    assert store.logins.of_account(ada.account.id, at=AT + 9) == [mine]
    ended = store.logins.ended(other.digest)
    assert ended is not None
    assert ended.reason is reason


def test_the_last_logins_are_the_newest_of_each(store: Parts) -> None:
    ada, bob, eve = enrolled(store), enrolled(store), enrolled(store)
    for at in (AT, AT + 5, AT + 3):
        logged_in(store, ada, created_at=at)
    logged_in(store, bob, created_at=AT + 1)
    assert store.accounts.last_logins() == {ada.account.id: AT + 5, bob.account.id: AT + 1}
    assert eve.account.id not in store.accounts.last_logins()


def test_an_administrator_changes_what_is_named_and_nothing_else(store: Parts) -> None:
    enrolled(store, role=Role.ADMIN)
    ada = enrolled(store)
    login, revision = logged_in(store, ada), store.logins.revision()
    me, told = ada.account.id, [event(EventKind.ROLE_CHANGED), event(EventKind.EXPIRY_CHANGED)]
    assert store.accounts.amend(me, AccountChange(role=Role.ADMIN, expires_at=AT + 60), told)
    assert changed(store, ada.account) == replace(ada.account, role=Role.ADMIN, expires_at=AT + 60)
    assert [one.expires_at for one in store.logins.of_account(me, at=AT)] == [AT + 60]
    assert store.logins.revision() > revision
    assert kinds(store)[-2:] == [EventKind.ROLE_CHANGED, EventKind.EXPIRY_CHANGED]
    assert store.accounts.amend(me, AccountChange(disabled=False), [event()])
    assert store.accounts.amend(me, AccountChange(endless=True), [event()])
    assert changed(store, ada.account) == replace(ada.account, role=Role.ADMIN)
    assert store.accounts.amend(me, AccountChange(disabled=True), [event(at=AT + 1)])
    ended = store.logins.ended(login.digest)
    assert ended is not None
    assert ended.reason is EndReason.DISABLED
    assert not store.accounts.amend(new_id(), AccountChange(disabled=True), [event()])


@pytest.mark.parametrize(
    "change",
    [AccountChange(role=Role.MEMBER), AccountChange(disabled=True), AccountChange(expires_at=AT)],
)
def test_one_administrator_who_can_log_in_stays(store: Parts, change: AccountChange) -> None:
    root = enrolled(store, role=Role.ADMIN)
    added(store, role=Role.ADMIN)  # not enrolled
    store.accounts.set_disabled(enrolled(store, role=Role.ADMIN).account.id, event(), disabled=True)
    enrolled(store, role=Role.ADMIN, expires_at=AT)
    enrolled(store)
    login = logged_in(store, root)
    before = kinds(store)
    assert not store.accounts.amend(root.account.id, change, [event(EventKind.ROLE_CHANGED)])
    assert not store.accounts.delete(root.account.id, event(), keep_admin=True)
    assert changed(store, root.account) == root.account
    assert store.logins.of_account(root.account.id, at=AT) == [login]
    assert kinds(store) == before
    enrolled(store, role=Role.ADMIN)
    assert store.accounts.amend(root.account.id, change, [event(EventKind.ROLE_CHANGED)])
    assert store.accounts.delete(root.account.id, event(), keep_admin=True)


def test_a_rehash_replaces_only_the_hash_that_was_read(store: Parts) -> None:
    ada = enrolled(store)
    login, revision = logged_in(store, ada), store.logins.revision()
    old = ada.account.sealed_password or b""
    assert store.accounts.replace_hash(ada.account.id, old=old, new=b"rehashed") is True
    assert store.accounts.replace_hash(ada.account.id, old=old, new=b"late") is False
    assert changed(store, ada.account) == replace(ada.account, sealed_password=b"rehashed")
    assert store.accounts.replace_hash(new_id(), old=old, new=b"x") is False
    # No change of password: nobody is thrown out.
    assert store.logins.find(login.digest, at=AT) is not None
    assert store.logins.revision() == revision


def test_a_rehash_to_the_same_bytes_counts_as_done(store: Parts) -> None:
    ada, _ = added(store)
    same = ada.sealed_password or b""
    assert store.accounts.replace_hash(ada.id, old=same, new=same) is True


def test_a_role_holds_at_once_for_logins_that_are_open(store: Parts) -> None:
    ada = enrolled(store)
    login, revision = logged_in(store, ada), store.logins.revision()
    told = event(EventKind.ROLE_CHANGED, account_id=ada.account.id)
    assert store.accounts.set_role(ada.account.id, Role.ADMIN, told) is True
    assert store.accounts.set_role(ada.account.id, Role.ADMIN, told) is True  # found, though not changed
    found = store.logins.find(login.digest, at=AT)
    assert found is not None
    assert found[1] == replace(ada.account, role=Role.ADMIN)
    assert store.logins.revision() > revision
    assert kinds(store)[-2:] == [EventKind.ROLE_CHANGED] * 2


def test_a_disabled_account_has_no_logins_and_an_enabled_one_gets_none_back(store: Parts) -> None:
    ada = enrolled(store)
    login, half = logged_in(store, ada), pended(store, ada.account)
    told = event(EventKind.ACCOUNT_DISABLED, at=AT + 1, account_id=ada.account.id)
    revision = store.logins.revision()
    assert store.accounts.set_disabled(ada.account.id, told, disabled=True) is True
    assert changed(store, ada.account).disabled
    assert store.logins.revision() > revision
    back = event(EventKind.ACCOUNT_ENABLED, at=AT + 2, account_id=ada.account.id)
    assert store.accounts.set_disabled(ada.account.id, back, disabled=False) is True
    assert changed(store, ada.account) == ada.account
    assert store.logins.find(login.digest, at=AT + 2) is None
    assert store.logins.pending(half.digest, at=AT + 2) is None
    ended = store.logins.ended(login.digest)
    assert ended is not None
    assert ended.reason is EndReason.DISABLED


def test_disabling_twice_is_no_error(store: Parts) -> None:
    ada, _ = added(store)
    for _ in range(2):
        assert store.accounts.set_disabled(ada.id, event(), disabled=True) is True


def test_a_profile_changes_and_nothing_else_of_the_account(store: Parts) -> None:
    ada = enrolled(store)
    login, revision = logged_in(store, ada), store.logins.revision()
    for _ in range(2):
        done = store.accounts.set_profile(
            ada.account.id, display_name="Countess", initials="C", color="#123456", event=event()
        )
        assert done is True
    expected = replace(ada.account, display_name="Countess", initials="C", color="#123456")
    assert changed(store, ada.account) == expected
    assert store.logins.find(login.digest, at=AT) is not None
    assert store.logins.revision() > revision


def test_a_deleted_account_is_gone_with_all_that_hung_on_it(store: Parts) -> None:
    ada, bob = enrolled(store, "ada"), enrolled(store, "bob")
    known, login = browser_of(ada.account), session_of(ada.account)
    assert grant(store, pended(store, ada.account), ada.step(), login, known=known)
    half, others = pended(store, ada.account), logged_in(store, bob)
    code = code_for(ada.account.id)
    assert store.accounts.reset(ada.account.id, code, [event(EventKind.FACTOR_RESET)])
    begun = started(store, code)
    revision = store.logins.revision()
    past = kinds(store)

    told = event(EventKind.ACCOUNT_DELETED, account_id=ada.account.id, account="ada")
    assert store.accounts.delete(ada.account.id, told) is True

    assert store.accounts.by_name("ada") is None
    assert store.accounts.authenticators(ada.account.id) == []
    assert store.accounts.recovery_codes_left(ada.account.id) == 0
    assert store.logins.find(login.digest, at=AT) is None
    assert store.logins.pending(half.digest, at=AT) is None
    assert store.logins.known_browser(known.digest, at=AT) is None
    assert store.enrollments.code(code.digest, at=AT) is None
    assert store.enrollments.find(begun.digest, at=AT) is None
    assert store.logins.revision() > revision
    assert kinds(store) == [*past, EventKind.ACCOUNT_DELETED]
    assert store.logins.find(others.digest, at=AT) is not None
    # The name is free, and who takes it inherits nothing.
    again, _ = added(store, "ada")
    assert store.accounts.recovery_codes_left(again.id) == 0


def test_a_reset_ends_logins_and_gives_a_code_while_the_old_phone_goes_on(store: Parts) -> None:
    ada = enrolled(store)
    known, login = browser_of(ada.account), session_of(ada.account)
    assert grant(store, pended(store, ada.account), ada.step(), login, known=known)
    half = pended(store, ada.account)
    revision = store.logins.revision()
    code = code_for(ada.account.id)
    told = [event(EventKind.FACTOR_RESET, at=AT + 3), event(EventKind.ENROLLMENT_CODE, at=AT + 3)]

    assert store.accounts.reset(ada.account.id, code, told) is True

    after = changed(store, ada.account)
    assert after == replace(ada.account, epoch=ada.account.epoch + 1)
    ended = store.logins.ended(login.digest)
    assert ended is not None
    assert (ended.ended_at, ended.reason) == (AT + 3, EndReason.FACTOR_RESET)
    assert store.logins.known_browser(known.digest, at=AT) is None
    assert store.logins.pending(half.digest, at=AT) is None
    assert store.logins.revision() > revision
    assert store.enrollments.code(code.digest, at=AT) == code
    assert kinds(store)[-2:] == [EventKind.FACTOR_RESET, EventKind.ENROLLMENT_CODE]
    assert store.accounts.recovery_codes_left(ada.account.id) == 10
    assert grant(store, pended(store, after), ada.step(2), session_of(after))


def test_a_second_reset_voids_the_code_of_the_first(store: Parts) -> None:
    ada, first = added(store)
    begun, second = started(store, first), code_for(ada.id)
    assert store.accounts.reset(ada.id, second, [event(EventKind.FACTOR_RESET)])
    assert store.enrollments.code(first.digest, at=AT) is None
    assert store.enrollments.find(begun.digest, at=AT) is None
    assert store.enrollments.code(second.digest, at=AT) == second


ACTS: dict[str, Callable[[Parts, str], bool]] = {
    "set_password": lambda store, who: store.accounts.set_password(
        who, b"x", event(), reason=EndReason.PASSWORD_CHANGED
    ),
    "set_role": lambda store, who: store.accounts.set_role(who, Role.ADMIN, event()),
    "set_disabled": lambda store, who: store.accounts.set_disabled(who, event(), disabled=True),
    "set_profile": lambda store, who: store.accounts.set_profile(
        who, display_name="x", initials="x", color="red", event=event()
    ),
    "delete": lambda store, who: store.accounts.delete(who, event()),
    "reset": lambda store, who: store.accounts.reset(who, code_for(who), [event()]),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_act_on_nobody_is_refused_and_not_logged(store: Parts, act: Callable[[Parts, str], bool]) -> None:
    ada, _ = added(store)
    before, revision = kinds(store), store.logins.revision()
    assert act(store, new_id()) is False
    assert kinds(store) == before
    assert store.logins.revision() == revision
    assert store.accounts.all() == [ada]


def test_a_first_set_up_makes_the_account_whole(store: Parts) -> None:
    code = code_for(None)
    store.enrollments.put_code(code, event(EventKind.SETUP_LINK))
    begun = started(store, code)
    first = first_account(begun)
    recovery = [digest() for _ in range(10)]
    assert complete(store, begun, first, recovery=recovery)
    assert store.accounts.all() == [first]
    assert store.accounts.recovery_codes_left(first.id) == 10


def test_of_two_administrators_the_one_without_an_end_stays(store: Parts) -> None:
    """Else the other one's end comes, and nobody is left."""
    lasting, guest = (enrolled(store, role=Role.ADMIN).account.id for _ in range(2))
    until = AccountChange(expires_at=AT + 60)
    told = [event(EventKind.EXPIRY_CHANGED)]
    assert store.accounts.amend(guest, until, told)
    assert not store.accounts.amend(lasting, until, told)
    assert not store.accounts.amend(lasting, AccountChange(role=Role.MEMBER), told)
    assert not store.accounts.delete(lasting, event(EventKind.ACCOUNT_DELETED), keep_admin=True)
    assert store.accounts.amend(guest, AccountChange(endless=True), told)
    assert store.accounts.amend(lasting, until, told)
