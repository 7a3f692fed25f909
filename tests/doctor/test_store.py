"""Faults of a store: each is made in a real one."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from jupyter_totp_auth.core.policy import DAY, HOUR
from jupyter_totp_auth.store import files
from tests.cli.desk import Desk
from tests.doctor.looking import alone, findings, green, not_root, red, yellow


def change(desk: Desk, statement: str) -> None:
    connection = sqlite3.connect(desk.database)
    with connection:
        connection.execute(statement)
    connection.close()


def test_nothing_there_yet(desk: Desk) -> None:
    yellow(desk, "store-halves", "no store yet")
    assert not desk.database.exists()
    green(desk, "nobody-enrolled")


def test_one_half_without_the_other(desk: Desk) -> None:
    desk.do("init")
    green(desk, "store-halves")
    away = desk.home / "away"
    desk.keyring.rename(away)
    red(desk, "store-halves", "its keyring")
    away.rename(desk.keyring)
    desk.database.unlink()
    red(desk, "store-halves", "its store")


def test_a_network_file_system(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = desk.home / "mountinfo"
    mounts.write_text(f"40 22 0:40 / {desk.home} rw,relatime shared:7 - nfs4 server:/export rw\n")
    green(desk, "store-network")
    monkeypatch.setattr(files, "_MOUNTS", mounts)
    red(desk, "store-network", "nfs4")


def test_a_database_that_does_not_answer(desk: Desk) -> None:
    desk.configure("c.TotpAuth.database_url = 'postgresql://totp:canary@127.0.0.1:9/totp'")
    red(desk, "store-readable", "cannot be read")
    yellow(desk, "nobody-enrolled", "Not looked at")


def test_an_empty_file_is_no_store_yet(desk: Desk) -> None:
    desk.database.parent.mkdir()
    desk.database.touch(0o600)
    for slug in ("store-readable", "store-schema", "store-damaged", "nobody-enrolled", "clock"):
        green(desk, slug)
    assert desk.database.stat().st_size == 0


def test_a_folder_in_the_stores_place(desk: Desk) -> None:
    desk.database.mkdir(parents=True)
    red(desk, "store-readable", "cannot be read")


def test_a_store_that_cannot_be_written(users_desk: Desk) -> None:
    users_desk.do("init")
    path = users_desk.database
    with not_root(users_desk):
        green(users_desk, "store-writable")
        path.chmod(0o400)
        red(users_desk, "store-writable", str(path))
        green(users_desk, "store-readable")
        path.chmod(0o600)
        path.parent.chmod(0o500)
        red(users_desk, "store-writable", str(path))
        path.parent.chmod(0o700)


def test_a_store_that_cannot_be_read(users_desk: Desk) -> None:
    users_desk.do("init")
    users_desk.database.chmod(0)
    with not_root(users_desk):
        red(users_desk, "store-readable", "cannot be read")


@pytest.mark.parametrize("how", ["garbage", "hole"])
def test_a_damaged_store(desk: Desk, how: str) -> None:
    desk.add("ada", "--admin")
    green(desk, "store-damaged")
    if how == "garbage":
        desk.database.write_bytes(b"no database " * 1000)
    else:
        with desk.database.open("r+b") as file:
            file.seek(8192)
            file.write(b"\xff" * 20_000)
    red(desk, "store-damaged", str(desk.database))
    yellow(desk, "store-schema", "damaged")


def test_schemas_behind_and_ahead(desk: Desk) -> None:
    desk.do("init")
    green(desk, "store-schema")
    change(desk, "UPDATE alembic_version SET version_num = '0001'")
    yellow(desk, "store-schema", "0001")
    yellow(desk, "administrators", "Not looked at")
    change(desk, "UPDATE alembic_version SET version_num = '9999'")
    red(desk, "store-schema", "9999")


def test_a_keyring_that_does_not_fit(desk: Desk) -> None:
    desk.do("init")
    green(desk, "keyring-fits")
    text = desk.keyring.read_text()
    desk.keyring.write_text("no keyring")
    red(desk, "keyring-fits", "cannot be used")
    desk.keyring.unlink()
    desk.database.rename(desk.home / "away")
    desk.do("init")
    (desk.home / "away").rename(desk.database)
    assert desk.keyring.read_text() != text
    red(desk, "keyring-fits", "not this store's")


def test_old_keys(desk: Desk) -> None:
    desk.do("init")
    green(desk, "old-keys")
    desk.do("rekey")
    yellow(desk, "old-keys", "1")


def test_backups(desk: Desk) -> None:
    desk.do("init")
    yellow(desk, "no-backup", "never")
    desk.do("backup", str(desk.home / "backup"))
    green(desk, "no-backup")
    desk.now += 31 * DAY
    yellow(desk, "no-backup", "31 days")


def test_a_keyring_that_is_newer_than_the_backup(desk: Desk) -> None:
    desk.do("init")
    green(desk, "keyring-changed")
    desk.do("backup", str(desk.home / "backup"))
    os.utime(desk.keyring, (desk.now - 1, desk.now - 1))
    green(desk, "keyring-changed")
    os.utime(desk.keyring, (desk.now + 1, desk.now + 1))
    yellow(desk, "keyring-changed", str(desk.keyring))


def test_a_clock_that_is_behind(desk: Desk) -> None:
    desk.add("ada", "--admin")
    green(desk, "clock")
    desk.now -= HOUR
    red(desk, "clock", "3600 s behind")
    desk.now = 86_400
    red(desk, "clock", "before this program was written")


@pytest.mark.parametrize("allowed", ["False", "True"])
def test_a_database_on_another_machine(allowed: str) -> None:
    far = "--TotpAuth.database_url=postgresql://totp@db.example.org/totp"
    loose = f"--TotpAuth.allow_plain_database={allowed}"
    assert alone("database-tls", far, loose).severity == "red"
    assert alone("database-tls", f"{far}?sslmode=verify-full", loose).severity == "green"
    assert alone("database-tls").severity == "green"


def test_a_look_changes_nothing_also_while_a_server_has_it_open(desk: Desk) -> None:
    desk.add("ada", "--admin")
    before = listing(desk.home)
    findings(desk)
    assert listing(desk.home) == before
    with desk.services() as services:
        services.sync()
        opened = set(listing(desk.home))
        green(desk, "nobody-enrolled")
        assert set(listing(desk.home)) == opened


def listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}
