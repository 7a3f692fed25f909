"""A file too big to be looked through at the start: its head and what a start reads, then all the rest."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.store.damage import WHOLE_AT_START, is_small, is_sound, is_sound_at_start
from jupyter_totp_auth.wiring import build
from tests.harness.backstage import wait_until
from tests.harness.lean import assert_refuses, lean
from tests.harness.server import JupyterServer

_PAGE = 4096
_MANY_EVENTS = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 60000)
    INSERT INTO event (at, event, actor, client, detail)
    SELECT n, 'login', 'ada', '127.0.0.1', printf('%080d', n) FROM numbers
"""


@pytest.fixture
def big(tmp_path: Path) -> JupyterServer:
    """A server with a big store. Not started."""
    server = lean(tmp_path)
    keyring = server.home / "data" / "totp-key" / "keyring"
    build(TotpAuth(database_url=f"sqlite:///{server.database}", key_file=str(keyring))).close()
    with closing(sqlite3.connect(server.database)) as connection:
        with connection:
            connection.execute(_MANY_EVENTS)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert server.database.stat().st_size > WHOLE_AT_START
    assert not is_small(server.database)
    return server


def spoil(database: Path, page: int) -> None:
    with database.open("r+b") as raw:
        raw.seek((page - 1) * _PAGE)
        raw.write(os.urandom(_PAGE))


def root_page(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return int(connection.execute(query, (table,)).fetchone()[0])


def test_a_big_store_is_looked_through_once_the_server_runs(big: JupyterServer) -> None:
    with big:
        wait_until(lambda: "was looked through, and is sound" in big.log, 20, "the look")
    assert "damaged" not in big.log


def test_damage_that_a_start_does_not_read_is_told_once_the_server_runs(big: JupyterServer) -> None:
    spoil(big.database, big.database.stat().st_size // _PAGE // 2)
    assert is_sound_at_start(big.database)
    assert not is_sound(big.database)
    with big:
        said = f"The account store {big.database} is damaged. Restore a backup: jupyter totp restore PATH"
        wait_until(lambda: said in big.log, 20, "the look")
        assert big.is_ready()


@pytest.mark.parametrize("table", ["instance", "alembic_version"])
def test_damage_of_what_a_start_reads_ends_it(big: JupyterServer, table: str) -> None:
    spoil(big.database, root_page(big.database, table))
    assert_refuses(big, f"The account store {big.database} is damaged.")


def test_damage_of_a_big_stores_head_ends_the_start(big: JupyterServer) -> None:
    spoil(big.database, 1)
    assert_refuses(big, f"The account store {big.database} is damaged.")


def test_a_big_store_that_is_cut_off_ends_the_start(big: JupyterServer) -> None:
    os.truncate(big.database, big.database.stat().st_size // 2)
    assert_refuses(big, f"The account store {big.database} is damaged.")


def test_a_look_at_a_file_that_is_gone_makes_none(tmp_path: Path) -> None:
    gone = tmp_path / "totp.sqlite3"
    with pytest.raises(Exception, match="unable to open"):
        is_sound(gone)
    assert not gone.exists()
