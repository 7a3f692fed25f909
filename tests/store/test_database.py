"""The two kinds of transaction: what they promise, what comes out when the database fails, who is told."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from jupyter_totp_auth.core.events import Event, EventKind
from jupyter_totp_auth.core.model import Claim, Role
from jupyter_totp_auth.store import Store, StoreUnavailable, database
from jupyter_totp_auth.store.database import Database, Deadlock, again_after_deadlock, in_words
from jupyter_totp_auth.store.rows import write_event
from jupyter_totp_auth.store.tables import account, instance
from jupyter_totp_auth.store.tables import event as event_table
from tests.store.makers import (
    AT,
    added,
    code_for,
    complete,
    digest,
    enrolled,
    event,
    grant,
    logged_in,
    new_id,
    pended,
    session_of,
    started,
)
from tests.store.makers import (
    account as new_account,
)


@pytest.fixture
def other(sql: Store) -> Iterator[Database]:
    """The same database through connections of its own."""
    opened = Database(sql.database.url.render_as_string(hide_password=False))
    yield opened
    opened.close()


# -- transactions --------------------------------------------------------------------------------------


class Stop(Exception):
    """Something goes wrong in the middle."""


def test_a_block_that_raises_did_not_happen(sql: Store) -> None:
    ada, _ = added(sql)

    def begin() -> None:
        with sql.database.write() as connection:
            connection.execute(update(account).values(epoch=99))
            raise Stop

    with pytest.raises(Stop):
        begin()
    assert sql.accounts.by_id(ada.id) == ada


def test_a_rollback_inside_the_block_ends_it_quietly_and_the_connection_goes_on(sql: Store) -> None:
    ada, _ = added(sql)
    for _ in range(40):  # more often than the pool has connections: none is lost
        with sql.database.write() as connection:
            connection.execute(update(account).values(epoch=99))
            connection.rollback()
    assert sql.accounts.by_id(ada.id) == ada
    assert sql.accounts.set_role(ada.id, Role.ADMIN, event())


def test_refused_grants_give_their_connections_back(sql: Store) -> None:
    ada = enrolled(sql)
    half = pended(sql, ada.account)
    for _ in range(40):
        assert grant(sql, half, ada.step(0), session_of(ada.account)) is False
    assert grant(sql, half, ada.step(1), session_of(ada.account)) is True


def test_what_is_written_is_there_for_others_when_the_method_returns(sql: Store, other: Database) -> None:
    ada, _ = added(sql)
    with other.read() as connection:
        assert connection.execute(select(account.c.username)).scalar_one() == ada.username


def test_a_reader_does_not_see_what_is_not_yet_durable(sql: Store, other: Database) -> None:
    ada, _ = added(sql)
    with sql.database.write() as connection:
        connection.execute(update(account).values(epoch=99))
        with other.read() as reader:  # nor does it wait
            assert reader.execute(select(account.c.epoch)).scalar_one() == ada.epoch


@pytest.mark.parametrize("sql", ["sqlite"], indirect=True)
def test_sqlite_takes_its_write_lock_at_the_beginning(sql: Store, other: Database) -> None:
    with sql.database.write(), other.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        with pytest.raises(StoreUnavailable), database.translated():
            connection.exec_driver_sql("BEGIN IMMEDIATE")


@pytest.mark.parametrize("sql", ["sqlite"], indirect=True)
def test_writers_of_one_process_stand_in_line_for_sqlite(sql: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not left to SQLite's lock: of many that ask again and again, it passes over the one who waited longest.
    monkeypatch.setattr(database, "_TURN_TIMEOUT_S", 0.2)
    refused: list[float] = []

    def write() -> None:
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            sql.events.add(event())
        refused.append(time.monotonic() - begun)

    with sql.database.write():
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(20)
        assert sql.events.list() == []  # who reads does not stand in it
    assert refused[0] < 2
    sql.events.add(event())


def test_a_file_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "totp.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as maker:
        maker.execute("BEGIN IMMEDIATE")
        maker.execute("CREATE TABLE t (x)")
        done = threading.Timer(0.5, maker.commit)
        done.start()
        opened = Database(f"sqlite:///{file}")
        with opened.read() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        opened.close()
        done.join()


@pytest.mark.parametrize("sql", ["sqlite"], indirect=True)
def test_every_connection_to_sqlite_is_durable_and_keeps_foreign_keys(sql: Store) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    with ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(sql.database.read())
            for pragma, value in wanted.items():
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value


@pytest.mark.parametrize("sql", ["postgresql", "mariadb"], indirect=True)
def test_servers_are_asked_to_be_strict_and_quick(sql: Store) -> None:
    with sql.database.read() as connection:
        if connection.dialect.name == "postgresql":
            shown = [
                connection.execute(text(f"SHOW {name}")).scalar_one()
                for name in ("transaction_isolation", "statement_timeout", "lock_timeout")
            ]
            assert shown == ["read committed", "4s", "4s"]
        else:
            query = text("SELECT @@tx_isolation, @@sql_mode, @@innodb_lock_wait_timeout")
            isolation, mode, patience = connection.execute(query).one()
            assert (isolation, patience) == ("READ-COMMITTED", 4)
            assert set(mode.split(",")) == {"STRICT_ALL_TABLES", "SIMULTANEOUS_ASSIGNMENT"}


def test_columns_of_one_update_are_computed_from_the_row_as_it_was(sql: Store) -> None:
    ada, _ = added(sql, epoch=5)
    with sql.database.write() as connection:
        changed = {"created_at": account.c.epoch + 1, "epoch": account.c.epoch + 1}
        connection.execute(update(account).values(**changed))
        connection.execute(
            update(account).values(created_at=account.c.epoch, epoch=account.c.created_at + 10)
        )
    now = sql.accounts.by_id(ada.id)
    assert now is not None
    assert (now.created_at, now.epoch) == (6, 16)


# -- failures ------------------------------------------------------------------------------------------


def test_a_failure_carries_neither_sql_nor_values(sql: Store) -> None:
    with pytest.raises(StoreUnavailable) as caught, sql.database.write() as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (:value)"), {"value": "hunter2"})
    shown = f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert "hunter2" not in shown
    assert "nowhere" not in shown
    assert caught.value.__suppress_context__


def test_a_clash_of_keys_is_no_failure_of_the_database(sql: Store) -> None:
    ada, _ = added(sql)
    with pytest.raises(IntegrityError), sql.database.write() as connection:
        connection.execute(account.insert().from_select(list(account.c), select(account)))
    assert sql.accounts.by_id(ada.id) == ada


def test_more_hands_than_connections_wait_a_while_and_hear_that_the_store_is_busy(
    sql: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_ANSWER_TIMEOUT_S", 0.5)
    full = Database(sql.database.url.render_as_string(hide_password=False))
    with ExitStack() as stack:
        for _ in range(full.engine.pool.size() + full.engine.pool._max_overflow):  # type: ignore[attr-defined]
            stack.enter_context(full.read())
        for kind in (full.read, full.write):
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable), kind():
                pass
            assert time.monotonic() - begun < 3
    with full.write():
        pass
    full.close()


def test_no_pool_waits_longer_than_a_person_would(sql: Store) -> None:
    assert sql.database.engine.pool.timeout() <= 5  # type: ignore[attr-defined]


# -- deadlocks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["postgresql", "mariadb"], indirect=True)
def test_of_two_that_wait_for_each_other_both_come_through(sql: Store) -> None:
    accounts = [added(sql)[0].id for _ in range(2)]
    both_hold_one = threading.Barrier(2)
    turns: list[str] = []

    @again_after_deadlock
    def change(first: str, second: str) -> None:
        turns.append(first)
        with sql.database.write() as connection:
            for number, who in enumerate((first, second)):
                connection.execute(
                    update(account).where(account.c.id == who).values(epoch=account.c.epoch + 1)
                )
                if number == 0 and turns.count(first) == 1:
                    both_hold_one.wait(10)

    threads = [threading.Thread(target=change, args=order) for order in (accounts, accounts[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(turns) > 2  # there was one
    epochs = [found.epoch for who in accounts if (found := sql.accounts.by_id(who))]
    assert epochs == [2, 2]


def test_who_loses_every_time_hears_that_the_store_is_busy() -> None:
    turns = []

    @again_after_deadlock
    def unlucky() -> None:
        turns.append(1)
        raise Deadlock("DeadlockDetected")

    with pytest.raises(StoreUnavailable):
        unlucky()
    assert len(turns) == 5


def test_another_failure_is_not_tried_again() -> None:
    turns = []

    @again_after_deadlock
    def broken() -> None:
        turns.append(1)
        raise StoreUnavailable("OperationalError")

    with pytest.raises(StoreUnavailable):
        broken()
    assert len(turns) == 1


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (sqlite3.OperationalError("database or disk is full"), "OperationalError: database or disk is full"),
        (sqlite3.OperationalError("no such table: account"), "OperationalError"),
        (sqlite3.OperationalError("first\nDETAIL: a row"), "OperationalError: first"),
        (sqlite3.OperationalError("x" * 999), f"OperationalError: {'x' * 200}"),
        (sqlite3.OperationalError(), "OperationalError"),
        (sqlite3.DataError("value 'secret' is too long"), "DataError"),
        (OSError(28, "No space left on device"), "OSError"),
    ],
)
def test_the_operator_is_told_what_the_driver_says_and_nothing_of_rows(cause: Exception, words: str) -> None:
    assert in_words(cause) == words


# -- who listens ---------------------------------------------------------------------------------------


@pytest.fixture
def heard(sql: Store) -> Iterator[list[Event]]:
    """What a listener was told."""
    told: list[Event] = []
    sql.database.listen(told.append)
    yield told
    sql.database._listeners.clear()


def test_each_event_is_told_once_and_in_order(sql: Store, heard: list[Event]) -> None:
    ada = enrolled(sql)
    logged_in(sql, ada)
    sql.accounts.set_role(ada.account.id, Role.ADMIN, event(EventKind.ROLE_CHANGED))
    assert heard == [entry for _, entry in sql.events.list()]
    assert len(heard) == 5


def test_an_event_is_told_only_once_it_is_durable(sql: Store, other: Database) -> None:
    seen: list[int] = []

    def look(_: Event) -> None:
        with other.read() as connection:
            seen.append(connection.execute(select(func.count()).select_from(event_table)).scalar_one())

    sql.database.listen(look)
    try:
        sql.events.add(event())
        sql.accounts.add(ada := new_account(), code_for(ada.id), [event(), event()])
    finally:
        sql.database._listeners.clear()
    assert seen == [1, 3, 3]


def test_what_was_rolled_back_is_told_to_nobody(sql: Store, heard: list[Event]) -> None:
    ada, code = added(sql, "ada")
    half, begun = pended(sql, ada), started(sql, code)
    del heard[:]
    assert sql.accounts.add(new_account("ada"), code_for(new_id()), [event()]) is False
    assert grant(sql, half, Claim(authenticator_id=new_id(), step=1), session_of(ada)) is False
    assert sql.accounts.set_role(new_id(), Role.ADMIN, event()) is False
    assert complete(sql, begun, new_account("other")) is False

    def begin() -> None:
        with sql.database.write() as connection:
            write_event(connection, event())
            raise Stop

    with pytest.raises(Stop):
        begin()
    with sql.database.write() as connection:
        write_event(connection, event())
        connection.rollback()
    assert heard == []
    assert len(sql.events.list()) == 2
    # And the next one is told alone.
    sql.events.add(event(detail="next"))
    assert [entry.detail for entry in heard] == ["next"]


def test_what_could_not_be_committed_is_told_to_nobody(
    sql: Store, heard: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect = sql.database.engine.dialect

    def fails(_: object) -> None:
        raise dialect.loaded_dbapi.OperationalError("disk full")

    monkeypatch.setattr(dialect, "do_commit", fails)
    with pytest.raises(StoreUnavailable):
        sql.events.add(event())
    monkeypatch.undo()
    assert heard == []
    assert sql.events.list() == []
    sql.events.add(event())
    assert len(heard) == 1


def test_each_thread_tells_its_own_events(sql: Store, heard: list[Event]) -> None:
    def write(name: str) -> None:
        for number in range(10):
            sql.events.add(event(detail=f"{name}{number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.detail for entry in heard) == sorted(
        f"{name}{n}" for name in "abcd" for n in range(10)
    )


def test_a_write_without_an_event_tells_nothing(sql: Store, heard: list[Event]) -> None:
    sql.throttles.refund(digest(), 1, at=AT)
    sql.logins.touch({digest(): AT})
    with sql.database.write() as connection:
        connection.execute(update(instance).values(revision=instance.c.revision))
    with sql.database.read():
        pass
    assert heard == []
