"""Disks that are full, locked, gone; servers that are killed: refused within seconds, and nothing granted.

N01, N02, N05, N07, N08.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event as on
from sqlalchemy import select, update

from jupyter_totp_auth.store import Store, StoreUnavailable, database, open_store
from jupyter_totp_auth.store.database import Database
from jupyter_totp_auth.store.opening import Places
from jupyter_totp_auth.store.tables import account, instance
from tests.attacks.faults import frozen
from tests.services import missing_is_skip
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL, running_postgresql
from tests.services.process import Account, Process, folder, running, unprivileged
from tests.store import acts
from tests.store.crowd import Failed, Hands, Processes
from tests.store.makers import AT, Person, added, enrolled, grant, logged_in, pended, pending_of, session_of


def unavailable(act: Callable[[], object], *, within: float) -> bool:
    """Whether the store says within so many seconds that it cannot."""
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable):
        act()
    return time.monotonic() - begun < within


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "totp" / "totp.sqlite3"


@pytest.fixture
def store(file: Path, tmp_path: Path) -> Iterator[Store]:
    """A SQLite store of this test's own."""
    opened = open_store(Places(f"sqlite:///{file}", tmp_path / "totp-key" / "keyring"), at=AT)
    yield opened
    opened.close()


@pytest.fixture
def ada(store: Store) -> Person:
    return enrolled(store, "ada")


# -- SQLite --------------------------------------------------------------------------------------------


def test_while_another_process_holds_the_file_nothing_is_granted_and_reads_go_on(
    store: Store, ada: Person, file: Path
) -> None:
    login, half = logged_in(store, ada), pended(store, ada.account)
    answers: list[bool] = []

    def write() -> None:
        session = session_of(ada.account)
        answers.append(unavailable(lambda: grant(store, half, ada.step(99_999), session), within=10))

    with closing(sqlite3.connect(file)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        for _ in range(20):
            begun = time.monotonic()
            assert store.logins.find(login.digest, at=AT) is not None
            assert store.logins.revision() >= 0
            assert time.monotonic() - begun < 1
        for writer in writers:
            writer.join(20)
        holder.rollback()
    assert answers == [True] * 3
    assert grant(store, half, ada.step(99_999), session_of(ada.account))


def test_a_file_that_was_deleted_stays_gone(store: Store, ada: Person, file: Path, tmp_path: Path) -> None:
    file.rename(tmp_path / "aside")
    half = pending_of(ada.account)
    for _ in range(3):
        assert unavailable(store.accounts.all, within=1)
        assert unavailable(lambda: pended(store, ada.account), within=1)
        assert unavailable(lambda: grant(store, half, ada.step(), session_of(ada.account)), within=1)
    assert not file.exists()
    (tmp_path / "aside").rename(file)
    assert store.accounts.all() == [ada.account]  # by itself


@pytest.mark.parametrize("closed", [False, True], ids=["open connections", "none open"])
def test_a_file_that_was_replaced_is_never_used_and_the_old_one_is_when_it_is_back(
    store: Store, ada: Person, file: Path, tmp_path: Path, closed: bool
) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(tmp_path / "copy")) as copy:
        source.backup(copy)
    (tmp_path / "copy").chmod(0o600)
    bob, _ = added(store, "bob")
    half = pended(store, ada.account)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if closed:
        store.database.engine.dispose()
    file.rename(tmp_path / "aside")
    (tmp_path / "copy").rename(file)
    before = file.read_bytes()
    for _ in range(3):
        assert unavailable(store.accounts.all, within=1)
        assert unavailable(store.logins.revision, within=1)
        assert unavailable(lambda: grant(store, half, ada.step(), session_of(ada.account)), within=1)
    assert file.read_bytes() == before
    (tmp_path / "aside").rename(file)
    assert store.accounts.by_id(bob.id) is not None
    assert grant(store, half, ada.step(), session_of(ada.account))


