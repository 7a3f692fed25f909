"""From schema 0001 to ours: whoever could log in still can, however often it is cut short (O05, O07, Q02)."""

from __future__ import annotations

import multiprocessing
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from argon2 import profiles
from sqlalchemy import text

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.model import Issued, Origin
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.store import schema
from jupyter_totp_auth.store.database import Database
from jupyter_totp_auth.store.opening import Places
from jupyter_totp_auth.store.tables import metadata
from jupyter_totp_auth.wiring import Services, build
from tests.store import acts, first_schema
from tests.store.crowd import Processes
from tests.store.first_schema import DUMP
from tests.store.places import mode_of

ROOT = Path(__file__).parents[2]
HERE = Origin("192.0.2.1", "Firefox")
MOST = 100

# Processes that share nothing with this one, and need not import everything again each time.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.store.first_schema"])


@pytest.fixture
def places(empty_url: str, tmp_path: Path) -> Places:
    """A store of schema 0001 in each of the three databases."""
    places = Places(empty_url, tmp_path / "totp-key" / "keyring")
    first_schema.make(places.database_url, places.keyring)
    return places


class Desk:
    """The upgraded store, opened as a server opens it; its clock stands a minute after the dump."""

    def __init__(self, places: Places) -> None:
        self.now: int = DUMP["at"] + 60
        settings = TotpAuth(database_url=places.database_url, key_file=str(places.keyring))
        self.services: Services = build(settings, clock=lambda: self.now, hasher=Hasher(profiles.CHEAPEST))

    def log_in(self, name: str, code: str) -> bool:
        flow = self.services.login
        first = flow.first_factor(typed_name=name, typed_password=DUMP["password"], origin=HERE)
        assert isinstance(first, Issued)
        done = flow.second_factor(pending_bearer=first.bearer, typed_code=code, origin=HERE)
        return isinstance(done, Issued)

    def code(self, name: str) -> str:
        return totp.code(bytes.fromhex(DUMP[name]["secret"]), totp.step_at(self.now))


def check_everything(places: Places) -> None:
    """Every row of the dump still does what it did."""
    desk = Desk(places)
    store, flow = desk.services.store, desk.services.enrollment
    with store.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        counted = {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in DUMP["tables"]
        }
    assert counted == {name: len(rows) for name, rows in DUMP["tables"].items()}
    live = desk.services.logins.load(DUMP["ada"]["bearer"])
    assert live is not None
    assert live.session.fresh_at == live.session.created_at
    assert (live.session.active_at, live.session.locked_at) == (live.session.last_seen_at, None)
    used, unused = DUMP["ada"]["recovery_codes"][:2]
    assert not desk.log_in("ada", used)
    assert desk.log_in("ada", unused)
    assert desk.log_in("ada", desk.code("ada"))
    pending = desk.services.login.second_factor(
        pending_bearer=DUMP["bob_pending"], typed_code=desk.code("bob"), origin=HERE
    )
    assert isinstance(pending, Issued)
    secret = bytes.fromhex(DUMP["dave"]["secret"])
    done = flow.confirm(
        DUMP["dave"]["enrollment"], typed_code=totp.code(secret, totp.step_at(desk.now)), origin=HERE
    )
    assert isinstance(done, Issued)
    assert isinstance(flow.start(DUMP["carol"]["enrollment_code"], HERE), Issued)
    assert desk.services.accounts.named("eve").disabled
    assert desk.services.accounts.named("ada").display_name == "Ada \u2713 Lovelace"
    desk.services.close()


def test_every_row_of_the_first_schema_still_does_what_it_did(places: Places) -> None:
    check_everything(places)


def test_counts_of_failed_tries_are_found_again(places: Places) -> None:
    desk = Desk(places)
    before = DUMP["tables"]["throttle"]
    desk.services.login.first_factor(typed_name="bob", typed_password="wrong wrong wrong", origin=HERE)
    with desk.services.store.database.read() as connection:
        after = connection.execute(text("SELECT digest, failures FROM throttle")).all()
    desk.services.close()
    was = {row["digest"]: row["failures"] for row in before}
    assert was.keys() == {row.digest for row in after}  # no new counter: the name's digest is the same
    assert sorted(row.failures - was[row.digest] for row in after) == [0] * (len(after) - 1) + [1]


def test_a_private_backup_of_the_old_schema_is_made_first(tmp_path: Path) -> None:
    places = Places(f"sqlite:///{tmp_path}/totp/totp.sqlite3", tmp_path / "totp-key" / "keyring")
    first_schema.make(places.database_url, places.keyring)
    check_everything(places)
    (copy,) = (tmp_path / "totp").glob(f"*.before-{schema.HEAD}-*")
    assert mode_of(copy) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.soak)])
def test_killed_before_one_statement_after_the_other_it_goes_on(places: Places, stride: int) -> None:
    for number in range(1, MOST, stride):
        victim = FORKS.Process(target=first_schema.migrate_until_killed, args=(places.database_url, number))
        victim.start()
        victim.join(60)
        if victim.exitcode == 0:
            break
        assert victim.exitcode == -signal.SIGKILL
    assert number > 10, "it was hardly ever killed"
    with closing(Database(places.database_url)) as database:
        assert schema.version(database) == schema.HEAD
    check_everything(places)


@pytest.mark.race
@pytest.mark.parametrize("turn", [0, *(pytest.param(turn, marks=pytest.mark.soak) for turn in range(1, 334))])
def test_four_processes_that_migrate_at_once_come_to_one_store(
    places: Places, processes: Processes, turn: int
) -> None:
    job = (acts.open_once, (places.database_url, places.keyring))
    found = processes.at(None).at_once([job] * 4)
    assert set(found) == {DUMP["tables"]["instance"][0]["instance_id"]}
    if places.database_url.startswith("sqlite"):
        folder = Path(places.database_url.removeprefix("sqlite:///")).parent
        assert len(list(folder.glob("*.before-*"))) == 1
    check_everything(places)
