"""rekey, export and import, as an operator sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.sealing import Keyring
from jupyter_totp_auth.store import rekey
from tests.cli.desk import Desk


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rekey, "_SETTLE_S", 0.01)
    monkeypatch.setattr(rekey, "_LONGEST_WRITE_S", 0.01)


def ring(desk: Desk) -> Keyring:
    return Keyring.parse(desk.keyring.read_text())


def test_after_a_rekey_password_code_and_recovery_code_open_and_counters_stay(desk: Desk) -> None:
    ada = desk.add("ada")
    for _ in range(3):
        desk.log_in(ada, password="not hers at all")
    before = desk.database.read_bytes()
    with desk.services() as running:
        out = desk.do("rekey").out
        assert ring(desk).primary.hex() in out
        assert str(desk.keyring) in out
        desk.now += 60
        assert desk.log_in(ada)
        assert desk.log_in(ada, code=ada.recovery_codes[0])
        desk.do("rekey", "--drop-old")
        desk.now += 60
        assert desk.log_in(ada)
        assert running.store.accounts.recovery_codes_left(running.accounts.named("ada").id) == 9
    assert list(ring(desk).keys) == [ring(desk).primary]
    assert before != desk.database.read_bytes()
    kinds = [event.kind for event in desk.events()]
    assert kinds.index(EventKind.STORE_REKEYED) < kinds.index(EventKind.OLD_KEYS_DROPPED)


def test_a_second_drop_is_refused_in_one_sentence(desk: Desk) -> None:
    desk.do("init")
    result = desk.run("rekey", "--drop-old")
    assert (result.status, result.out) == (1, "")
    assert result.err == "jupyter totp: The keyring holds no old key.\n"


def test_a_backup_from_before_needs_the_old_key_and_a_rekey_after_it_goes_on(desk: Desk) -> None:
    ada, backup = desk.add("ada"), desk.home / "backup.sqlite3"
    desk.do("backup", str(backup))
    desk.do("rekey")
    desk.do("restore", str(backup), "--yes")
    now = ring(desk)
    assert "under the key" in desk.do("rekey").out  # no new one: the restored store is brought under it
    assert ring(desk) == now
    desk.do("rekey", "--drop-old")
    desk.now += 60
    assert desk.log_in(ada)
    refused = desk.run("restore", str(backup), "--yes")
    assert refused.status == 1
    assert "does not fit" in refused.err


def test_export_and_import_by_way_of_the_command_line(
    desk: Desk, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, file = desk.add("ada"), desk.home / "totp.jsonl"
    out = desk.do("export", str(file)).out
    assert "accounts: 1" in out
    assert str(desk.keyring) in out
    assert file.stat().st_mode & 0o777 == 0o600
    last = desk.events()[-1]
    assert (last.kind, last.actor) == (EventKind.STORE_EXPORTED, "operator")
    assert str(file) in last.detail
    assert desk.run("export", str(file)).status == 1
    assert "accounts already" in desk.run("import", str(file)).err
    monkeypatch.setenv("JUPYTER_TOTP_DATABASE_URL", request.getfixturevalue("postgresql_url"))
    assert "accounts: 1" in desk.do("import", str(file)).out
    assert not desk.lives(ada.bearer)
    assert desk.log_in(ada) is None  # its step is spent
    desk.now += 60
    assert desk.log_in(ada)
    assert desk.log_in(ada, code=ada.recovery_codes[3])
    assert EventKind.STORE_IMPORTED in [event.kind for event in desk.events()]


@pytest.mark.parametrize("path", ["nothing-there", "."])
def test_what_is_no_export_is_refused_in_one_sentence(desk: Desk, path: str) -> None:
    desk.do("init")
    result = desk.run("import", str(Path(desk.home) / path))
    assert (result.status, result.out) == (1, "")
    assert len(result.err.splitlines()) == 1