def test_another_store_in_its_place_is_noticed_by_the_poll(store: Store, ada: Person) -> None:
    assert store.accounts.all() == [ada.account]
    with store.database.write() as connection:
        connection.execute(update(instance).values(instance_id="another"))
    assert unavailable(store.logins.revision, within=1)


@contextmanager
def alone() -> Iterator[Processes]:
    crowd = Processes(1)
    try:
        yield crowd
    finally:
        crowd.close()


def test_a_full_disk_grants_nothing_and_spends_nothing(store: Store, ada: Person, file: Path) -> None:
    login = session_of(ada.account)
    half = pended(store, ada.account)
    log = file.with_name(file.name + "-wal").stat().st_size
    with alone() as crowd:
        crowd.at(store)
        crowd.at_once([(acts.limit_files, (log,))])
        with pytest.raises(Failed, match="StoreUnavailable"):
            crowd.at_once([(acts.log_in, (half, ada.step(), login))])
        assert crowd.at_once([(acts.count_accounts, ())]) == [1]
        crowd.at_once([(acts.limit_files, (-1,))])
        assert store.logins.find(login.digest, at=AT) is None
        assert crowd.at_once([(acts.log_in, (half, ada.step(), login))]) == [True]
    assert store.logins.find(login.digest, at=AT) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take a file away from its user")
def test_a_file_that_became_read_only_grants_nothing_and_can_be_read() -> None:
    nobody = Account(65534, 65534)
    with folder("totp-readonly-", nobody) as place, folder("totp-warm-") as warm, alone() as crowd:
        places = Places(f"sqlite:///{place}/totp.sqlite3", place / "keyring")
        crowd.at(None).at_once([(acts.become_nobody, (warm,))])
        crowd.at_once([(acts.open_once, (places.database_url, places.keyring))])
        hands = Hands(places.database_url)
        ada = enrolled(hands)
        half = pended(hands, ada.account)
        hands.database.close()
        os.chown(place / "totp.sqlite3", 0, 0)
        (place / "totp.sqlite3").chmod(0o444)
        crowd._url = places.database_url
        with pytest.raises(Failed, match="StoreUnavailable"):
            crowd.at_once([(acts.log_in, (half, ada.step(), session_of(ada.account)))])
        assert crowd.at_once([(acts.count_accounts, ())]) == [1]


# -- servers -------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, sql: Store) -> Iterator[Hands]:
    """The same database with a patience of one second."""
    monkeypatch.setattr(database, "_ANSWER_TIMEOUT_S", 1)
    hands = Hands(sql.database.url.render_as_string(hide_password=False))
    yield hands
    hands.database.close()


@pytest.mark.parametrize("sql", ["postgresql", "mariadb"], indirect=True)
def test_a_row_that_somebody_holds_is_waited_for_in_vain_but_not_for_ever(sql: Store, quick: Hands) -> None:
    ada = enrolled(sql)
    half, login = pended(sql, ada.account), session_of(ada.account)
    with sql.database.write() as connection:
        connection.execute(update(account).values(epoch=account.c.epoch))
        assert unavailable(lambda: grant(quick, half, ada.step(), login), within=6)
    assert quick.logins.find(login.digest, at=AT) is None
    assert grant(quick, half, ada.step(), login)


