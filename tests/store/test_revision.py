"""Each step of the revision says whose it is, so that memory reads again what changed and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import delete, func, select, update

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import LoginSession, Role
from jupyter_totp_auth.store import Store, revision
from jupyter_totp_auth.store.revision import raise_revision
from jupyter_totp_auth.store.tables import account_change, instance
from tests.store.acts import change_password, demote, disable, end_all, renew_recovery_codes, reset
from tests.store.acts import delete as delete_account
from tests.store.makers import AT, Parts, Person, digest, enrolled, event, logged_in, session_of, token_of

ACTS: dict[str, Callable[[Parts, Person, LoginSession], object]] = {
    "disable": lambda store, who, _: disable(store, who.account.id),
    "demote": lambda store, who, _: demote(store, who.account.id),
    "password": lambda store, who, _: change_password(store, who.account.id),
    "reset": lambda store, who, _: reset(store, who.account.id),
    "delete": lambda store, who, _: delete_account(store, who.account.id),
    "end all": lambda store, who, _: end_all(store, who.account.id),
    "recovery codes": lambda store, _, login: renew_recovery_codes(store, [digest()], login),
    "lock": lambda store, who, login: store.logins.lock(
        login.id, event(EventKind.LOGIN_LOCKED, account_id=who.account.id)
    ),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_a_step_names_its_account(store: Parts, act: Callable[[Parts, Person, LoginSession], object]) -> None:
    enrolled(store, "somebody-else", role=Role.ADMIN)
    ada = enrolled(store, "ada")
    login = logged_in(store, ada)
    before = store.logins.revision()
    assert act(store, ada, login)
    after = store.logins.revision()
    assert after > before
    assert store.logins.changed_accounts(before, after) == {ada.account.id}


def test_steps_of_several_people_are_all_told(store: Parts) -> None:
    ada, bob = enrolled(store, "ada"), enrolled(store, "bob")
    begun = store.logins.revision()
    end_all(store, ada.account.id)
    between = store.logins.revision()
    end_all(store, bob.account.id)
    now = store.access_tokens.revision()
    assert store.access_tokens.changed_accounts(begun, now) == {ada.account.id, bob.account.id}
    assert store.access_tokens.changed_accounts(between, now) == {bob.account.id}
    assert store.access_tokens.changed_accounts(begun, between) == {ada.account.id}


def test_a_number_that_was_set_back_could_be_about_anybody(store: Parts) -> None:
    enrolled(store, "ada")
    now = store.logins.revision()
    assert store.logins.changed_accounts(now + 5, now) is None
    assert store.logins.changed_accounts(-1, now) is None


def test_a_gap_could_be_about_anybody(sql: Store) -> None:
    ada = enrolled(sql, "ada")
    before = sql.logins.revision()
    end_all(sql, ada.account.id)
    with sql.database.write() as connection:  # as a restore does
        connection.execute(update(instance).values(revision=instance.c.revision + 3))
    assert sql.logins.changed_accounts(before, sql.logins.revision()) is None


def test_so_could_a_step_about_everybody(sql: Store) -> None:
    before = sql.logins.revision()
    with sql.database.write() as connection:
        raise_revision(connection, None)
    assert sql.logins.changed_accounts(before, sql.logins.revision()) is None


def test_old_steps_are_purged_and_then_it_could_be_anybody(
    sql: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = enrolled(sql, "ada")
    monkeypatch.setattr(revision, "_MOST_STEPS", 2)
    before = sql.logins.revision()
    for _ in range(4):
        end_all(sql, ada.account.id)
    now = sql.logins.revision()
    sql.logins.purge(at=AT, ended_before=0)
    with sql.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(account_change)).scalar_one() == 2
    assert sql.logins.changed_accounts(before, now) is None
    assert sql.logins.changed_accounts(now - 2, now) == {ada.account.id}


def test_a_change_that_was_undone_leaves_no_step(sql: Store) -> None:
    ada = enrolled(sql, "ada")
    before = sql.logins.revision()
    token = token_of(ada.account)
    assert not sql.access_tokens.revoke(ada.account.id, token.id, event())
    unknown = session_of(ada.account)
    assert not sql.logins.lock(unknown.id, event(account_id=ada.account.id))
    assert sql.logins.revision() == before
    with sql.database.write() as connection:
        newer = delete(account_change).where(account_change.c.revision > before)
        assert connection.execute(newer).rowcount == 0
