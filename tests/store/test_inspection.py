"""A look at a store from outside: it sees what is there, in all three databases, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect as tables_of
from sqlalchemy import text

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.core.policy import DAY, HOUR
from jupyter_totp_auth.core.sealing import Keyring
from jupyter_totp_auth.store import Store, StoreRefused, StoreUnavailable, keyring_file, open_store
from jupyter_totp_auth.store.database import Database
from jupyter_totp_auth.store.inspection import Person, Token, fits, inspect
from jupyter_totp_auth.store.opening import Places
from jupyter_totp_auth.store.schema import HEAD
from tests.store.makers import AT, added, enrolled, event, logged_in, token_of


@pytest.fixture
def places(empty_url: str, tmp_path: Path) -> Places:
    return Places(empty_url, tmp_path / "totp-key" / "keyring")


@pytest.fixture
def made(places: Places) -> Iterator[Store]:
    store = open_store(places, at=AT)
    yield store
    store.close()


def test_what_was_written_is_seen(places: Places, made: Store) -> None:
    ada = enrolled(made, "ada", role=Role.ADMIN)
    session = logged_in(made, ada, last_seen_at=AT + 5)
    token = token_of(ada.account)
    assert (
        made.access_tokens.add(
            token, epoch=ada.account.epoch, login_id=session.id, most=5, event=event(EventKind.TOKEN_MADE)
        )
        is None
    )
    _, code = added(made, "bob", disabled=True, expires_at=AT + DAY)
    made.events.add(event(EventKind.STORE_BACKED_UP, at=AT - HOUR), event(EventKind.UNLOCKED, at=AT + 9))

    seen = inspect(places)
    assert (seen.schema, seen.damaged, seen.is_current) == (HEAD, False, True)
    assert (seen.created_at, seen.newest, seen.backed_up_at) == (AT, AT + 9, AT - HOUR)
    assert sorted(seen.people, key=lambda person: person.username) == [
        Person("ada", True, True, False, None, 10, AT + 5),
        Person("bob", False, False, True, AT + DAY, 0, None),
    ]
    assert seen.links == (code.expires_at,)
    assert seen.tokens == (Token("ada", token.created_at, token.expires_at, None),)
    keyring = keyring_file.read(places.keyring)
    assert keyring is not None
    assert fits(keyring, seen)
    assert not fits(Keyring.generate(), seen)


def test_where_nothing_is_nothing_is_made(places: Places) -> None:
    database = Database(places.database_url)
    if database.path is not None:
        with pytest.raises(StoreRefused):
            inspect(places)
        assert not database.path.exists()
        return
    assert inspect(places).schema is None
    with database.read() as connection:
        assert tables_of(connection).get_table_names() == []
    database.close()


def test_of_another_schema_only_that_is_seen(places: Places, made: Store) -> None:
    enrolled(made)
    with made.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    seen = inspect(places)
    assert (seen.schema, seen.is_current, seen.people) == ("0001", False, ())


def test_a_repr_tells_no_secret(places: Places, made: Store) -> None:
    seen = inspect(places)
    assert seen.key_check is not None
    assert "key_check" not in repr(seen)
    assert "mac_key" not in repr(seen)


def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        inspect(Places("postgresql://totp:x@127.0.0.1:9/totp", tmp_path / "keyring"))