def cut_connections(server: PostgreSQL | MariaDB, url: str) -> None:
    """Have the server end every connection to a database, as an administrator can."""
    name = url.rpartition("/")[2]
    if isinstance(server, PostgreSQL):
        server._admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        return
    admin = Database(url.replace("//totp:", "//admin:"))
    with admin.engine.connect() as connection:
        mine = connection.connection.thread_id()  # type: ignore[attr-defined]
        rows = connection.exec_driver_sql(
            f"SELECT id FROM information_schema.processlist WHERE db = '{name}' AND id <> {mine}"
        )
        for (number,) in rows.all():
            connection.exec_driver_sql(f"KILL {number}")
    admin.close()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_connections_that_the_server_cut_while_idle_are_made_anew(
    request: pytest.FixtureRequest, kind: str
) -> None:
    server = request.getfixturevalue(kind)
    sql: Store = request.getfixturevalue(f"{kind}_store")
    before = len(sql.accounts.all())
    cut_connections(server, sql.database.url.render_as_string(hide_password=False))
    assert len(sql.accounts.all()) == before


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_grant_whose_connection_is_cut_did_not_happen(request: pytest.FixtureRequest, kind: str) -> None:
    server = request.getfixturevalue(kind)
    sql: Store = request.getfixturevalue(f"{kind}_store")
    url = sql.database.url.render_as_string(hide_password=False)
    ada = enrolled(sql)
    half, login = pended(sql, ada.account), session_of(ada.account)
    failed: list[bool] = []

    def wait_in_vain() -> None:
        failed.append(unavailable(lambda: grant(sql, half, ada.step(), login), within=6))

    def hold_until_cut() -> None:
        with holder.write() as connection:
            connection.execute(update(account).values(epoch=account.c.epoch))
            waiting.start()
            time.sleep(0.3)
            cut_connections(server, url)
            waiting.join(10)
            connection.execute(select(account))

    holder, waiting = Database(url), threading.Thread(target=wait_in_vain)
    with pytest.raises(StoreUnavailable):
        hold_until_cut()
    holder.close()
    assert failed == [True]
    assert sql.logins.find(login.digest, at=AT) is None
    assert grant(sql, half, ada.step(), login)
    sql.accounts.delete(ada.account.id, acts.event())


def test_a_server_that_stands_still_while_a_connection_is_given_back_leaves_no_trace_in_the_log(
    mariadb: MariaDB, mariadb_store: Store, quick_mariadb: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    before = mariadb_store.accounts.all()
    with ExitStack() as stack:

        def stand_still(*_: object) -> None:
            stack.enter_context(frozen(mariadb.process.pid))

        on.listen(quick_mariadb.database.engine, "reset", stand_still, once=True)
        assert quick_mariadb.accounts.all() == before, "that was answered already"
    assert quick_mariadb.accounts.all() == before
    assert [record.message for record in caplog.records] == []


@pytest.fixture
def quick_mariadb(monkeypatch: pytest.MonkeyPatch, mariadb_store: Store) -> Iterator[Hands]:
    monkeypatch.setattr(database, "_ANSWER_TIMEOUT_S", 1)
    hands = Hands(mariadb_store.database.url.render_as_string(hide_password=False))
    yield hands
    hands.database.close()


@pytest.fixture
def own_server() -> Iterator[PostgreSQL]:
    """A PostgreSQL server that may be killed."""
    with ExitStack() as stack:
        with missing_is_skip():
            server = stack.enter_context(running_postgresql())
        yield server


@contextmanager
def started_again(server: PostgreSQL) -> Iterator[Process]:
    """The same server, after it was killed."""
    words = list(server.process._child.args)  # type: ignore[arg-type]
    command = words[words.index("--") + 1 :] if "--" in words else words
    log = server.process.log
    with running(
        command, log=log, cwd=log.parent, account=unprivileged("postgres"), stop=signal.SIGINT
    ) as process:
        process.wait_until(server.answers, seconds=30)
        yield process


def test_a_killed_server_refuses_and_after_its_restart_everything_goes_on(
    own_server: PostgreSQL, tmp_path: Path
) -> None:
    store = open_store(Places(own_server.create_database(), tmp_path / "keyring"), at=AT)
    ada = enrolled(store)
    half, login = pended(store, ada.account), logged_in(store, ada)
    own_server._admin("CHECKPOINT")  # this server does not flush by itself
    os.killpg(own_server.process.pid, signal.SIGKILL)
    own_server.process.wait(5)
    for _ in range(2):
        assert unavailable(lambda: grant(store, half, ada.step(99_999), session_of(ada.account)), within=6)
        assert unavailable(lambda: store.logins.find(login.digest, at=AT), within=6)
    with started_again(own_server):
        assert store.logins.find(login.digest, at=AT) is not None
        assert grant(store, half, ada.step(99_999), session_of(ada.account))
        store.close()
