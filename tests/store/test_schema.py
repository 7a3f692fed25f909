"""The schema's version, and that migrations make exactly the tables the code speaks of (R44, R45)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event as on
from sqlalchemy import inspect, text

from jupyter_totp_auth.store import Store, StoreRefused, open_store, schema
from jupyter_totp_auth.store.database import Database
from jupyter_totp_auth.store.opening import Places
from jupyter_totp_auth.store.tables import metadata
from tests.store.makers import AT, added, enrolled
from tests.store.places import mode_of

MIGRATIONS = Path(schema.__file__).parent / "migrations"


@contextmanager
def opened(places: Places) -> Iterator[Store]:
    store = open_store(places, at=AT)
    yield store
    store.close()


@pytest.fixture
def places(empty_url: str, tmp_path: Path) -> Places:
    return Places(empty_url, tmp_path / "totp-key" / "keyring")


def execute(url: str, *statements: str) -> None:
    """Do something behind the store's back."""
    database = Database(url)
    if database.path is not None and not database.path.exists():
        database.path.parent.mkdir(mode=0o700)
        database.path.touch(mode=0o600)
    with database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))
    database.close()


def tables_of(url: str) -> set[str]:
    database = Database(url)
    with database.read() as connection:
        found = set(inspect(connection).get_table_names())
    database.close()
    return found


# -- the two descriptions ------------------------------------------------------------------------------


def test_head_is_the_newest_migration_and_there_is_one_line_of_them() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [schema.HEAD]


def test_revisions_are_numbers_that_rise() -> None:
    revisions = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    assert all(re.fullmatch(r"[0-9]{4}", revision) for revision in revisions)  # they are compared as text
    assert revisions == sorted(revisions, reverse=True)


def test_migrations_make_exactly_the_tables_of_the_code(sql: Store) -> None:
    with sql.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == schema.HEAD


def test_every_table_of_mariadb_tells_names_apart_and_knows_transactions(mariadb_store: Store) -> None:
    query = text(
        "SELECT table_name, engine, table_collation FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name <> 'alembic_version'"
    )
    with mariadb_store.database.read() as connection:
        found = {row[0]: (row[1], row[2]) for row in connection.execute(query)}
    assert found == dict.fromkeys(metadata.tables, ("InnoDB", "utf8mb4_nopad_bin"))


def test_every_foreign_key_stands_and_is_kept(sql: Store) -> None:
    with sql.database.read() as connection:
        inspector = inspect(connection)
        for table in metadata.tables.values():
            made = {
                (tuple(key["constrained_columns"]), key["referred_table"], key["options"].get("ondelete"))
                for key in inspector.get_foreign_keys(table.name)
            }
            meant = {((key.parent.name,), key.column.table.name, key.ondelete) for key in table.foreign_keys}
            assert made == meant


# -- versions ------------------------------------------------------------------------------------------


def refusal(places: Places) -> str:
    with pytest.raises(StoreRefused) as caught:
        open_store(places, at=AT)
    return str(caught.value)


def test_a_newer_schema_refuses(places: Places) -> None:
    with opened(places) as store:
        added(store, "ada")
    execute(places.database_url, "UPDATE alembic_version SET version_num = '9999'")
    message = refusal(places)
    assert "newer" in message
    assert "9999" in message
    execute(places.database_url, f"UPDATE alembic_version SET version_num = '{schema.HEAD}'")
    with opened(places) as store:
        assert store.accounts.by_name("ada") is not None


@pytest.mark.parametrize(
    "theirs",
    [
        ["CREATE TABLE account (id INTEGER)"],
        ["CREATE TABLE event (id INTEGER)"],
        [
            "CREATE TABLE alembic_version (version_num VARCHAR(32))",
            "INSERT INTO alembic_version VALUES ('0001')",
        ],
        [
            "CREATE TABLE alembic_version (version_num VARCHAR(32))",
            "INSERT INTO alembic_version VALUES ('ae1027a6acf')",
            "CREATE TABLE login (id INTEGER)",
        ],
    ],
    ids=["a table", "another table", "our revision", "their revision"],
)
def test_a_database_of_somebody_else_refuses_and_is_left_alone(places: Places, theirs: list[str]) -> None:
    execute(places.database_url, *theirs)
    before = tables_of(places.database_url)
    assert "not jupyter-totp-auth's" in refusal(places)
    assert tables_of(places.database_url) == before
    assert not places.keyring.exists()


def test_tables_that_are_not_in_our_way_do_not_matter(places: Places) -> None:
    execute(places.database_url, "CREATE TABLE auth_user (id INTEGER)")
    with opened(places) as store:
        added(store, "ada")
    with opened(places) as store:
        assert store.accounts.by_name("ada") is not None


def test_a_store_is_backed_up_before_it_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(f"sqlite:///{tmp_path}/totp/totp.sqlite3", tmp_path / "keyring")
    with opened(places) as store:
        ada = enrolled(store, "ada")
    monkeypatch.setattr(schema, "HEAD", "9998")
    monkeypatch.setattr(schema, "_upgrade", lambda _database: None)
    before = os.umask(0)
    try:
        with opened(places):
            pass
    finally:
        os.umask(before)
    (copy,) = (tmp_path / "totp").glob("*.before-9998-*")
    assert mode_of(copy) == 0o600
    database = Database(f"sqlite:///{copy}")
    with database.read() as connection:
        assert connection.execute(text("SELECT username FROM account")).scalar_one() == ada.account.username
    database.close()


# -- cut short, and at once ----------------------------------------------------------------------------


class CutShort(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [1, 2, 6, 14])
def test_a_first_migration_that_was_cut_short_goes_on(
    places: Places, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def cut(*details: Any) -> None:
        if details[2].lstrip().startswith("CREATE"):
            seen.append(details[2])
            if len(seen) > after:
                raise CutShort

    database = Database(places.database_url)
    if database.path is not None:
        database.path.parent.mkdir(mode=0o700)
        database.path.touch(mode=0o600)
    on.listen(database.engine, "before_cursor_execute", cut)
    with pytest.raises(CutShort):
        schema.bring_up_to_date(database)
    database.close()
    with opened(places) as store:
        added(store, "ada")
        with store.database.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_lock_of_a_migration_is_given_back(sql: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_PATIENCE_S", 0.3)
    url = sql.database.url.render_as_string(hide_password=False)
    other = Database(url)
    with schema.locked(sql.database):
        pass
    with schema.locked(other):  # and the first still has its connection in the pool
        pass
    other.close()


@pytest.mark.parametrize("sql", ["postgresql", "mariadb"], indirect=True)
def test_who_cannot_get_the_lock_hears_so_after_a_while(sql: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_PATIENCE_S", 0.3)
    other = Database(sql.database.url.render_as_string(hide_password=False))
    with (
        schema.locked(sql.database),
        pytest.raises(StoreRefused, match="migrating"),
        schema.locked(other),
    ):
        pass
    with schema.locked(other):
        pass
    other.close()
