"""restore: nothing that was used or ended since the backup comes to life again (R45, O08)."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Denied, EndReason, Issued, Refusal
from tests.cli.desk import HERE, PASSWORD, Desk

HOUR = 3600


@pytest.fixture
def backup(desk: Desk) -> Path:
    return desk.home / "backup.sqlite3"


def aside(desk: Desk) -> list[Path]:
    return sorted(desk.database.parent.glob("totp.sqlite3.before-restore-*"))


def leftovers(desk: Desk) -> list[Path]:
    return list(desk.database.parent.glob(".restore-*"))


def restore(desk: Desk, backup: Path) -> str:
    return desk.do("restore", str(backup), "--yes").out


def test_accounts_are_as_they_were_and_the_old_store_is_kept(desk: Desk, backup: Path) -> None:
    desk.add("ada")
    desk.do("backup", str(backup))
    desk.do("adduser", "bob")
    out = restore(desk, backup)
    assert [one["username"] for one in desk.do("list", "--json").document] == ["ada"]
    (kept,) = aside(desk)
    assert str(kept) in out
    assert kept.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(kept)) as connection:
        names = connection.execute("SELECT username FROM account ORDER BY username").fetchall()
    assert names == [("ada",), ("bob",)]
    assert desk.database.stat().st_mode & 0o777 == 0o600
    assert leftovers(desk) == []
    assert not list(backup.parent.glob("backup.sqlite3-*"))


def test_the_backup_itself_stays_as_it_is(desk: Desk, backup: Path) -> None:
    desk.add("ada")
    desk.do("backup", str(backup))
    before = backup.read_bytes()
    restore(desk, backup)
    assert backup.read_bytes() == before


def test_all_logins_have_ended_and_say_why(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    assert desk.lives(ada.bearer)
    restore(desk, backup)
    assert not desk.lives(ada.bearer)
    with desk.services() as services:
        ended = services.logins.why_ended(ada.bearer)
    assert ended is not None
    assert ended.reason is EndReason.RESTORED
    last = desk.events()[-1]
    assert (last.kind, last.actor) == (EventKind.STORE_RESTORED, "operator")


def test_known_browsers_and_half_done_logins_are_forgotten(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.now += 60
    with desk.services() as services:
        pending = services.login.first_factor(typed_name="ada", typed_password=PASSWORD, origin=HERE)
        assert isinstance(pending, Issued)
        before = services.accounts.named("ada").epoch
        desk.do("backup", str(backup))
        restore(desk, backup)
        code = totp.code(ada.secret, totp.step_at(desk.now) + 1)
        denied = services.login.second_factor(pending_bearer=pending.bearer, typed_code=code, origin=HERE)
        assert isinstance(denied, Denied)
        assert denied.refusal is Refusal.EXPIRED
    with closing(sqlite3.connect(desk.database)) as connection:
        assert connection.execute("SELECT count(*) FROM known_browser").fetchone() == (0,)
        assert connection.execute("SELECT epoch FROM account").fetchone() == (before + 1,)


def test_no_code_up_to_now_opens_anything(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    desk.now += HOUR
    used = totp.code(ada.secret, totp.step_at(desk.now))
    assert desk.log_in(ada, code=used)
    restore(desk, backup)
    assert desk.log_in(ada, code=used) is None
    with closing(sqlite3.connect(desk.database)) as connection:
        steps = connection.execute("SELECT last_step FROM totp_authenticator").fetchall()
    assert steps == [(totp.step_at(desk.now),)]
    desk.now += 30
    assert desk.log_in(ada)


def test_where_the_store_is_lost_no_code_up_to_now_opens_anything_either(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    desk.now += HOUR
    used = totp.code(ada.secret, totp.step_at(desk.now))
    assert desk.log_in(ada, code=used)
    for file in desk.database.parent.glob(f"{desk.database.name}*"):
        file.unlink()  # nobody can say any more what was used
    restore(desk, backup)
    assert desk.log_in(ada, code=used) is None
    desk.now += 30
    assert desk.log_in(ada)


def test_a_code_of_the_step_ahead_that_was_used_stays_used(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    desk.now += HOUR
    ahead = totp.code(ada.secret, totp.step_at(desk.now) + 1)
    assert desk.log_in(ada, code=ahead)
    restore(desk, backup)
    assert desk.log_in(ada, code=ahead) is None
    desk.now += 30
    assert desk.log_in(ada, code=ahead) is None


def test_a_recovery_code_that_was_used_stays_used_and_the_others_work(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    assert desk.log_in(ada, code=ada.recovery_codes[0])
    restore(desk, backup)
    assert desk.log_in(ada, code=ada.recovery_codes[0]) is None
    assert desk.log_in(ada, code=ada.recovery_codes[1])


def test_recovery_codes_that_were_replaced_since_are_void_used_or_not(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    bearer = desk.log_in(ada, code=ada.recovery_codes[0])
    assert bearer
    with desk.services() as services:
        login = services.logins.load(bearer)
        assert login is not None
        fresh = services.authenticators.new_recovery_codes(login, HERE)
    assert len(fresh) == 10  # type: ignore[arg-type]
    restore(desk, backup)
    for code in ada.recovery_codes[:3]:
        assert desk.log_in(ada, code=code) is None


def test_what_happened_since_the_backup_stays_in_the_audit_log(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    assert desk.log_in(ada, code=ada.recovery_codes[0])
    before = desk.events()
    assert EventKind.RECOVERY_CODE_USED in [event.kind for event in before]
    restore(desk, backup)
    after = desk.events()
    assert after[:-1] == before
    assert (after[-1].kind, after[-1].detail) == (EventKind.STORE_RESTORED, ascii(str(backup)))


def test_a_link_that_was_used_stays_used(desk: Desk, backup: Path) -> None:
    code = desk.do("adduser", "ada").code
    desk.do("backup", str(backup))
    desk.enroll(code, "ada")
    restore(desk, backup)
    with pytest.raises(AssertionError, match="UNKNOWN"):
        desk.enroll(code, "ada")


def test_a_link_that_was_not_used_still_works_and_one_of_a_lost_store_does_not(
    desk: Desk, backup: Path
) -> None:
    code = desk.do("adduser", "ada").code
    desk.do("backup", str(backup))
    restore(desk, backup)
    desk.enroll(code, "ada")
    other = desk.do("adduser", "bob").code
    second = desk.home / "second.sqlite3"
    desk.do("backup", str(second))
    desk.database.unlink()  # whether bob has used his link is not known any more
    restore(desk, second)
    with pytest.raises(AssertionError, match="UNKNOWN"):
        desk.enroll(other, "bob")


def test_a_process_that_has_the_store_open_drops_what_it_knew(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    for _ in range(5):
        desk.do("role", "ada", "admin")
    with desk.services() as server:
        login = server.logins.load(ada.bearer)
        assert login is not None
        server.logins.sync()
        before = server.store.logins.revision()
        inode = desk.database.stat().st_ino
        restore(desk, backup)
        assert desk.database.stat().st_ino == inode
        assert server.store.logins.revision() > before
        assert server.logins.sync() == {login.session.id}
        assert server.logins.live(login.session.digest) is None
        # It goes on with the restored store, without being started again.
        assert server.accounts.named("ada").role.value == "member"
        server.accounts.add("bob", server.accounts.named("ada").role, actor="operator")
    assert [one["username"] for one in desk.do("list", "--json").document] == ["ada", "bob"]


def test_a_lost_store_is_restored_beside_its_keyring(desk: Desk, backup: Path) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    desk.now += HOUR
    used = totp.code(ada.secret, totp.step_at(desk.now))
    assert desk.log_in(ada, code=used)
    shutil.rmtree(desk.database.parent)
    assert "before-restore" not in restore(desk, backup)
    assert desk.log_in(ada, code=used) is None  # although nothing tells any more that it was used
    assert desk.database.stat().st_mode & 0o777 == 0o600
    assert desk.database.parent.stat().st_mode & 0o777 == 0o700
    desk.now += 30
    assert desk.log_in(ada)


@pytest.mark.parametrize("damage", ["overwritten", "cut", "holes", "empty"])
def test_a_damaged_store_is_replaced_and_kept(desk: Desk, backup: Path, damage: str) -> None:
    ada = desk.add("ada")
    desk.do("backup", str(backup))
    content = desk.database.read_bytes()
    if damage == "overwritten":
        desk.database.write_bytes(b"x" * len(content))
    elif damage == "cut":
        desk.database.write_bytes(content[: len(content) // 2])
    elif damage == "holes":
        desk.database.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    else:
        desk.database.write_bytes(b"")
    restore(desk, backup)
    assert len(aside(desk)) == (damage != "empty")
    desk.now += 30
    assert desk.log_in(ada)


def test_what_a_damaged_stores_log_holds_does_not_get_into_the_new_one(desk: Desk, backup: Path) -> None:
    desk.do("adduser", "ada")
    desk.do("backup", str(backup))
    with desk.services():  # keeps the -wal beside the store
        desk.do("adduser", "bob")
        copy = desk.home / "log"
        shutil.copyfile(f"{desk.database}-wal", copy)
    desk.database.write_bytes(b"x" * 8192)
    shutil.copyfile(copy, f"{desk.database}-wal")
    restore(desk, backup)
    assert [one["username"] for one in desk.do("list", "--json").document] == ["ada"]


def test_a_store_that_cannot_be_read_is_kept_as_it_is_and_its_log_does_no_harm(
    desk: Desk, backup: Path
) -> None:
    desk.do("adduser", "ada")
    desk.do("backup", str(backup))
    desk.database.write_bytes(b"x" * 8192)
    log = Path(f"{desk.database}-wal")
    log.write_bytes(b"y" * 4096)
    restore(desk, backup)
    assert aside(desk)[0].read_bytes() == b"x" * 8192
    assert not log.exists() or not log.read_bytes().startswith(b"y")
    assert [one["username"] for one in desk.do("list", "--json").document] == ["ada"]


def test_a_copy_made_by_hand_with_its_log_is_restored_whole(desk: Desk, backup: Path) -> None:
    with desk.services():
        desk.do("adduser", "ada")
        shutil.copyfile(desk.database, backup)
        shutil.copyfile(f"{desk.database}-wal", f"{backup}-wal")
    desk.do("deluser", "ada", "--yes")
    restore(desk, backup)
    assert [one["username"] for one in desk.do("list", "--json").document] == ["ada"]


# -- what is refused: the store is then as it was ---------------------------------------------------


def refused(desk: Desk, path: Path, words: str) -> None:
    before = desk.events() if desk.database.exists() else []
    result = desk.run("restore", str(path), "--yes")
    assert (result.status, result.out) == (1, "")
    assert words in result.err
    assert len(result.err.splitlines()) == 1
    assert leftovers(desk) == []
    assert aside(desk) == []
    assert not before or desk.events() == before


def test_what_is_no_backup_is_refused(desk: Desk) -> None:
    desk.do("adduser", "ada")
    text, other, empty = desk.home / "text", desk.home / "other.sqlite3", desk.home / "empty"
    text.write_text("hello " * 2000)
    empty.write_bytes(b"")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    refused(desk, text, "no backup")
    refused(desk, other, "no backup")
    refused(desk, empty, "no backup")
    refused(desk, desk.home / "nowhere", "no file")
    refused(desk, desk.home, "no file")
    refused(desk, desk.database, "the store itself")


def test_a_damaged_backup_is_refused(desk: Desk, backup: Path) -> None:
    desk.do("adduser", "ada")
    desk.do("backup", str(backup))
    content = backup.read_bytes()
    backup.write_bytes(content[:4096] + b"\xff" * 8192 + content[12288:])
    refused(desk, backup, "damaged")


def test_a_newer_backup_is_refused(desk: Desk, backup: Path) -> None:
    desk.do("adduser", "ada")
    desk.do("backup", str(backup))
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    refused(desk, backup, "newer")


def test_a_backup_of_another_keyring_is_refused(desk: Desk, backup: Path) -> None:
    desk.do("adduser", "ada")
    desk.do("backup", str(backup))
    shutil.rmtree(desk.home / "data")
    desk.do("adduser", "bob")
    refused(desk, backup, "does not fit")


def test_without_the_keyring_nothing_is_restored_and_no_keyring_made(desk: Desk, backup: Path) -> None:
    desk.do("adduser", "ada")
    desk.do("backup", str(backup))
    shutil.rmtree(desk.home / "data")
    refused(desk, backup, "keyring")
    assert not desk.keyring.exists()


def test_a_store_that_somebody_does_not_let_go_of_is_left_as_it_is(
    desk: Desk, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_totp_auth.store import restore as module

    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    monkeypatch.setattr(module, "_BUSY_TIMEOUT_S", 0.1)
    desk.do("adduser", "ada")
    desk.do("backup", str(backup))
    desk.do("adduser", "bob")
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        result = desk.run("restore", str(backup), "--yes")
        writer.execute("ROLLBACK")
    assert result.status == 1
    assert "does not let go" in result.err
    assert aside(desk) == []
    assert len(desk.do("list", "--json").document) == 2


def test_restore_needs_a_yes_where_there_is_no_terminal(desk: Desk, backup: Path) -> None:
    desk.do("adduser", "ada")
    desk.do("backup", str(backup))
    desk.do("adduser", "bob")
    assert desk.run("restore", str(backup)).status == 2
    assert len(desk.do("list", "--json").document) == 2


def test_a_backup_of_another_page_size_is_restored_under_an_open_store(desk: Desk, backup: Path) -> None:
    desk.do("adduser", "ada")
    desk.do("backup", str(backup))
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA page_size=8192")
        connection.execute("VACUUM")
    with desk.services():
        restore(desk, backup)
    assert [one["username"] for one in desk.do("list", "--json").document] == ["ada"]


def test_access_tokens_and_half_done_phones_are_void(desk: Desk, backup: Path) -> None:
    desk.add("ada")
    with closing(sqlite3.connect(desk.database)) as connection, connection:
        (who,) = connection.execute("SELECT id FROM account").fetchone()
        token = ("d" * 64, "0" * 16, who, "VS Code", "all", desk.now, desk.now + HOUR)
        columns = "digest, id, account_id, name, scopes, created_at, expires_at"
        connection.execute(f"INSERT INTO access_token ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", token)
        phone = ("p" * 32, who, "Tablet", b"sealed", desk.now + HOUR, 5)
        columns = "id, account_id, name, secret, expires_at, tries_left"
        connection.execute(f"INSERT INTO new_authenticator ({columns}) VALUES (?, ?, ?, ?, ?, ?)", phone)
    desk.do("backup", str(backup))
    restore(desk, backup)
    with closing(sqlite3.connect(desk.database)) as connection:
        for table in ("access_token", "new_authenticator"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
