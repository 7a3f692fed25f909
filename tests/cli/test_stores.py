"""init, migrate and backup."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jupyter_totp_auth.core.events import EventKind
from tests.cli.desk import Desk


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_init_makes_the_store_and_the_keyring_and_says_where(desk: Desk) -> None:
    before = os.umask(0)
    try:
        out = desk.do("init").out
    finally:
        os.umask(before)
    assert str(desk.database) in out
    assert str(desk.keyring) in out
    assert (mode(desk.database), mode(desk.keyring)) == (0o600, 0o600)
    assert (mode(desk.database.parent), mode(desk.keyring.parent)) == (0o700, 0o700)
    assert [(event.kind, event.actor) for event in desk.events()] == [(EventKind.STORE_MADE, "operator")]


def test_init_of_a_store_that_is_there_says_so_and_changes_nothing(desk: Desk) -> None:
    desk.do("init")
    desk.do("adduser", "ada")
    keyring = desk.keyring.read_bytes()
    assert "already" in desk.do("init").out
    assert desk.keyring.read_bytes() == keyring
    assert len(desk.do("list", "--json").document) == 1


def test_a_store_that_is_lost_is_made_anew_only_when_asked(desk: Desk) -> None:
    desk.do("init")
    keyring = desk.keyring.read_bytes()
    desk.database.unlink()
    for words in (["init"], ["list"], ["adduser", "ada"]):
        result = desk.run(*words)
        assert result.status == 1
        assert "init --new-store" in result.err
    desk.do("init", "--new-store")
    assert desk.keyring.read_bytes() == keyring
    assert desk.do("list", "--json").document == []


def test_new_store_never_touches_a_store_that_is_there(desk: Desk) -> None:
    desk.do("adduser", "ada")
    assert desk.run("init", "--new-store").status == 1
    assert len(desk.do("list", "--json").document) == 1


def test_a_store_without_its_keyring_is_refused(desk: Desk) -> None:
    desk.do("init")
    desk.keyring.unlink()
    assert desk.run("list").status == 1
    assert not desk.keyring.exists()


def test_migrate_of_a_store_that_is_up_to_date_says_so(desk: Desk) -> None:
    desk.do("init")
    assert "up to date" in desk.do("migrate").out


def test_a_newer_schema_is_refused_by_every_verb(desk: Desk) -> None:
    desk.do("init")
    with closing(sqlite3.connect(desk.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for words in (["migrate"], ["list"], ["adduser", "ada"]):
        result = desk.run(*words)
        assert result.status == 1
        assert "newer" in result.err


def test_a_backup_is_a_private_file_of_its_own_and_the_keyring_is_named(desk: Desk) -> None:
    desk.add("ada")
    target = desk.home / "backup.sqlite3"
    before = os.umask(0)
    try:
        with desk.services():  # somebody has the store open
            out = desk.do("backup", str(target)).out
    finally:
        os.umask(before)
    assert str(desk.keyring) in out
    assert mode(target) == 0o600
    assert not list(desk.home.glob("backup.sqlite3-*"))
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT username FROM account").fetchall() == [("ada",)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert desk.keyring.read_bytes().strip() not in target.read_bytes()
    last = desk.events()[-1]
    assert (last.kind, last.actor) == (EventKind.STORE_BACKED_UP, "operator")
    assert str(target) in last.detail


def test_a_backup_replaces_no_file(desk: Desk) -> None:
    desk.do("init")
    target = desk.home / "there.sqlite3"
    target.write_text("precious")
    link = desk.home / "link.sqlite3"
    link.symlink_to(desk.home / "nowhere.sqlite3")
    for path in (target, link, desk.home / "no" / "such" / "folder.sqlite3", desk.home):
        result = desk.run("backup", str(path))
        assert (result.status, result.out) == (1, "")
        assert len(result.err.splitlines()) == 1
    assert target.read_text() == "precious"
    assert not (desk.home / "nowhere.sqlite3").exists()


def test_a_backup_that_fails_half_way_leaves_no_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_totp_auth.store import backup

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    desk.do("init")
    monkeypatch.setattr(backup, "_copy_pages", fail)
    target = desk.home / "backup.sqlite3"
    result = desk.run("backup", str(target))
    assert result.status == 1
    assert "disk is full" in result.err
    assert not target.exists()


@pytest.mark.parametrize("verb", ["backup", "restore"])
def test_a_database_server_is_backed_up_by_its_own_tools(
    desk: Desk, verb: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = desk.home / "some.sqlite3"
    source.write_bytes(b"")
    monkeypatch.setenv("JUPYTER_TOTP_DATABASE_URL", request.getfixturevalue("postgresql_url"))
    words = ["backup", str(desk.home / "b")] if verb == "backup" else ["restore", str(source), "--yes"]
    result = desk.run(*words)
    assert result.status == 1
    assert "database server" in result.err


def test_a_database_servers_password_is_not_printed(
    desk: Desk, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue("postgresql_url")
    monkeypatch.setenv("JUPYTER_TOTP_DATABASE_URL", url.replace("://", "://", 1))
    out = desk.do("init").out
    assert "postgresql" in out
    from sqlalchemy import make_url

    password = make_url(url).password
    assert not password or str(password) not in out
